"""Weights in files: found, read without executing anything, loaded whole or not at all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from depthrepro.core.errors import UserError
from depthrepro.core.reading import reading

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
State = dict[str, Tensor]


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


def read_weights(file: Path) -> State:
    """Tensors by name; `state_dict`, `model` and `module.` around them are taken off.

    Raises:
        UserError: If the file is damaged or holds something else.
    """
    with reading(file, "the weights", fix="fetch the file again"):
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file  # only for such files

            return dict(load_file(str(file)))
        state = torch.load(file, map_location="cpu", weights_only=True)
    while isinstance(state, Mapping):
        inner = next((state[key] for key in ("state_dict", "model") if isinstance(state.get(key), Mapping)), None)
        if inner is None:
            break
        state = inner
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{file}: holds no weights by name")
    return {str(name).removeprefix("module."): value for name, value in state.items()}


def load_strictly(model: nn.Module, state: Mapping[str, Tensor], source: str | Path) -> None:
    """Load all tensors; on any difference, none. Arguments and errors: `check_fit`."""
    check_fit(model, state, source)
    model.load_state_dict({name: state[name].to(value.dtype) for name, value in model.state_dict().items()})


def check_fit(model: nn.Module, state: Mapping[str, Tensor], source: str | Path) -> None:
    """Compare tensors with those of a network.

    Args:
        model: Takes them in its own precision.
        state: Tensors by the model's names.
        source: Where they come from, for the message.

    Raises:
        UserError: Naming the tensors that are missing, in excess, of another shape or no plain real numbers, by their
            modules.
    """
    wanted = model.state_dict()
    missing = [name for name in wanted if name not in state]
    extra = [name for name in state if name not in wanted]
    shapes = [
        f"{name} {tuple(state[name].shape)} for {tuple(value.shape)}"
        for name, value in wanted.items()
        if name in state and state[name].shape != value.shape
    ]
    odd = [name for name in wanted if name in state and not _plain(state[name])]
    if missing or extra or shapes or odd:
        raise UserError(
            f"{source}: its weights do not fit: "
            + "; ".join(
                f"{len(names)} {what} ({summarise(names)})"
                for what, names in (
                    ("missing", missing),
                    ("not known", extra),
                    ("of another shape", shapes),
                    ("no plain numbers", odd),
                )
                if names
            )
        )


def _plain(value: Tensor) -> bool:
    """Whether a tensor holds real numbers, all of them, in memory."""
    return not (value.is_complex() or value.is_quantized or value.is_meta) and value.layout is torch.strided


def summarise(names: Iterable[str], shown: int = 3) -> str:
    """The first names, and how many more there are in each part of the network."""
    listed = list(names)
    rest = Counter(".".join(name.split(".")[:3]) for name in listed[shown:])
    more = ", ".join(f"{count} more in {module}" for module, count in rest.most_common(3))
    return ", ".join(listed[:shown]) + (f", {more}" if more else "") + (" ..." if len(rest) > 3 else "")
