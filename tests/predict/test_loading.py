"""Checkpoints: every form that we write is read, and nothing that a file names is executed."""

import socket

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from depthrepro.core.checkpoint import save_checkpoint
from depthrepro.core.errors import UserError
from depthrepro.data.input_transform import InputTransform
from depthrepro.inference.predictions import Kind
from depthrepro.models import depth_anything
from depthrepro.models.depth_anything import DepthAnything
from depthrepro.models.garg import GargNet
from depthrepro.models.published_input import OfficialInput
from depthrepro.models.rebuild import build_model
from depthrepro.predict.loading import load_network
from depthrepro.predict.predictor import Predictor
from tests.predict.helpers import DEPTH_ANYTHING, GARG, SIZE, depth_anything_checkpoint, garg_checkpoint, photograph


def test_an_older_checkpoint_with_input_size(garg):
    network = load_network(garg, "cpu")
    assert isinstance(network.model, GargNet) and not network.model.training
    assert (network.kind, network.level) == (Kind.disp_frac, "L12")
    assert network.transform == InputTransform(*SIZE)
    assert network.description == GARG


def test_the_stored_input_transform_wins(tmp_path):
    transform = InputTransform(48, 80, interpolation="bilinear")
    file = garg_checkpoint(tmp_path / "last.pt", input=transform.as_dict())
    assert load_network(file, "cpu").transform == transform


def test_a_depth_anything_of_ours(relative, metric):
    assert load_network(relative, "cpu").kind is Kind.affine_inv_depth
    network = load_network(metric, "cpu")
    assert network.kind is Kind.depth and network.transform.keep_aspect
    assert network.level == "depth"


def test_published_weights_are_run_as_their_authors_run_them(relative, tmp_path, monkeypatch):
    """Cubic on floats, and the map back with its corners aligned: V2's way, written out."""
    model = load_network(relative, "cpu").model
    model.transform = OfficialInput(42, 42, corners=True)
    monkeypatch.setattr(depth_anything, "load_published", lambda file: model)
    (tmp_path / "v2.safetensors").write_bytes(b"read by another test")
    image = photograph(30, 50)
    found = Predictor(load_network(tmp_path / "v2.safetensors", "cpu", precision="fp32"))(image).values
    inputs = torch.from_numpy(model.transform.resize(image)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        raw = model(inputs)["affine_inv_depth"]
    expected = F.interpolate(raw, size=(30, 50), mode="bilinear", align_corners=True, antialias=False)[0, 0]
    assert inputs.shape == (1, 3, 42, 70) and raw.std() > 1e-4
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)


def test_a_run_directory_and_its_digest(tmp_path):
    file = garg_checkpoint(tmp_path / "run" / "checkpoints" / "last.pt")
    by_folder, by_file = load_network(tmp_path / "run", "cpu"), load_network(file, "cpu")
    assert by_folder.sha256 == by_file.sha256 and len(by_file.sha256) == 64


@pytest.mark.parametrize(
    ("named", "command"),
    [
        ("runs/garg_kitti/seed=0", "+experiment=garg_kitti"),
        ("runs/garg_kitti", "+experiment=garg_kitti"),
        ("runs/garg_warp/exact/seed=2/checkpoints/best.pt", "+experiment=garg_warp/exact seed=2"),
    ],
)
def test_a_run_that_is_not_there_is_named_with_the_command_that_makes_it(tmp_path, named, command):
    with pytest.raises(UserError) as caught:
        load_network(tmp_path / named, "cpu")
    assert str(caught.value).endswith(f"no checkpoint is there; train it first: python -m depthrepro.train {command}")


def test_a_folder_of_runs_is_not_one_of_them(tmp_path):
    garg_checkpoint(tmp_path / "runs" / "garg_kitti" / "seed=4" / "checkpoints" / "last.pt")
    with pytest.raises(UserError, match=r"garg_kitti: no checkpoint .* name one of its runs, such as .*/seed=4$"):
        load_network(tmp_path / "runs" / "garg_kitti", "cpu")


def test_bf16_is_near_fp32_and_what_is_asked_for_is_kept_apart(relative):
    networks = [load_network(relative, "cpu", precision=precision) for precision in ("fp32", "bf16")]
    full, half = (Predictor(network)(photograph(60, 100)).values for network in networks)
    assert half.dtype == np.float32 and 0 < np.abs(half - full).max() < 0.05 * np.ptp(full)
    assert networks[0].identity != networks[1].identity
    with pytest.raises(UserError, match="precision=half: choose from auto, fp32, bf16"):
        load_network(relative, "cpu", precision="half")


