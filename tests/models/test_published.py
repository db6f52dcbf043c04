"""Published weights: the maps of the reference implementation, in either kind of names."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from depthrepro.core.files import sha256
from depthrepro.models.depth_anything import DepthAnything, load_published
from depthrepro.models.published import BLOCKS, describe, our_names
from depthrepro.models.published_input import HuggingFaceInput, OfficialInput, OfficialMetricInput
from tests.models.published_reference import (
    PUBLISHED_SIZES,
    difference,
    metric_names,
    original_names,
    published_names,
    reference,
)

SIZES = [(518, 518), (252, 336), (140, 98)]


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    return reference()


@pytest.mark.parametrize("names", [published_names, original_names, lambda model: model.state_dict()])
def test_the_same_map_at_every_size(theirs, names, tmp_path, capsys):
    file = tmp_path / "depth_anything_vits14.pth"
    torch.save(names(theirs), file)
    ours = DepthAnything.from_checkpoint(file)
    assert not ours.training and sha256(file) in capsys.readouterr().out
    if names is original_names:  # the authors' own way between the patches, see `test_encoders`; else the same network
        assert ours.transform == OfficialInput(corners=False) and ours.encoder.position_offset == 0.1
        assert difference(ours, theirs, (140, 98)) > 1e-3
        ours.encoder.position_offset = 0.0
    else:
        assert ours.transform == HuggingFaceInput()
    for size in SIZES if names is published_names else SIZES[1:]:
        assert difference(ours, theirs, size) < 1e-4


def test_a_folder_of_hugging_face_says_its_blocks_and_its_head(tmp_path):
    """V2's metric form: other blocks, a sigmoid times the largest depth."""
    theirs = reference((3, 6, 9, 12), depth_estimation_type="metric", max_depth=20)
    with torch.no_grad():
        theirs.head.conv3.bias.zero_()
    theirs.save_pretrained(tmp_path)
    ours = load_published(tmp_path)
    assert ours.encoder.blocks == list(BLOCKS[2]["vits"]) and ours.head == "metric" and ours.max_depth_m == 20
    assert difference(ours, theirs, (140, 98)) < 1e-4
    assert difference(load_published(tmp_path, version=1), theirs, (140, 98)) > 0.01  # other blocks, another map


@pytest.mark.parametrize(
    ("name", "version", "blocks", "head"),
    [
        ("depth_anything_vitl14.pth", None, [20, 21, 22, 23], ("relative", 80.0)),
        ("depth_anything_v2_vitl.pth", None, [4, 11, 17, 23], ("relative", 80.0)),
        ("mine.pth", 2, [4, 11, 17, 23], ("relative", 80.0)),
        ("depth_anything_v2_metric_hypersim_vitl.pth", None, [4, 11, 17, 23], ("metric", 20.0)),
        ("depth_anything_v2_metric_vkitti_vitl.pth", None, [4, 11, 17, 23], ("metric", 80.0)),
        ("DepthAnythingV2-Metric-Indoor.pth", None, [4, 11, 17, 23], ("metric", 20.0)),
        ("dinov2_depth_anything_v1.pth", None, [20, 21, 22, 23], ("relative", 80.0)),
        ("pytorch_model.bin", None, [20, 21, 22, 23], ("relative", 80.0)),  # as V1 is on the hub, in its authors' names
    ],
)
def test_the_version_and_the_head_are_read_from_the_name_or_given(name, version, blocks, head, tmp_path):
    found = describe({"pretrained.cls_token": torch.zeros(1, 1, 1024)}, tmp_path / name, tmp_path / "none", version)
    assert (found.encoder, list(found.blocks), (found.head, found.max_depth_m)) == ("vitl", blocks, head)


@pytest.mark.parametrize("size", list(PUBLISHED_SIZES))
@pytest.mark.parametrize(("names", "per_block"), [(published_names, 18), (original_names, 14)])
def test_every_published_tensor_has_its_place_in_every_size(size, names, per_block):
    depth = PUBLISHED_SIZES[size][1]
    with torch.device("meta"):  # names and shapes without numbers
        theirs, ours = reference(size=size), DepthAnything(size)
    state = names(theirs)
    # Seven tensors around the blocks; 8 projections, 6 resizers, 4 adapters, 40 in the fusions, 6 in the head.
    assert len(state) == 7 + per_block * depth + 64
    expected = {name: value.shape for name, value in ours.state_dict().items()}
    assert {name: value.shape for name, value in our_names(state).items()} == expected
    assert ours.encoder.blocks == list(range(depth - 4, depth))


def test_a_config_of_one_version_does_not_hold_for_an_original_file_of_the_other(theirs, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"backbone_config": {"out_indices": [9, 10, 11, 12]}}))
    torch.save(original_names(theirs), tmp_path / "depth_anything_v2_vits.pth")
    assert load_published(tmp_path).encoder.blocks == [2, 5, 8, 11]  # the folder's only weights


def test_each_version_has_the_input_of_its_authors_program(theirs, tmp_path):
    torch.save(original_names(theirs), tmp_path / "depth_anything_v2_vits.pth")
    assert load_published(tmp_path / "depth_anything_v2_vits.pth").transform == OfficialInput(corners=True)
    assert load_published(tmp_path / "depth_anything_v2_vits.pth", version=1).transform == OfficialInput(corners=False)


def test_positions_of_another_grid(tmp_path, capsys):
    """Original names: resampled at loading, and told. Hugging Face's: resized from the stored grid, as there."""
    theirs = reference(image_size=224)
    torch.save(original_names(theirs), tmp_path / "depth_anything_vits14.pth")
    ours = load_published(tmp_path / "depth_anything_vits14.pth")
    assert ours.encoder.vit.pos_embed.shape == (1, 1 + 37 * 37, 384)
    assert "vits14.pth: positions of 16x16 patches, resampled to 37x37\n" in capsys.readouterr().out
    torch.save(published_names(theirs), tmp_path / "depth_anything_hf_v1.pth")
    assert difference(load_published(tmp_path / "depth_anything_hf_v1.pth"), theirs, (140, 98)) < 1e-4
    assert "resampled" not in capsys.readouterr().out


@pytest.mark.parametrize("centers", ["softplus", "normed"])
def test_version_1_metric_weights_have_metric_bins(theirs, centers, tmp_path, capsys):
    """Normed centres are told by the last attractor layer: two numbers of its one attractor."""
    torch.manual_seed(0)
    options = {"attractors": [8, 4, 2, 1], "centers": centers}
    model = DepthAnything("vits", head="bins", max_depth_m=10.0, bins=options).eval()
    torch.save({"model": metric_names(theirs, model)}, tmp_path / "depth_anything_metric_depth_indoor.pt")
    loaded = load_published(tmp_path / "depth_anything_metric_depth_indoor.pt")
    assert f"bins ({centers}, to 10 m)" in capsys.readouterr().out
    assert loaded.head == "bins" and loaded.max_depth_m == 10.0 and loaded.kind.unit == "m"
    assert [part.points for part in loaded.bins.attract] == [8, 4, 2, 1] and loaded.bins.centers == centers
    assert loaded.transform == OfficialMetricInput() and loaded.encoder.position_offset == 0.1
    image = torch.rand(1, 3, 28, 42)
    expected = model.bins(loaded.decoder.maps(loaded.features(image), (28, 42)))
    assert torch.equal(loaded(image)["depth"], expected)
