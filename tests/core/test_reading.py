"""Whatever a damaged or odd file raises ends in one line, which says what helps."""

import errno
import os

import pytest

from depthrepro.core.errors import UserError
from depthrepro.core.reading import reading
from depthrepro.data.io.codecs import Codec, read_map
from depthrepro.data.io.images import probe_image, read_rgb
from depthrepro.data.io.photo_probe import probe_photo
from depthrepro.data.io.photos import read_photo


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("a\nb  c"), r"the map cannot be read \(a b c\); fetch it again"),
        (EOFError(), r"\(EOFError\); fetch it again"),
        (MemoryError("36 TiB"), r"\(36 TiB\); free some memory; or the file is damaged"),
        (OSError("no HDF5"), r"\(no HDF5\); fetch it again"),
        (OSError(errno.EINVAL, "a seek to -4"), "fetch it again"),
        (PermissionError(errno.EACCES, "Permission denied"), r"\(Permission denied\); allow it to be read"),
        (OSError(errno.EIO, "Input/output error"), "check the disk and try again"),
        (UserError("as it is"), "^as it is$"),
    ],
)
def test_only_a_damaged_file_is_to_be_fetched_again(tmp_path, error, said):
    with pytest.raises(UserError, match=said) as caught, reading(tmp_path, "the map"):
        raise error
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "read", [read_photo, read_rgb, probe_photo, probe_image, lambda path: read_map(path, Codec.npy)]
)
def test_pipes_and_devices_do_not_hang(tmp_path, read):
    os.mkfifo(tmp_path / "photo.png")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    for name in ("photo.png", "device.png"):
        with pytest.raises(UserError, match=rf"{name}: a pipe or device, where a file is expected"):
            read(tmp_path / name)
