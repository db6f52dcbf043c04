"""The file formats in which depth and disparity are published."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path

import cv2
import numpy as np

from depthrepro.core.arrays import read_npy, real_numbers
from depthrepro.core.errors import UserError
from depthrepro.core.reading import reading
from depthrepro.data.io.images import read_grey

SPIKE = 0.001  # share of a map's pixels; of depth that was measured or rendered, next to none lies at the maximum
_told: set[str] = set()
# In a process of its own: a damaged file can end SciPy, and what it is in, by a segmentation fault.
_LOAD_MAT = """
import json, sys, numpy, scipy.io
values = scipy.io.loadmat(sys.argv[1], squeeze_me=True)[sys.argv[2]]
print(json.dumps(numpy.atleast_1d(values).tolist()))
"""


class Codec(Enum):
    """File format of a map.

    Attributes:
        png8: One channel of whole numbers up to 255, in a PNG.
        png16: One channel of whole numbers up to 65535, in a PNG.
        pfm: Portable float map, one channel, rows from the bottom up.
        npy: NumPy array.
        hdf5: A data set within an HDF5 file.
        exr: OpenEXR, the first channel.
        dpt: MPI Sintel's: a float tag, width, height, then float32.
    """

    png8 = "png8"
    png16 = "png16"
    pfm = "pfm"
    npy = "npy"
    hdf5 = "hdf5"
    exr = "exr"
    dpt = "dpt"


def read_map(
    path: Path, codec: Codec, *, key: str | None = None, invalid: Sequence[float] = (), data: str = ""
) -> np.ndarray:
    """Read a map as it is stored, without units.

    A spike at the maximum of a format of whole numbers, such as 65535, is told in a line, once for each data set: it
    often stands for no value, and would be scored as 65.535 m.

    Args:
        path: The file.
        codec: Its format.
        key: Name of the data set within an HDF5 file.
        invalid: Stored numbers that stand for no value; they become 0.
        data: Name of the data set that the map belongs to; by default its folder's.

    Returns:
        Float32 (H, W).

    Raises:
        UserError: If the file is missing, damaged or of another form; the message names it.
    """
    with reading(path, f"the {codec.value} map", missing="no such file; fetch it"):
        values = real_numbers(np.asarray(_READERS[codec](path, key)))
        if values.ndim == 3 and 1 in (values.shape[0], values.shape[2]):
            values = values.squeeze(0 if values.shape[0] == 1 else 2)
        if values.ndim != 2 or not values.size:
            raise UserError(f"{path}: expected one map (H, W), found an array {values.shape}")
        if len(invalid):
            values = np.where(np.isin(values, invalid), 0, values)
        _tell_spike(path, values, data or str(path.parent))
        with np.errstate(over="ignore"):  # beyond float32 is not finite, which no reader takes for a value
            return values.astype(np.float32)


def _tell_spike(path: Path, values: np.ndarray, data: str) -> None:
    if values.dtype.kind not in "iu" or values.itemsize == 1 or data in _told:  # 8 bits are masks
        return
    largest = np.iinfo(values.dtype).max
    share = np.mean(values == largest)
    if share >= SPIKE:
        _told.add(data)
        print(
            f"{data}: {largest}, the format's maximum, fills {share:.1%} of {path} and counts as a value; if it stands "
            f"for none, set invalid: [{largest}] where the data set is named, or write 0 in its place",
            file=sys.stderr,
        )


def read_mat(path: Path, key: str, *, missing: str) -> np.ndarray:
    """One variable of a MATLAB file, without axes of length 1, at least 1-D.

    Args:
        path: The file.
        key: Name of the variable.
        missing: Where the file comes from, for the message if it is not there.

    Raises:
        UserError: If the file is missing, damaged or has no such variable.
    """
    with reading(path, key, missing=f"no such file; {missing}"):
        done = subprocess.run([sys.executable, "-c", _LOAD_MAT, path, key], capture_output=True, text=True)
        if done.returncode:
            said = done.stderr.strip().splitlines() if done.returncode > 0 else []
            raise ValueError(said[-1] if said else "SciPy ends by a signal")
        return np.array(json.loads(done.stdout))


def _pfm(path: Path, _: str | None) -> np.ndarray:
    data = path.read_bytes()
    header = re.match(rb"(P[fF])\s+(\d+)\s+(\d+)\s+([-+.\deE]+)\s", data)
    if header is None:
        raise UserError(f"{path}: no PFM header; fetch it again")
    if header[1] != b"Pf":
        raise UserError(f"{path}: a PFM with three channels, where depth has one")
    width, height, order = int(header[2]), int(header[3]), float(header[4])
    body = data[header.end() :]
    if len(body) < width * height * 4:
        raise UserError(f"{path}: truncated, {len(body)} of {width * height * 4} bytes; fetch it again")
    # A negative scale means little-endian numbers.
    values = np.frombuffer(body, dtype="<f4" if order < 0 else ">f4", count=width * height)
    return values.reshape(height, width)[::-1]


def _hdf5(path: Path, key: str | None) -> np.ndarray:
    import h5py  # h5py takes 0.2 s

    with h5py.File(path, "r") as file:
        if key not in file:
            raise UserError(f"{path}: has no data set '{key}', only {', '.join(file) or 'nothing'}")
        stored = file[key]
        # No compression shortens numbers further than 1:1032, so the file does not hold all of them.
        if stored.nbytes > 1100 * path.stat().st_size:
            raise UserError(f"{path}: '{key}' claims {stored.nbytes} bytes, more than the file holds; fetch it again")
        return np.asarray(stored)


def _exr(path: Path, _: str | None) -> np.ndarray:
    # OpenCV reads this once, when its decoder is first used.
    os.environ.setdefault("OPENCV_IO_ENABLE_OPENEXR", "1")
    try:
        values = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)  # its imread takes no odd names
    except cv2.error:
        raise UserError(f"{path}: OpenCV reads EXR only if OPENCV_IO_ENABLE_OPENEXR=1 is set; set it first") from None
    if values is None:
        raise UserError(f"{path}: OpenCV cannot read this EXR file; fetch it again, or convert it to npy")
    return values[..., -1] if values.ndim == 3 else values  # OpenCV turns R, G, B round


def _dpt(path: Path, _: str | None) -> np.ndarray:
    data = path.read_bytes()
    if np.frombuffer(data, "<f4", 1)[0] != np.float32(202021.25):
        raise UserError(f"{path}: is no depth file of Sintel; fetch it again")
    width, height = (int(side) for side in np.frombuffer(data, "<i4", 2, offset=4))
    values = np.frombuffer(data, "<f4", offset=12)
    if min(width, height) < 1 or values.size != width * height:
        raise UserError(f"{path}: {values.size} numbers, but {width}x{height} pixels; fetch it again")
    return values.reshape(height, width)


_READERS: dict[Codec, Callable[[Path, str | None], np.ndarray]] = {
    Codec.png8: lambda path, _: read_grey(path, np.uint8),
    Codec.png16: lambda path, _: read_grey(path, np.uint16),
    Codec.pfm: _pfm,
    Codec.npy: lambda path, _: read_npy(path),
    Codec.hdf5: _hdf5,
    Codec.exr: _exr,
    Codec.dpt: _dpt,
}
