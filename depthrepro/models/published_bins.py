"""Names of ZoeDepth's metric head in published weights, and what its shapes tell.

Depth Anything's two metric models (`depth_anything_metric_depth_indoor.pt` and `..._outdoor.pt`) have the original
names; `transformers.ZoeDepthForDepthEstimation` on a DINOv2 backbone has Hugging Face's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from depthrepro.core.errors import UserError

# (pattern of a published name, ours), after the core's prefix is taken off; \1 and so on are carried over.
_PERCEPTRONS = {
    "seed_bin_regressor": "bins.seed.net",
    "seed_projector": "bins.embed_seed",
    r"projectors\.(\d)": r"bins.embed.\1",
    r"attractors\.(\d)": r"bins.attract.\1.net",
}
NAMES = (
    *(
        (rf"(?:metric_head\.)?{theirs}\.(?:_net\.{layer}|conv{number})\.(?P<rest>.*)", rf"{ours}.{layer}.\g<rest>")
        for theirs, ours in _PERCEPTRONS.items()
        for number, layer in ((1, 0), (2, 2))
    ),
    (r"(?:metric_head\.)?conv2\.(.*)", r"bins.bottleneck.\1"),
    (r"(?:metric_head\.)?conditional_log_binomial\.mlp\.([02])\.(.*)", r"bins.weigh.net.\1.\2"),
    (r"relative_head\.conv1\.(.*)", r"decoder.narrow.\1"),
    (r"relative_head\.conv2\.(.*)", r"decoder.head.0.\1"),
    (r"relative_head\.conv3\.(.*)", r"decoder.head.2.\1"),
    (r"neck\.reassemble_stage\.readout_projects\.(\d)\.0\.(.*)", r"encoder.readout.\1.0.\2"),
)
CORE = "core.core."  # before the names of the network that ZoeDepth wraps
# Numbers 0 to N - 1 and N - 1, kept as buffers.
UNUSED = r"(?:metric_head\.)?conditional_log_binomial\.log_binomial_transform\.(?:k_idx|K_minus_1|k_minus_1)"


def bins_of(state: Mapping[str, Tensor], file: Path) -> dict[str, Any] | None:
    """Arguments of `MetricBins` of weights by our names, with a metric head; None of others.

    The last refinement has one attractor, of which softplus centres make one number and normed ones two.

    Raises:
        UserError: If part of the head is missing, or its last refinement is neither.
    """
    last = "bins.{}.weight"
    if last.format("seed.net.2") not in state:
        return None
    names = [last.format(part) for part in ("embed_seed.2", *(f"attract.{i}.net.2" for i in range(4)))]
    if missing := [name for name in names if name not in state]:
        raise UserError(f"{file}: its metric head lacks {missing[0]}; fetch the file again")
    dim, *outputs = (int(state[name].shape[0]) for name in names)
    if outputs[-1] not in (1, 2):
        raise UserError(
            f"{file}: its last attractor layer makes {outputs[-1]} numbers, where ZoeDepth's makes 1 (softplus) or 2 "
            "(normed centres); fetch the published file"
        )
    return {
        "bins": int(state[last.format("seed.net.2")].shape[0]),
        "dim": dim,
        "attractors": [number // outputs[-1] for number in outputs],
        "centers": "softplus" if outputs[-1] == 1 else "normed",
    }
