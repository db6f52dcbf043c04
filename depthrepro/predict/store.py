"""Files of an output folder: results and what is said beside them, and what an interrupted job goes on from."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depthrepro.core.arrays import read_npz
from depthrepro.core.errors import UserError
from depthrepro.core.files import replacing, write_json

FOLDER = ".depthrepro"  # below the output folder
ENDINGS = {
    "png16": "_depth16.png",
    "npy": ".npy",
    "color": "_color.png",
    "side_by_side": "_side_by_side.jpg",
    "ply": ".ply",
}


def digest(*parts: Any) -> str:
    """A short hex digest of plain values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:20]


class RawStore:
    """Maps at the size of the network's output, by key.

    Args:
        output: Folder of the results.
        identity: Of the network and its output; another one's maps are never found.
    """

    def __init__(self, output: Path, identity: str) -> None:
        self.folder, self.identity = output / FOLDER / "raw", identity

    def _path(self, key: str) -> Path:
        return self.folder / f"{digest(self.identity, key)}.npz"

    def has(self, key: str) -> bool:
        """Whether there is a map; files are whole or absent."""
        return self._path(key).is_file()

    def save(self, key: str, raw: NDArray[np.float32], size: tuple[int, int]) -> None:
        """Keep a map (h, w), with the (height, width) of its image.

        Raises:
            UserError: If it cannot be written.
        """
        try:
            with replacing(self._path(key)) as beside, beside.open("wb") as file:
                np.savez(file, allow_pickle=False, raw=raw, size=np.array(size))
        except OSError as error:
            raise UserError(f"{self.folder}: cannot be written ({error.strerror or error}); see output=") from None

    def load(self, key: str) -> tuple[NDArray[np.float32], tuple[int, int]] | None:
        """The map and its image's size; None if it is missing or damaged."""
        try:
            arrays = read_npz(self._path(key))
            height, width = arrays["size"].tolist()
            return arrays["raw"], (height, width)
        except (OSError, KeyError, ValueError):
            return None

    def drop(self, key: str) -> None:
        """Forget one map."""
        self._path(key).unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget all maps."""
        shutil.rmtree(self.folder, ignore_errors=True)


def read_range(output: Path, identity: str) -> tuple[float, float] | None:
    """The range of colours that earlier pictures of an output folder share; None if there is none that fits.

    Args:
        output: Folder of the results.
        identity: Of what the numbers depend on; a range of other numbers does not count.
    """
    found = _read_json(output / FOLDER / "range.json")
    try:
        low, high = map(float, found["range"])
    except (KeyError, TypeError, ValueError):
        return None
    return (low, high) if found.get("identity") == identity and low < high else None


def write_range(output: Path, identity: str, value_range: tuple[float, float]) -> None:
    """Record the range of colours for later calls; arguments as `read_range`."""
    write_json(output / FOLDER / "range.json", {"identity": identity, "range": list(value_range)})


def output_files(stem: Path, formats: Sequence[str]) -> dict[str, Path]:
    """Format → file; the endings follow the whole name, which may contain dots."""
    return {name: stem.with_name(stem.name + ENDINGS[name]) for name in formats}


def sidecar_path(stem: Path) -> Path:
    """The JSON file beside the results."""
    return stem.with_name(stem.name + ".json")


def read_sidecar(stem: Path) -> dict[str, Any]:
    """The JSON file beside the results; {} if it is missing or damaged."""
    return _read_json(sidecar_path(stem))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
