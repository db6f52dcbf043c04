"""The weights that the authors published, in the original names or in those of Hugging Face.

Names carry over one to one, so that loading is strict: every tensor of the file has its place here, and every place
here its tensor. The exceptions are known and named in `_UNUSED`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from depthrepro.core.errors import UserError
from depthrepro.core.reading import reading, reason
from depthrepro.models.published_bins import CORE, NAMES, UNUSED, bins_of
from depthrepro.models.weights import WEIGHT_FILES, State, find_weights, read_weights

# Blocks whose tokens the decoder reads, from 0. Weights cannot tell the versions apart.
BLOCKS = {
    1: {"vits": (8, 9, 10, 11), "vitb": (8, 9, 10, 11), "vitl": (20, 21, 22, 23)},
    2: {"vits": (2, 5, 8, 11), "vitb": (2, 5, 8, 11), "vitl": (4, 11, 17, 23)},
}
_WIDTHS = {384: "vits", 768: "vitb", 1024: "vitl"}
_VERSION = re.compile(r"(?<!dino)v([12])(?!\d)")
# What the metric models were trained to, in metres, by a word in their names: V2's, and V1's with metric bins.
_RANGES = {
    "metric": {"hypersim": 20.0, "indoor": 20.0, "vkitti": 80.0, "outdoor": 80.0},
    "bins": {"indoor": 10.0, "nyu": 10.0, "outdoor": 80.0, "kitti": 80.0},
}
# The mask token of DINOv2's training, and the first unit of the coarsest fusion, which no map reaches.
_UNUSED = (
    r"pretrained\.mask_token|backbone\.embeddings\.mask_token",
    r"depth_head\.scratch\.refinenet4\.resConfUnit1\..*",
    r"neck\.fusion_stage\.layers\.0\.residual_layer1\..*",
    UNUSED,
)

# (pattern of the original name, ours); \1 and so on are carried over.
_ORIGINAL = (
    (r"pretrained\.(.*)", r"encoder.vit.\1"),
    (r"depth_head\.projects\.(\d)\.(.*)", r"decoder.project.\1.\2"),
    (r"depth_head\.resize_layers\.(\d)\.(.*)", r"decoder.resize.\1.\2"),
    (r"depth_head\.scratch\.output_conv1\.(.*)", r"decoder.narrow.\1"),
    (r"depth_head\.scratch\.output_conv2\.(\d)\.(.*)", r"decoder.head.\1.\2"),
)
_BLOCK = r"backbone\.encoder\.layer\.(\d+)\."
_HUGGING_FACE = (
    (r"backbone\.embeddings\.cls_token", "encoder.vit.cls_token"),
    (r"backbone\.embeddings\.position_embeddings", "encoder.vit.pos_embed"),
    (r"backbone\.embeddings\.patch_embeddings\.projection\.(.*)", r"encoder.vit.patch_embed.proj.\1"),
    (_BLOCK + r"attention\.(?:output\.dense|o_proj)\.(.*)", r"encoder.vit.blocks.\1.attn.proj.\2"),
    (_BLOCK + r"layer_scale(\d)\.lambda1", r"encoder.vit.blocks.\1.ls\2.gamma"),
    (_BLOCK + r"((?:norm|mlp).*)", r"encoder.vit.blocks.\1.\2"),
    (r"backbone\.layernorm\.(.*)", r"encoder.vit.norm.\1"),
    (r"neck\.reassemble_stage\.layers\.(\d)\.projection\.(.*)", r"decoder.project.\1.\2"),
    (r"neck\.reassemble_stage\.layers\.(\d)\.resize\.(.*)", r"decoder.resize.\1.\2"),
    (r"neck\.convs\.(\d)\.(.*)", r"decoder.adapt.\1.\2"),
    (r"head\.conv1\.(.*)", r"decoder.narrow.\1"),
    (r"head\.conv2\.(.*)", r"decoder.head.0.\1"),
    (r"head\.conv3\.(.*)", r"decoder.head.2.\1"),
)
_QKV = re.compile(_BLOCK + r"attention\.(?:attention\.)?(query|key|value|q_proj|k_proj|v_proj)\.(weight|bias)")
_FUSIONS = tuple(
    pair
    for i in range(4)  # from the finest, as the original names; Hugging Face counts from the coarsest
    for pair in (
        (rf"depth_head\.scratch\.layer{i + 1}_rn\.(.*)", rf"decoder.adapt.{i}.\1"),
        (rf"depth_head\.scratch\.refinenet{i + 1}\.out_conv\.(.*)", rf"decoder.fuse.{i}.out.\1"),
        (rf"depth_head\.scratch\.refinenet{i + 1}\.resConfUnit1\.(.*)", rf"decoder.fuse.{i}.skip.\1"),
        (rf"depth_head\.scratch\.refinenet{i + 1}\.resConfUnit2\.(.*)", rf"decoder.fuse.{i}.refine.\1"),
        (rf"neck\.fusion_stage\.layers\.{3 - i}\.projection\.(.*)", rf"decoder.fuse.{i}.out.\1"),
        (rf"neck\.fusion_stage\.layers\.{3 - i}\.residual_layer1\.convolution(.*)", rf"decoder.fuse.{i}.skip.conv\1"),
        (rf"neck\.fusion_stage\.layers\.{3 - i}\.residual_layer2\.convolution(.*)", rf"decoder.fuse.{i}.refine.conv\1"),
    )
)


@dataclass(frozen=True)
class Description:
    """Network of a file's weights, as far as they or a config.json beside them say.

    Attributes:
        encoder: "vits", "vitb" or "vitl".
        blocks: Blocks that the decoder reads.
        head: "relative", "metric" or "bins".
        max_depth_m: Of a metric head.
        bins: Arguments of the metric bins.
        version: 1 or 2; None = not known, and of no meaning beside Hugging Face's names.
        hugging_face: Whether the names are Hugging Face's, else the authors'.
    """

    encoder: str
    blocks: tuple[int, ...]
    head: str = "relative"
    max_depth_m: float = 80.0
    bins: dict[str, Any] | None = None
    version: int | None = None
    hugging_face: bool = False


def read_published(
    path: str | Path, *, version: int | None = None, head: str | None = None, max_depth_m: float | None = None
) -> tuple[Description, dict[str, Tensor], Path]:
    """Published weights in our names, and the network that they are of; see `depth_anything.load_published`.

    Returns:
        (the network, its state dict, the file that was read).

    Raises:
        UserError: If the file is missing or damaged, or says nothing of its version, or of a range that it needs.
    """
    folder, file = find_weights(path)
    state = {name.removeprefix(CORE): value for name, value in read_weights(file).items()}
    with reading(file, "the network of the weights", fix="fetch the file again"):
        described = describe(state, file, folder / "config.json", version, max_depth_m)
    chosen = replace(described, head=head or described.head, max_depth_m=max_depth_m or described.max_depth_m)
    return chosen, our_names(state), file


def describe(
    state: Mapping[str, Tensor], file: Path, config: Path, version: int | None, max_depth_m: float | None = None
) -> Description:
    """Network that the tensors are of; see `load_published`.

    Raises:
        UserError: If they are of none that is known, or of one of two.
    """
    if version not in (None, 1, 2):
        raise UserError(f"version must be 1 or 2, got {version}")
    hugging_face = "backbone.embeddings.cls_token" in state
    token = state.get("backbone.embeddings.cls_token" if hugging_face else "pretrained.cls_token")
    size = _WIDTHS.get(token.shape[-1]) if token is not None and token.ndim else None
    if size is None:
        some = ", ".join(list(state)[:3]) or "nothing"
        raise UserError(f"{file}: no weights of Depth Anything's ViT-S, B or L; it holds {some}, ...")
    bins = bins_of(our_names(state), file)
    if bins and hugging_face:
        raise UserError(
            f"{file}: ZoeDepth in Hugging Face's names needs its image processor; use model=hf model.path={file.parent}"
        )
    name = file.name.lower()
    found = version or _version(name, hugging_face, bins is not None)
    head = "bins" if bins else "metric" if "metric" in name else "relative"
    range_m = max_depth_m or next((metres for word, metres in _RANGES.get(head, {}).items() if word in name), None)
    known = Description(size, BLOCKS[found or 1][size], head, range_m or 80.0, bins, found, hugging_face)
    if hugging_face and config.is_file():
        return _configured(known, config, keep_blocks=version is not None)
    if found is None:
        beside = "put the config.json that was published with it beside it, or " if hugging_face else ""
        raise UserError(f"{file}: V1's and V2's weights look alike; {beside}rename the file so that it says v1 or v2")
    if range_m is None and (head == "metric" or (bins and bins["centers"] == "normed")):
        raise UserError(
            f"{file}: nothing says its largest depth; rename the file so that it says indoor "
            f"({_RANGES[head]['indoor']:g} m) or outdoor ({_RANGES[head]['outdoor']:g} m), or give max_depth_m"
        )
    return known


def _version(name: str, hugging_face: bool, bins: bool) -> int | None:
    """1 or 2 as the file's name says; None if it says nothing, or both."""
    said = set(_VERSION.findall(name))
    if said:
        return int(said.pop()) if len(said) == 1 else None
    # V1's own names, and V1 alone has metric bins or was put on the hub under its authors' names in the hub's files.
    first = bins or re.search(r"vit[sbl]14", name) or (name in WEIGHT_FILES and not hugging_face)
    return 1 if first else None


