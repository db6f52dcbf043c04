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
from depthrepro.models.published_bins import NAMES, UNUSED, bins_of, without_core
from depthrepro.models.weights import State, read_weights

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
# Blocks whose tokens the decoder reads, from 0. Weights cannot tell the versions apart.
BLOCKS = {
    1: {"vits": (8, 9, 10, 11), "vitb": (8, 9, 10, 11), "vitl": (20, 21, 22, 23)},
    2: {"vits": (2, 5, 8, 11), "vitb": (2, 5, 8, 11), "vitl": (4, 11, 17, 23)},
}
_WIDTHS = {384: "vits", 768: "vitb", 1024: "vitl"}
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
_FUSION_ORIGINAL = re.compile(
    r"depth_head\.scratch\.(?:refinenet(\d)\.(out_conv|resConfUnit(\d)\.conv(\d))|layer(\d)_rn)\.(.*)"
)
_FUSION_HF = re.compile(r"neck\.fusion_stage\.layers\.(\d)\.(projection|residual_layer(\d)\.convolution(\d))\.(.*)")


@dataclass(frozen=True)
class Description:
    """Network of a file's weights, as far as they or a config.json beside them say.

    Attributes:
        encoder: "vits", "vitb" or "vitl".
        blocks: Blocks that the decoder reads.
        head: "relative", "metric" or "bins".
        max_depth_m: Of a metric head.
        bins: Arguments of the metric bins.
    """

    encoder: str
    blocks: tuple[int, ...]
    head: str = "relative"
    max_depth_m: float = 80.0
    bins: dict[str, Any] | None = None


def read_published(
    path: str | Path, *, version: int | None = None, head: str | None = None, max_depth_m: float | None = None
) -> tuple[Description, dict[str, Tensor], Path]:
    """Published weights in our names, and the network that they are of; see `depth_anything.load_published`.

    Returns:
        (the network, its state dict, the file that was read).

    Raises:
        UserError: If the file is missing or damaged, or has Hugging Face's names and says nothing of its version.
    """
    folder, file = find_weights(path)
    state = {without_core(name): value for name, value in read_weights(file).items()}
    with reading(file, "the network of the weights", fix="fetch the file again"):
        described = describe(state, file, folder / "config.json", version)
    chosen = replace(described, head=head or described.head, max_depth_m=max_depth_m or described.max_depth_m)
    return chosen, our_names(state), file


def find_weights(path: str | Path) -> tuple[Path, Path]:
    """(folder, file) of a file, of a folder with weights, or of a name to be fetched.

    Raises:
        UserError: If there are none.
    """
    local = Path(path).expanduser()
    if local.is_file():
        return local.parent, local
    if local.is_dir():
        return local, _in_folder(local)
    if not re.fullmatch(r"\w[\w.-]*/[\w.-]+", str(path)) or local.suffix in SUFFIXES:
        raise UserError(f"{local}: no such file or folder with published weights")
    return _fetch(str(path))


def _in_folder(folder: Path) -> Path:
    """The weights in a folder: under Hugging Face's file names, else the only file that can hold any."""
    files = [folder / name for name in WEIGHT_FILES if (folder / name).is_file()][:1]
    files = files or sorted(file for file in folder.iterdir() if file.suffix in SUFFIXES)
    if len(files) != 1:
        found = f"several: {', '.join(file.name for file in files[:4])}; name one" if files else "none"
        raise UserError(f"{folder}: holds no {' or '.join(WEIGHT_FILES)}; of other weights {found}")
    return files[0]


def _fetch(name: str) -> tuple[Path, Path]:
    try:
        from huggingface_hub import snapshot_download  # optional
    except ImportError:
        raise UserError(f"{name}: no such file; to fetch it by name, pip install huggingface_hub") from None
    try:
        folder = Path(snapshot_download(name, allow_patterns=["config.json", *WEIGHT_FILES, "*.pth"]))
    except Exception as error:  # the hub's errors have no common name
        raise UserError(
            f"{name}: no such file, and it cannot be fetched ({type(error).__name__}); download its weights and give "
            "their path"
        ) from None
    return folder, _in_folder(folder)


def describe(state: Mapping[str, Tensor], file: Path, config: Path, version: int | None) -> Description:
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
    name = file.name.lower()
    head, max_depth_m = ("metric", 20.0 if "hypersim" in name else 80.0) if "metric" in name else ("relative", 80.0)
    known = Description(size, BLOCKS[version or (2 if "v2" in name else 1)][size], head, max_depth_m)
    if found := bins_of(our_names(state), name):
        known = replace(known, head="bins", bins=found[0], max_depth_m=found[1])
    if hugging_face and config.is_file():
        return _configured(known, config, keep_blocks=version is not None)
    if hugging_face and version is None and file.name in WEIGHT_FILES:
        raise UserError(
            f"{file}: V1's and V2's weights look alike; put the config.json that was published with it beside it, or "
            "rename the file so that it says v1 or v2"
        )
    return known


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
    blocks = tuple(stage - 1 for stage in stages) if stages and not keep_blocks else known.blocks
    return replace(known, blocks=blocks, head=head, max_depth_m=max_depth_m)


def our_names(state: Mapping[str, Tensor]) -> State:
    """The tensors under our names; those of no known name keep theirs, and loading will tell them."""
    renamed: State = {}
    parts: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        name = without_core(name)
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
    if found := _FUSION_ORIGINAL.fullmatch(name):
        net, _, unit, conv, layer, rest = found.groups()
        if layer:
            return f"decoder.adapt.{int(layer) - 1}.{rest}"
        return _fusion(int(net) - 1, unit, conv, rest)
    if found := _FUSION_HF.fullmatch(name):
        # Hugging Face counts from the coarsest.
        layer, _, unit, conv, rest = found.groups()
        return _fusion(3 - int(layer), unit, conv, rest)
    for pattern, ours in (*_ORIGINAL, *_HUGGING_FACE, *NAMES):
        if re.fullmatch(pattern, name):
            return re.sub(pattern, ours, name)
    return name


def _fusion(index: int, unit: str | None, conv: str | None, rest: str) -> str:
    """Our name of a part of fusion `index`: its projection, or a convolution of its first or second unit."""
    if unit is None:
        return f"decoder.fuse.{index}.out.{rest}"
    return f"decoder.fuse.{index}.{'skip' if unit == '1' else 'refine'}.conv{conv}.{rest}"
