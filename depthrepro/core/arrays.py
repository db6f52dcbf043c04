"""Arrays in files, safe to read in several threads: whatever is wrong with one is an OSError or a ValueError."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from depthrepro.core.reading import reason

# NumPy parses a header with ast.literal_eval, and CPython 3.11 counts its recursion in state that all threads share:
# two headers at once can end in "SystemError: AST constructor recursion depth mismatch".
_one_header = threading.Lock()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    with _one_header:
        try:
            yield
        except OSError:
            raise
        except Exception as error:  # zipfile, zlib, struct, tokenize and a shape beyond memory have each their own
            raise ValueError(f"{path.name}: {reason(error)}") from error


def real_numbers(values: np.ndarray) -> np.ndarray:
    """The same array.

    Raises:
        ValueError: If it holds texts, records, truth values, or complex numbers, which lose a part as floats.
    """
    if values.dtype.kind not in "fiu":
        raise ValueError(f"{values.dtype}, where real numbers are expected")
    return values


def map_npy(path: Path) -> np.ndarray:
    """The array of a .npy file, mapped from the disk, read-only.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If it is damaged, shorter than its header says, or holds Python objects.
    """
    with _reading(path):
        return np.lib.format.open_memmap(path, mode="r")


def read_npy(path: Path) -> np.ndarray:
    """The array of a .npy file, in memory; raises what `map_npy` does."""
    return np.array(map_npy(path))


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a .npz file by their names.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If it is damaged, another kind of file, or holds Python objects.
    """
    with _reading(path), path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise ValueError(f"{path.name}: one array, not a .npz file of several")
        return {name: arrays[name] for name in arrays.files}
