"""Depth Anything ViT-S on one image of 518×518, against transformers' network with the same random weights.

    python -m experiments.performance.inference

The networks take turns in one process; times are CPU seconds of all threads, medians. Ours in fp32 and in bf16
(autocast) are compared with transformers in fp32, whose attention is the same fused kernel.
"""

from __future__ import annotations

import importlib.util
import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from depthrepro.config.schema import Precision
from depthrepro.models.depth_anything import DepthAnything
from depthrepro.models.encoders import IMAGENET_MEAN, IMAGENET_STD
from depthrepro.models.published import our_names
from depthrepro.training.device import choose_precision
from experiments.performance.lines import Line, show
from experiments.performance.timing import in_turns

SIDE, ROUNDS = 518, 9
WHAT = f"Depth Anything ViT-S, {SIDE}×{SIDE}, one image"


def transformers_network() -> nn.Module:
    """Depth Anything ViT-S as published, with random weights."""
    import transformers

    backbone = transformers.Dinov2Config(
        hidden_size=384, num_attention_heads=6, image_size=SIDE, patch_size=14, out_indices=[9, 10, 11, 12],
        apply_layernorm=True, reshape_hidden_states=False,
    )  # fmt: skip
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=384, neck_hidden_sizes=[48, 96, 192, 384],
        fusion_hidden_size=64,
    )  # fmt: skip
    torch.manual_seed(0)
    network = transformers.DepthAnythingForDepthEstimation(config).eval()
    for value in network.parameters():  # the usual start gives a map that is flat but for rounding
        if value.ndim > 1:
            nn.init.normal_(value, std=value[0].numel() ** -0.5)
    nn.init.constant_(network.head.conv3.bias, 3.0)  # or the last ReLU leaves nothing to compare
    return network


@torch.inference_mode()
def lines() -> list[Line]:
    """Ours in fp32, and in bf16 where the processor computes in it, against transformers in fp32."""
    # As `predict` has it: the network's weights, and the image, with channels last in memory.
    ours: nn.Module = DepthAnything("vits").eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = torch.rand(1, SIDE, SIDE, 3).permute(0, 3, 1, 2)
    works: dict[str, Callable[[], Any]] = {"fp32": lambda: ours(image)["affine_inv_depth"]}
    musts = {"fp32": 1.15}
    if choose_precision(Precision.auto, torch.device("cpu")) is Precision.bf16:
        musts["bf16"] = 1.75

        def half() -> torch.Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return ours(image)["affine_inv_depth"]

        works["bf16"] = half
    if importlib.util.find_spec("transformers") is None:
        absent = "absent: pip install -e '.[hf]'"
        return [
            Line(f"{WHAT}, {name}", _ms(seconds), absent, "", f"≥ {musts[name]} × transformers fp32", None)
            for name, seconds in in_turns(works, ROUNDS).items()
        ]
    theirs = transformers_network()
    ours.load_state_dict(our_names(theirs.state_dict()))
    pixels = (image - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_STD).view(3, 1, 1)
    reference = theirs(pixels).predicted_depth
    error = float((works["fp32"]()[:, 0] - reference).abs().max() / (reference.max() - reference.min()))
    found = in_turns({**works, "theirs": lambda: theirs(pixels)}, ROUNDS)
    peer = found.pop("theirs")
    table = []
    for name, seconds in found.items():
        ratio = statistics.median(b / a for a, b in zip(seconds, peer, strict=True))
        measured = _ms(seconds) + (f", maps equal to {error:.0e} of the range" if name == "fp32" else "")
        must = f"≥ {musts[name]} × transformers fp32"
        table.append(Line(f"{WHAT}, {name}", measured, _ms(peer), f"{ratio:.2f}", must, ratio >= musts[name]))
    return table


def _ms(seconds: list[float]) -> str:
    return f"{1e3 * statistics.median(seconds):.0f} ms"


if __name__ == "__main__":
    show(lines())
