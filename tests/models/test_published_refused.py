"""Published weights that cannot be read, or could be read in two ways, are refused in words."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from depthrepro.core.errors import UserError
from depthrepro.models.depth_anything import DepthAnything, load_published
from depthrepro.models.published import describe, our_names
from tests.models.published_reference import (
    original_names,
    published_names,
    reference,
)


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    return reference()


def test_names_of_hugging_face_without_a_version_are_refused(theirs, tmp_path):
    """Read with V1's blocks, V2's weights would give a plausible wrong map."""
    file = tmp_path / "pytorch_model.bin"
    torch.save(published_names(theirs), file)
    with pytest.raises(UserError, match=r"pytorch_model\.bin: V1's and V2's weights look alike; put the config\.json"):
        load_published(tmp_path)
    assert load_published(file, version=2).encoder.blocks == [2, 5, 8, 11]
    backbone = {"out_features": ["stage3", "stage6", "stage9", "stage12"]}
    (tmp_path / "config.json").write_text(json.dumps({"backbone_config": backbone, "max_depth": 1}))
    assert load_published(tmp_path).encoder.blocks == [2, 5, 8, 11]
    assert load_published(tmp_path, head="metric").max_depth_m == 80.0  # 1 is what a relative head's config has


@pytest.mark.parametrize("name", ["latest.pth", "from_v1_to_v2.pth", "dinov2_vits.pth"])
def test_original_names_without_a_version_are_refused(name, tmp_path):
    with pytest.raises(UserError, match=rf"{name}: V1's and V2's weights look alike; rename the file so that it says"):
        describe({"pretrained.cls_token": torch.zeros(1, 1, 384)}, tmp_path / name, tmp_path / "none", None)


def test_a_metric_file_that_does_not_say_its_range_is_refused(tmp_path):
    state, file = {"pretrained.cls_token": torch.zeros(1, 1, 384)}, tmp_path / "my_v2_metric.pth"
    with pytest.raises(
        UserError, match=r"my_v2_metric\.pth: nothing says its largest depth; .* indoor \(20 m\) or outdoor"
    ):
        describe(state, file, tmp_path / "none", None)
    assert describe(state, file, tmp_path / "none", None, 35.0).max_depth_m == 35.0


def test_differences_are_told_and_nothing_is_loaded(theirs, tmp_path):
    state = original_names(theirs)
    del state["depth_head.projects.1.bias"]
    state["depth_head.extra.weight"] = torch.zeros(2)
    state["pretrained.norm.weight"] = torch.zeros(3)
    torch.save(state, tmp_path / "a_v1.pth")
    with pytest.raises(UserError) as error:
        load_published(tmp_path / "a_v1.pth")
    for words in (
        "1 missing (decoder.project.1.bias)",
        "1 not known (depth_head.extra.weight)",
        "1 of another shape (encoder.vit.norm.weight (3,) for (384,))",
        "a_v1.pth",
    ):
        assert words in str(error.value)


def test_a_file_of_something_else(tmp_path):
    torch.save({"core.pretrained.cls_token": torch.zeros(1, 1, 384)}, tmp_path / "zoe.pt")
    with pytest.raises(UserError, match=r"zoe\.pt: no weights of .*; it holds core\.pretrained\.cls_token"):
        load_published(tmp_path / "zoe.pt")
    with pytest.raises(UserError, match="version must be 1 or 2, got 3"):
        load_published(tmp_path / "zoe.pt", version=3)


def test_nothing_there_and_a_name_offline(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="no such file or folder"):
        load_published(tmp_path / "none.pth")
    with pytest.raises(UserError, match=r"holds no model\.safetensors or .*; of other weights none"):
        load_published(tmp_path)
    with pytest.raises(UserError, match="no such file or folder"):  # a path, not a name of the hub's
        load_published("weights/depth_anything_vits14.pth")
    huggingface_hub = pytest.importorskip("huggingface_hub")

    def offline(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(UserError, match="cannot be fetched"):
        DepthAnything.from_checkpoint("depth-anything/Depth-Anything-V2-Small-hf")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"backbone_config": {"out_indices": [9, 10]}}', r"out_indices \[9, 10\] are not four of the stages 1 to 12"),
        ('{"backbone_config": {"out_indices": [3, 6, 9, 40]}}', "are not four of the stages 1 to 12"),
        ('{"backbone_config": {"out_indices": [12, 9, 6, 3]}}', "in their order"),
    ],
)
def test_a_config_that_does_not_fit_is_named(tmp_path, content, words):
    (tmp_path / "config.json").write_text(content)
    state = {"backbone.embeddings.cls_token": torch.zeros(1, 1, 384)}
    with pytest.raises(UserError, match=rf"config\.json: .*{words}"):
        describe(state, tmp_path / "model.safetensors", tmp_path / "config.json", None)


def test_a_part_of_query_key_value_is_missed(theirs):
    state = published_names(theirs)
    del state["backbone.encoder.layer.3.attention.attention.key.bias"]
    assert "encoder.vit.blocks.3.attn.qkv.bias" not in our_names(state)


def test_bins_that_would_give_other_metres_are_refused(tmp_path):
    bins = {f"attractors.{i}._net.2.weight": torch.zeros(n, 128, 1, 1) for i, n in enumerate((32, 16, 8, 2))}
    bins |= {f"{part}._net.2.weight": torch.zeros(64, 128, 1, 1) for part in ("seed_bin_regressor", "seed_projector")}
    state, none = {"pretrained.cls_token": torch.zeros(1, 1, 384), **bins}, tmp_path / "none"
    with pytest.raises(UserError, match=r"mine\.pt: nothing says its largest depth; .* indoor \(10 m\) or outdoor"):
        describe(state, tmp_path / "mine.pt", none, None)
    assert describe(state, tmp_path / "metric_outdoor.pt", none, None).max_depth_m == 80.0
    with pytest.raises(UserError, match="ZoeDepth in Hugging Face's names needs its image processor; use model=hf"):
        describe({"backbone.embeddings.cls_token": torch.zeros(1, 1, 384), **bins}, tmp_path / "mine.pt", none, None)
    state["attractors.3._net.2.weight"] = torch.zeros(3, 128, 1, 1)
    with pytest.raises(UserError, match=r"mine\.pt: its last attractor layer makes 3 numbers"):
        describe(state, tmp_path / "mine.pt", none, None)
    del state["attractors.3._net.2.weight"]
    with pytest.raises(UserError, match=r"mine\.pt: its metric head lacks bins\.attract\.3\.net\.2\.weight"):
        describe(state, tmp_path / "mine.pt", none, None)