def _configured(known: Description, config: Path, keep_blocks: bool) -> Description:
    """The description with what a config.json of Hugging Face says."""
    try:
        values: dict[str, Any] = json.loads(config.read_text(encoding="utf-8"))
        backbone = values.get("backbone_config") or {}
        named = [int(stage.removeprefix("stage")) for stage in backbone.get("out_features") or []]
        # Stage 0 is the embedding, so that stage n is what block n - 1 gives.
        stages = [int(stage) for stage in backbone.get("out_indices") or named]
        head = str(values.get("depth_estimation_type") or known.head)
        max_depth_m = float((values.get("max_depth") if head == "metric" else None) or known.max_depth_m)
    except Exception as error:  # whatever a value of another type leads to
        raise UserError(f"{config}: cannot be read ({reason(error)})") from None
    depth = BLOCKS[1][known.encoder][-1] + 1
    if stages and (len(stages) != 4 or stages != sorted(set(stages)) or stages[0] < 1 or stages[-1] > depth):
        raise UserError(f"{config}: out_indices {stages} are not four of the stages 1 to {depth}, in their order")
    if not stages and known.version is None:
        raise UserError(f"{config}: no out_indices say whether the weights are V1's or V2's; fetch it again")
    blocks = tuple(stage - 1 for stage in stages) if stages and not keep_blocks else known.blocks
    return replace(known, blocks=blocks, head=head, max_depth_m=max_depth_m)


def our_names(state: Mapping[str, Tensor]) -> State:
    """The tensors under our names; those of no known name keep theirs, and loading will tell them."""
    renamed: State = {}
    parts: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        name = name.removeprefix(CORE)
        if any(re.fullmatch(pattern, name) for pattern in _UNUSED):
            continue
        if qkv := _QKV.fullmatch(name):
            block, which, kind = qkv.groups()
            parts.setdefault(f"encoder.vit.blocks.{block}.attn.qkv.{kind}", {})[which[0]] = value
        else:
            renamed[_our_name(name)] = value
    for name, values in parts.items():
        if set(values) == set("qkv"):  # else it will be missed by its name
            renamed[name] = torch.cat([values[which] for which in "qkv"])
    return renamed


def _our_name(name: str) -> str:
    for pattern, ours in (*_ORIGINAL, *_HUGGING_FACE, *_FUSIONS, *NAMES):
        if re.fullmatch(pattern, name):
            return re.sub(pattern, ours, name)
    return name
