"""A job's configuration is Hydra's own, byte for byte, though what jobs share is composed once."""

import copy

import pytest
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from depthrepro.config.schema import CONFIG_DIR
from depthrepro.sweep.composer import Composer


@pytest.fixture
def sweep():
    """(Hydra's configuration of a sweep, its loader), as a program has them."""
    import depthrepro.train  # noqa: F401 - registers schema and plug-ins

    with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        yield loader.load_configuration("config", [], run_mode=RunMode.MULTIRUN), loader


def hydras_own(sweep, overrides):
    master, loader = sweep
    cfg = loader.load_sweep_config(master, list(overrides))
    OmegaConf.set_struct(cfg, False)
    del cfg["hydra"]
    OmegaConf.set_struct(cfg, True)
    return cfg


JOBS = [
    ["+experiment=garg_kitti"],
    ["+experiment=garg_kitti", "seed=3"],
    ["seed=3", "+experiment=garg_kitti", "trainer.epochs=7", "optimizer.lr=1e-3"],
    ["+experiment=garg_kitti", "input_size=[48,160]", "logger.run_name='a, b'", "run_dir=null", "cache_dir=${root}/x"],
    ["+experiment=garg_kitti", "data.synthetic={train_pairs: 8, seed: 0}", "data={root: /x}"],
    ["+experiment=garg_kitti", "optimizer=adamw", "optimizer.lr=0.5", "scale=paper", "seed=1"],
    ["+experiment/garg_loss=l2_hs", "+trainer.lr_factors.encoder=0.1", "seed=1"],
    ["+experiment/garg_loss=l2_hs", "~optimizer.lr", "trainer.epochs=9"],
    ["+experiment/garg_loss=l2_hs", "++optimizer.lr=0.25", "++model.extra=1"],
    ["+experiment/garg_loss=l2_hs", "+test@tests.more=nyu", "seed=2"],
    ["+experiment/garg_loss=l2_hs", "hydra.job.name=other", "seed=2"],
]


def test_every_job_is_as_hydra_composes_it(sweep):
    composer = Composer(*sweep)
    for overrides in JOBS:
        ours, theirs = composer.compose(overrides), hydras_own(sweep, overrides)
        assert OmegaConf.to_yaml(ours) == OmegaConf.to_yaml(theirs)
        assert OmegaConf.to_yaml(ours, resolve=True) == OmegaConf.to_yaml(theirs, resolve=True)
        assert OmegaConf.is_struct(ours) and OmegaConf.get_type(ours) is OmegaConf.get_type(theirs)


@pytest.mark.parametrize("setting", ["seed=x", "trainer.epoch=3", "optimizer=adm", "loss/x=y", "seed@x=1", "~nothing"])
def test_what_is_wrong_is_in_hydras_words(sweep, setting):
    overrides = ["+experiment=garg_kitti", "trainer.epochs=3", setting]
    with pytest.raises(HydraException) as theirs:
        hydras_own(sweep, overrides)
    with pytest.raises(type(theirs.value)) as ours:
        Composer(*sweep).compose(overrides)
    assert str(ours.value) == str(theirs.value)


def test_jobs_of_the_same_options_are_composed_once_and_share_nothing(sweep, monkeypatch):
    composed = []
    own = type(sweep[1]).load_sweep_config
    monkeypatch.setattr(type(sweep[1]), "load_sweep_config", lambda *args: composed.append(args) or own(*args))
    composer = Composer(*sweep)
    first, second = (composer.compose(["+experiment=garg_kitti", f"seed={seed}"]) for seed in (0, 1))
    first.trainer.epochs = 99
    assert len(composed) == 1 and second.trainer.epochs != 99 and (first.seed, second.seed) == (0, 1)
    composer.compose(["+experiment=garg_kitti", "optimizer=sgd", "seed=0"])
    assert len(composed) == 2


def test_hydra_copies_no_store_and_changes_none(sweep):
    store = ConfigStore.instance()
    before = OmegaConf.to_yaml(store.repo["schema.yaml"].node)
    assert copy.deepcopy(store).repo is store.repo
    cfg = Composer(*sweep).compose(["+experiment=garg_kitti", "trainer.epochs=3"])
    cfg.trainer.epochs = 4
    assert OmegaConf.to_yaml(store.repo["schema.yaml"].node) == before