@pytest.mark.parametrize("native", [True, False])
def test_auto_takes_bf16_where_it_is_native(garg, native, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": native}, raising=False)
    assert load_network(garg, "cpu").precision.value == ("bf16" if native else "fp32")


def test_a_coarser_level(garg):
    assert load_network(garg, "cpu", "L9").level == "L9"
    with pytest.raises(UserError, match="level=L3: this network has L9, L10, L11, L12"):
        load_network(garg, "cpu", "L3")


@pytest.mark.parametrize(
    "config",
    [
        {"_target_": "os.system", "command": "touch pwned"},
        {"_target_": "depthrepro.models.encoders.torch.hub.load"},  # another package, reached through an import
        {"_target_": "depthrepro.models.garg.F.Tensor"},
        {"_target_": "depthrepro.models.garg.nn"},
        {"_target_": "depthrepro.models.garg.LocalResponseNorm"},  # defined elsewhere
        {"_target_": "depthrepro.models.garg.Missing"},
        {"_target_": "depthrepro.models.missing.Net"},
        {"_target_": "depthrepro.training.trainer.Trainer"},
        {"_target_": "depthrepro.models..garg.GargNet"},
        {"_target_": "evil.depthrepro.models.garg.GargNet"},
        {},
    ],
)
def test_only_this_packages_networks_are_built(config):
    with pytest.raises(UserError, match=r"last\.pt: names .* not loaded"):
        build_model(config, "last.pt")


@pytest.mark.parametrize(
    "extra",
    [{"_args_": [1]}, {"_partial_": True}, {"padding": {"_target_": "os.getcwd"}}, {"skips": [{"_target_": "x"}]}],
)
def test_nested_objects_are_not_followed(extra):
    with pytest.raises(UserError, match="which is not followed from a file"):
        build_model({**GARG, **extra}, "last.pt")


def test_arguments_of_another_version():
    with pytest.raises(UserError, match="does not take its arguments"):
        build_model({**GARG, "wings": 2}, "last.pt")


def test_what_cannot_be_used_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.pt: no such file"):
        load_network(tmp_path / "nowhere.pt", "cpu")
    with pytest.raises(UserError, match="holds neither checkpoints/last"):
        load_network(tmp_path, "cpu")
    (tmp_path / "torn.pt").write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(UserError, match=r"torn\.pt: the checkpoint cannot be read"):
        load_network(tmp_path / "torn.pt", "cpu")
    save_checkpoint(tmp_path / "other.pt", {"model": {"x": torch.zeros(1)}, "model_config": GARG, "input_size": SIZE})
    with pytest.raises(UserError, match="its weights do not fit"):
        load_network(tmp_path / "other.pt", "cpu")
    depth_anything_checkpoint(tmp_path / "segments.pt", nclass=3)
    with pytest.raises(UserError, match="DepthAnything does not predict depth"):
        load_network(tmp_path / "segments.pt", "cpu")


def test_an_unknown_device_is_named_as_it_was_typed(garg):
    with pytest.raises(UserError, match=r"^device=abacus is no device") as caught:
        load_network(garg, "abacus")
    assert "trainer" not in str(caught.value)


@pytest.mark.parametrize(
    "config",
    [
        {**GARG, "padding": "/etc/passwd"},
        {**DEPTH_ANYTHING, "encoder": "hf-hub:someone/network"},
        {**DEPTH_ANYTHING, "encoder_options": {"checkpoint_path": "weights.pt"}},
        {**DEPTH_ANYTHING, "encoder_options": {"pretrained": True}},
        {**DEPTH_ANYTHING, "features": 10**9},
        {**DEPTH_ANYTHING, "out_channels": [8] * 100_000},
        {**DEPTH_ANYTHING, "features": 2**70},
        {
            "_target_": "depthrepro.models.fastconv.FastConv",
            "classes": 10,
            "inputs": "depth",
            "depth_network": "a/b.pt",
        },
        {"_target_": "depthrepro.models.hf.HFDepth", "path": "someone"},
    ],
)
def test_a_checkpoint_needs_nothing_but_itself(config, monkeypatch):
    """Neither a file, nor the network, nor more memory than its weights."""
    monkeypatch.setattr(socket, "socket", None)
    with pytest.raises(UserError, match=r"last\.pt: .*not followed") as error:
        build_model(config, "last.pt")
    assert len(str(error.value)) < 300


def test_no_memory_is_taken_for_weights_that_are_not_there(tmp_path, monkeypatch):
    """A network of gigabytes is not built to find out that the file holds another."""
    built = []
    real = DepthAnything.__init__
    monkeypatch.setattr(
        DepthAnything,
        "__init__",
        lambda self, **options: (real(self, **options), built.append(next(self.parameters()).device.type))[0],
    )
    save_checkpoint(
        tmp_path / "last.pt",
        {"model": {"x": torch.zeros(1)}, "model_config": {**DEPTH_ANYTHING, "features": 4096}, "input_size": SIZE},
    )
    with pytest.raises(UserError, match="its weights do not fit"):
        load_network(tmp_path / "last.pt", "cpu")
    assert built == ["meta"]


@pytest.mark.parametrize("change", [{"model_config": 3}, {"input": {"height": "x"}}, {"input_size": ["a", 3]}])
def test_a_mutated_checkpoint_is_one_line(tmp_path, change):
    with pytest.raises(UserError, match=r"checkpoint") as error:
        load_network(garg_checkpoint(tmp_path / "last.pt", **change), "cpu")
    assert "\n" not in str(error.value)
