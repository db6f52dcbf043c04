"""The weights that the authors published, in the original names or in those of Hugging Face.

Names carry over one to one, so that loading is strict: every tensor of the file has its place here, and every place
here its tensor. Three exceptions are known and named in `_UNUSED`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from depthrepro.errors import UserError
from depthrepro.files import sha256
from depthrepro.models.depth_anything import DepthAnything

State = dict[str, Tensor]

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
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
    """What a file's weights are, as far as they or a config.json beside them say.

    Attributes:
        encoder: "vits", "vitb" or "vitl".
        blocks: Blocks that the decoder reads.
        head: "relative" or "metric".
        max_depth_m: Of a metric head.
    """

    encoder: str
    blocks: tuple[int, ...]
    head: str = "relative"
    max_depth_m: float = 80.0


def load_published(
    path: str | Path, *, version: int | None = None, head: str | None = None, max_depth_m: float | None = None
) -> DepthAnything:
    """Depth Anything with published weights.

    Args:
        path: A `.pth`, `.pt`, `.bin` or `.safetensors` file in either kind of names; a folder with config.json and one
            of `WEIGHT_FILES`; or, online and with `huggingface_hub` installed, a name such as
            depth-anything/Depth-Anything-V2-Small-hf.
        version: 1 or 2, which read other blocks of the encoder. None = as config.json says, else 2 if the file's name
            has "v2" in it, else 1.
        head: "relative" or "metric". None = as config.json says, else metric if the file's name has "metric" in it.
        max_depth_m: Largest depth of a metric head; None = as config.json says, else 20 if the name has "hypersim" in
            it, else 80: the two that V2 published.

    Returns:
        The network in evaluation mode. The file's sha256 is printed.

    Raises:
        UserError: If the file is missing or damaged, or its tensors do not fit; the message names those that differ.
    """
    folder, file = find_weights(path)
    state = read_weights(file)
    described = describe(state, file, folder / "config.json", version)
    chosen = Description(
        described.encoder, described.blocks, head or described.head, max_depth_m or described.max_depth_m
    )
    model = DepthAnything(
        chosen.encoder,
        head=chosen.head,
        max_depth_m=chosen.max_depth_m,
        encoder_options={"blocks": list(chosen.blocks)},
    )
    load_strictly(model, our_names(state), file)
    print(
        f"weights    {file.name}, {chosen.encoder}, {chosen.head}, blocks {list(chosen.blocks)}, sha256 {sha256(file)}"
    )
    return model.eval()


def find_weights(path: str | Path) -> tuple[Path, Path]:
    """(folder, file) of a file, of a folder with weights, or of a name to be fetched.

    Raises:
        UserError: If there are none.
    """
    local = Path(path).expanduser()
    if local.is_file():
        return local.parent, local
    if local.is_dir():
        found = next((local / name for name in WEIGHT_FILES if (local / name).is_file()), None)
        if found is None:
            raise UserError(f"{local}: holds no {' or '.join(WEIGHT_FILES)}")
        return local, found
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", str(path)):
        raise UserError(f"{local}: no such file or folder with published weights")
    return _fetch(str(path))


def _fetch(name: str) -> tuple[Path, Path]:
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise UserError(f"{name}: no such file; to fetch it by name, pip install huggingface_hub") from None
    try:
        folder = Path(snapshot_download(name, allow_patterns=["config.json", *WEIGHT_FILES, "*.pth"]))
    except Exception as error:  # the hub's errors have no common name
        raise UserError(
            f"{name}: no such file, and it cannot be fetched ({type(error).__name__}); download its weights and give "
            "their path"
        ) from None
    files = [folder / name for name in WEIGHT_FILES if (folder / name).is_file()] or sorted(folder.glob("*.pth"))
    if not files:
        raise UserError(f"{name}: holds no weights that can be read")
    return folder, files[0]


def read_weights(file: Path) -> State:
    """Tensors by name; nothing that a file names is executed.

    Raises:
        UserError: If the file is damaged or holds something else.
    """
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(str(file)))
        state = torch.load(file, map_location="cpu", weights_only=True)
    except ImportError:
        raise UserError(f"{file}: reading it needs safetensors; pip install safetensors") from None
    except Exception as error:  # zip, pickle and safetensors each raise their own
        reason = str(error).split("\n")[0][:150]
        raise UserError(f"{file}: no readable weights ({reason}); fetch the file again") from None
    while isinstance(state, Mapping) and len(state) < 10 and (inner := state.get("state_dict", state.get("model"))):
        state = inner
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{file}: holds no weights by name")
    return {str(name).removeprefix("module."): value for name, value in state.items()}


def describe(state: Mapping[str, Tensor], file: Path, config: Path, version: int | None) -> Description:
    """What network the tensors are of; see `load_published`.

    Raises:
        UserError: If they are of none that is known.
    """
    token = next((state[n] for n in ("pretrained.cls_token", "backbone.embeddings.cls_token") if n in state), None)
    size = _WIDTHS.get(token.shape[-1]) if token is not None else None
    if size is None:
        some = ", ".join(list(state)[:3]) or "nothing"
        raise UserError(f"{file}: no weights of Depth Anything's ViT-S, B or L; it holds {some}, ...")
    if version not in (None, 1, 2):
        raise UserError(f"version must be 1 or 2, got {version}")
    name = file.name.lower()
    blocks = BLOCKS[version or (2 if "v2" in name else 1)][size]
    known = Description(size, blocks, *_named_head(name))
    return known if not config.is_file() else _configured(known, config, keep_blocks=version is not None)


def _named_head(name: str) -> tuple[str, float]:
    return ("metric", 20.0 if "hypersim" in name else 80.0) if "metric" in name else ("relative", 80.0)


def _configured(known: Description, config: Path, keep_blocks: bool) -> Description:
    """The description with what a config.json of Hugging Face says."""
    try:
        values: dict[str, Any] = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{config}: cannot be read ({error})") from None
    stages = (values.get("backbone_config") or {}).get("out_indices")
    blocks = tuple(int(stage) - 1 for stage in stages) if stages and not keep_blocks else known.blocks
    head = str(values.get("depth_estimation_type") or known.head)
    return Description(known.encoder, blocks, head, float(values.get("max_depth") or known.max_depth_m))


def our_names(state: Mapping[str, Tensor]) -> State:
    """The tensors under our names; those of no known name keep theirs, and loading will tell them."""
    renamed: State = {}
    parts: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
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
    for pattern, ours in (*_ORIGINAL, *_HUGGING_FACE):
        if re.fullmatch(pattern, name):
            return re.sub(pattern, ours, name)
    return name


def _fusion(index: int, unit: str | None, conv: str | None, rest: str) -> str:
    """Our name of a part of fusion `index`: its projection, or a convolution of its first or second unit."""
    if unit is None:
        return f"decoder.fuse.{index}.out.{rest}"
    return f"decoder.fuse.{index}.{'skip' if unit == '1' else 'refine'}.conv{conv}.{rest}"


def load_strictly(model: torch.nn.Module, state: Mapping[str, Tensor], file: Path) -> None:
    """Load all tensors; on any difference, none.

    Raises:
        UserError: Naming the tensors that are missing, in excess, or of another shape, by their modules.
    """
    wanted = model.state_dict()
    missing = [name for name in wanted if name not in state]
    extra = [name for name in state if name not in wanted]
    shapes = [
        f"{name} {tuple(state[name].shape)} for {tuple(value.shape)}"
        for name, value in wanted.items()
        if name in state and state[name].shape != value.shape
    ]
    if missing or extra or shapes:
        raise UserError(
            f"{file}: its weights do not fit: "
            + "; ".join(
                f"{len(names)} {what} ({summarise(names)})"
                for what, names in (("missing", missing), ("not known", extra), ("of another shape", shapes))
                if names
            )
        )
    model.load_state_dict({name: state[name].to(value.dtype) for name, value in wanted.items()})


def summarise(names: Iterable[str], shown: int = 3) -> str:
    """The first names, and how many more there are in each part of the network."""
    listed = list(names)
    rest = Counter(".".join(name.split(".")[:3]) for name in listed[shown:])
    more = ", ".join(f"{count} more in {module}" for module, count in rest.most_common(3))
    return ", ".join(listed[:shown]) + (f", {more}" if more else "") + (" ..." if len(rest) > 3 else "")
