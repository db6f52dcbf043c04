"""The reference implementation of Depth Anything with random weights, and its weights in every kind of names."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from depthrepro.models.depth_anything import DepthAnything

transformers = pytest.importorskip("transformers", reason="the reference implementation; pip install -e '.[dev]'")

# Width, blocks, heads, channels after the projection, channels of the fused maps: as published.
PUBLISHED_SIZES = {
    "vits": (384, 12, 6, [48, 96, 192, 384], 64),
    "vitb": (768, 12, 12, [96, 192, 384, 768], 128),
    "vitl": (1024, 24, 16, [256, 512, 1024, 1024], 256),
}
# Hugging Face's names in the files that are published, where today's transformers has other names in memory.
PUBLISHED = ((r"attention\.q_proj", "attention.attention.query"), (r"attention\.k_proj", "attention.attention.key"))
PUBLISHED += ((r"attention\.v_proj", "attention.attention.value"), (r"attention\.o_proj", "attention.output.dense"))


def reference(blocks=(9, 10, 11, 12), size="vits", image_size=518, **options) -> nn.Module:
    """Hugging Face's network in a published configuration, every parameter random, those that start at 0 or 1 too.

    Measured on ViT-S: any of the 234 tensors turned round moves the map by 1.4 % of its maximum or more, so that a
    difference below 0.01 % leaves no room for a tensor in the wrong place.
    """
    width, depth, heads, channels, features = PUBLISHED_SIZES[size]
    backbone = transformers.Dinov2Config(
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        image_size=image_size,
        patch_size=14,
        out_indices=list(blocks),
        apply_layernorm=True,
        reshape_hidden_states=False,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=width,
        neck_hidden_sizes=channels,
        fusion_hidden_size=features,
        **options,
    )
    torch.manual_seed(0)
    model = transformers.DepthAnythingForDepthEstimation(config)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn_like(value)
            if "lambda1" in name or ("norm" in name and name.endswith("weight")):
                value.copy_(1 + 0.3 * noise)
            elif value.ndim == 1 or ("embeddings" in name and "projection" not in name):
                value.copy_(0.3 * noise)
            else:
                value.copy_(noise / value[0].numel() ** 0.5)
        model.head.conv3.bias.fill_(3.0)  # or the last ReLU would leave little to compare
    return model.eval()


def published_names(model: nn.Module) -> dict[str, torch.Tensor]:
    state = {}
    for name, value in model.state_dict().items():
        for pattern, old in PUBLISHED:
            name = re.sub(pattern, old, name)
        state[name] = value
    return state


def original_names(model: nn.Module) -> dict[str, torch.Tensor]:
    """The same weights as the authors named them; written down here on its own, from the published files' names."""
    state, source = {}, published_names(model)
    get = lambda kind, *names: {f"{a}.{k}": source[f"{b}.{k}"] for a, b in names for k in kind.split()}  # noqa: E731
    embeddings = "backbone.embeddings"
    state["pretrained.cls_token"] = source[f"{embeddings}.cls_token"]
    state["pretrained.pos_embed"] = source[f"{embeddings}.position_embeddings"]
    state["pretrained.mask_token"] = source[f"{embeddings}.mask_token"]
    both = "weight bias"
    state |= get(both, ("pretrained.patch_embed.proj", f"{embeddings}.patch_embeddings.projection"))
    for i in range(model.config.backbone_config.num_hidden_layers):
        a, b = f"pretrained.blocks.{i}", f"backbone.encoder.layer.{i}"
        for kind in both.split():
            parts = [source[f"{b}.attention.attention.{part}.{kind}"] for part in ("query", "key", "value")]
            state[f"{a}.attn.qkv.{kind}"] = torch.cat(parts)
        state |= get(both, (f"{a}.attn.proj", f"{b}.attention.output.dense"), (f"{a}.norm1", f"{b}.norm1"))
        state |= get(both, (f"{a}.norm2", f"{b}.norm2"), (f"{a}.mlp.fc1", f"{b}.mlp.fc1"))
        state |= get(both, (f"{a}.mlp.fc2", f"{b}.mlp.fc2"))
        for k in (1, 2):
            state[f"{a}.ls{k}.gamma"] = source[f"{b}.layer_scale{k}.lambda1"]
    state |= get(both, ("pretrained.norm", "backbone.layernorm"))
    head, neck = "depth_head", "neck.reassemble_stage.layers"
    for i in range(4):
        state |= get(both, (f"{head}.projects.{i}", f"{neck}.{i}.projection"))
        if i != 2:
            state |= get(both, (f"{head}.resize_layers.{i}", f"{neck}.{i}.resize"))
        state |= get("weight", (f"{head}.scratch.layer{i + 1}_rn", f"neck.convs.{i}"))
        net, layer = f"{head}.scratch.refinenet{4 - i}", f"neck.fusion_stage.layers.{i}"
        state |= get(both, (f"{net}.out_conv", f"{layer}.projection"))
        for unit in (1, 2):
            for conv in (1, 2):
                names = f"{net}.resConfUnit{unit}.conv{conv}", f"{layer}.residual_layer{unit}.convolution{conv}"
                state |= get(both, names)
    outputs = (("output_conv1", "conv1"), ("output_conv2.0", "conv2"), ("output_conv2.2", "conv3"))
    return state | get(both, *((f"{head}.scratch.{a}", f"head.{b}") for a, b in outputs))


def difference(ours: DepthAnything, theirs: nn.Module, size: tuple[int, int]) -> float:
    """Largest difference over the largest value."""
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.inference_mode():
        expected = theirs(pixel_values=(image - mean) / std).predicted_depth[:, None]
        found = next(iter(ours(image).values()))
    assert found.shape == expected.shape and float(expected.std()) > 1e-3
    return float((found - expected).abs().max() / expected.abs().max())


def metric_names(theirs: nn.Module, model: DepthAnything) -> dict[str, torch.Tensor]:
    """Weights of V1's metric network: the core, and `model`'s bins, in ZoeDepth's names."""
    core = {k: value for k, value in original_names(theirs).items() if "resConfUnit1" not in k or "4." not in k}
    bins, state = model.bins, {f"core.core.{name}": value for name, value in core.items()}
    parts = {"conv2": bins.bottleneck, "seed_bin_regressor._net": bins.seed.net, "seed_projector._net": bins.embed_seed}
    parts |= {f"projectors.{i}._net": part for i, part in enumerate(bins.embed)}
    parts |= {f"attractors.{i}._net": part.net for i, part in enumerate(bins.attract)}
    parts["conditional_log_binomial.mlp"] = bins.weigh.net
    state |= {f"{name}.{k}": value for name, part in parts.items() for k, value in part.state_dict().items()}
    return state | {"conditional_log_binomial.log_binomial_transform.k_idx": torch.arange(64).view(1, -1, 1, 1)}
