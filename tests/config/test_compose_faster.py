"""Composing faster changes nothing of what is composed."""

import os

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal import defaults_list
from hydra._internal.config_repository import ConfigRepository
from omegaconf import OmegaConf, base

from depthrepro.config.register import register_schema
from depthrepro.config.schema import CONFIG_DIR
from tests import compose_faster

COMMANDS = [
    ("+experiment=garg_kitti",),
    ("+experiment/garg_loss=l1_edge", "scale=paper", "trainer.epochs=3"),
    ("+experiment=da_student", "test@tests.nyu=nyu", "tests.nyu.data.root=/nyu"),
    ("+experiment/da_zero_shot=student", "~tests", "+seed=1"),
]


def _by_hydra_alone(patch):
    patch.setattr(ConfigRepository, "load_config", compose_faster._load_config)
    patch.setattr(defaults_list, "_create_interpolation_map", compose_faster._interpolation_map)
    for module in (base, compose_faster.omegaconf._utils):
        patch.setattr(module, "parse", module.parse.__wrapped__)


def _composed(words):
    with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
        try:
            cfg = compose("config", overrides=list(words), return_hydra_config=True)
        except Exception as error:
            return str(error)
    return OmegaConf.to_yaml(cfg)


@pytest.mark.parametrize("words", COMMANDS)
def test_the_configuration_is_hydras_own(words, monkeypatch):
    register_schema()
    ours = [_composed(words) for _ in range(2)]
    with monkeypatch.context() as patch:
        _by_hydra_alone(patch)
        assert ours == [_composed(words)] * 2


def test_a_changed_file_is_read_again(tmp_path):
    register_schema()
    file = tmp_path / "one.yaml"
    for number in (1, 2):
        file.write_text(f"a: {number}\n")
        os.utime(file, ns=(number, number))
        with initialize_config_dir(str(tmp_path), version_base="1.3"):
            cfg = compose("one")
            cfg.a += 10  # of no concern to the next
            assert compose("one").a == number
