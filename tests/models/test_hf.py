"""Rivals: small networks of four families, saved to disk, through the evaluator."""

import numpy as np
import pytest
import torch

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError
from depthrepro.core.protocol import Alignment, Crop, GroundTruth, Protocol
from depthrepro.data.base import DepthDataset, ImageRecord
from depthrepro.data.input_transform import InputTransform
from depthrepro.evaluation.scoring import check_metres, score
from depthrepro.inference.forward import predict
from depthrepro.models.hf import HFDepth

transformers = pytest.importorskip("transformers", reason="rivals; pip install -e '.[hf]'")
VIT = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 64}
NECK = {"neck_hidden_sizes": [8, 8, 16, 16], "fusion_hidden_size": 16}
DINO = {"image_size": 56, "patch_size": 14, "out_indices": [1, 2, 3, 4], "reshape_hidden_states": False}


def midas():
    config = transformers.DPTConfig(
        **VIT, image_size=64, patch_size=16, backbone_out_indices=[0, 1, 2, 3], is_hybrid=False, **NECK
    )
    size = {"height": 64, "width": 64}
    return transformers.DPTForDepthEstimation(config), transformers.DPTImageProcessorPil(size=size)


def zoedepth():
    backbone = transformers.Dinov2Config(**VIT, **DINO)
    config = transformers.ZoeDepthConfig(
        backbone_config=backbone,
        **NECK,
        bottleneck_features=16,
        bin_embedding_dim=16,
        bin_configurations=[{"n_bins": 8, "min_depth": 0.001, "max_depth": 10.0}],
    )
    size = {"height": 56, "width": 56}
    processor = transformers.ZoeDepthImageProcessorPil(size=size, ensure_multiple_of=28)
    return transformers.ZoeDepthForDepthEstimation(config), processor


def depth_anything(kind="relative"):
    backbone = transformers.Dinov2Config(**VIT, **DINO)
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=32, **NECK, depth_estimation_type=kind, max_depth=10
    )
    size = {"height": 56, "width": 56}
    processor = transformers.DPTImageProcessorPil(size=size, ensure_multiple_of=14, keep_aspect_ratio=True)
    return transformers.DepthAnythingForDepthEstimation(config), processor


def depth_pro():
    vit = {"model_type": "dinov2", **VIT, "image_size": 32, "patch_size": 8, "use_mask_token": False}
    config = transformers.DepthProConfig(
        patch_size=32,
        fusion_hidden_size=16,
        intermediate_hook_ids=[3, 1],
        intermediate_feature_dims=[16, 16],
        scaled_images_ratios=[0.5, 1.0],
        scaled_images_overlap_ratios=[0.5, 0.2],
        scaled_images_feature_dims=[16, 16],
        image_model_config=dict(vit),
        patch_model_config=dict(vit),
        fov_model_config=dict(vit),
        num_fov_head_layers=0,
        use_fov_model=True,
    )
    size = {"height": 64, "width": 64}
    return transformers.DepthProForDepthEstimation(config), transformers.DepthProImageProcessor(size=size)


FAMILIES = {
    "midas": (midas, Kind.affine_inv_depth),
    "zoedepth": (zoedepth, Kind.depth),
    "depth_anything": (depth_anything, Kind.affine_inv_depth),
    "depth_anything_metric": (lambda: depth_anything("metric"), Kind.depth),
    "depth_pro": (depth_pro, Kind.depth),
}


class Slope(DepthDataset):
    """Two images of a ground that recedes upwards."""

    name, fingerprint, expected = "slope", "0" * 12, 2
    encodings = {"png": 2}  # noqa: RUF012
    records = [ImageRecord(str(i), (70, 90)) for i in range(2)]  # noqa: RUF012

    def read_image(self, index):
        rng = np.random.default_rng(index)
        return rng.integers(0, 256, (70, 90, 3), dtype=np.uint8)

    def depth_gt(self, index, ground_truth):
        return np.repeat(np.linspace(9, 1, 70, dtype=np.float32)[:, None], 90, axis=1)

    def has_depth(self, index, ground_truth):
        return True


def saved(family, folder):
    torch.manual_seed(0)
    model, processor = FAMILIES[family][0]()
    with torch.no_grad():
        for name, parameter in model.named_parameters():  # the initial weights are so small that maps would be flat
            noise = torch.randn_like(parameter)
            if "head" in name and len(parameter) == 1:
                parameter.copy_(0.1 * noise.abs() + 0.1)  # or the last ReLU would leave nothing
                continue
            parameter.copy_(noise.abs() if parameter.ndim < 2 else noise * parameter[0].numel() ** -0.5)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return HFDepth(str(folder))


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_family_is_evaluated_with_its_own_preprocessing(name, tmp_path):
    model, kind = saved(name, tmp_path), FAMILIES[name][1]
    assert model.kind is kind
    data = Slope()
    alignment = Alignment.none if kind is Kind.depth else Alignment.lstsq_inv_depth
    protocol = Protocol(ground_truth=GroundTruth.dense, crop=Crop.none, min_depth_m=0.1, cap_m=10, alignment=alignment)
    found = list(predict(model, data, [0, 1], transform=InputTransform(32, 32)))
    assert [p.id for p in found] == ["0", "1"]
    assert all(p.levels[kind.value].shape == (70, 90) for p in found), "maps come back at the image's size"
    rows = [
        row for p, r in zip(found, data.records, strict=True) for row in score(p, r, data.depth_gt(0, None), protocol)
    ]
    assert all(np.isfinite(row["abs_rel"]) for row in rows)


def test_averaging_with_the_mirror_image_is_symmetric(tmp_path):
    model = saved("zoedepth", tmp_path)
    data = Slope()
    data.read_image = lambda index: np.repeat(np.arange(70, dtype=np.uint8)[:, None, None], 90, axis=1).repeat(
        3, axis=2
    )
    (found,) = predict(model, data, [0], transform=InputTransform(32, 32), flip_average=True)
    values = found.levels["depth"]
    assert np.allclose(values, values[:, ::-1], atol=1e-5)


def test_relative_depth_in_metres_is_refused_with_the_way_out():
    protocol = Protocol(alignment=Alignment.none)
    with pytest.raises(UserError, match=r"eval\.alignment=lstsq_inv_depth"):
        check_metres(Kind.affine_inv_depth, protocol, "HFDepth")
    check_metres(Kind.depth, protocol, "HFDepth")


def test_a_folder_that_is_not_there_is_named():
    with pytest.raises(UserError, match="no such folder"):
        HFDepth("/nowhere/at/all")


def test_an_unknown_kind_is_named(tmp_path):
    saved("midas", tmp_path)
    with pytest.raises(UserError, match="choose depth or affine_inv_depth"):
        HFDepth(str(tmp_path), kind="metres")
