import ast
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from depthrepro.core.arrays import map_npy, read_npy, read_npz


def test_threads_parse_one_header_at_a_time(tmp_path, monkeypatch):
    np.save(tmp_path / "one.npy", np.arange(6.0).reshape(2, 3))
    np.savez(tmp_path / "two.npz", depth=np.ones((2, 2)), size=np.array([4, 5]))
    inside, at_once, literal_eval = threading.Semaphore(1), [], ast.literal_eval

    def parse(header):
        at_once.append(not inside.acquire(blocking=False))
        time.sleep(0.002)
        found = literal_eval(header)
        if not at_once[-1]:
            inside.release()
        return found

    monkeypatch.setattr(ast, "literal_eval", parse)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: read_npz(tmp_path / "two.npz") if i % 2 else read_npy(tmp_path / "one.npy"), range(24)))
    assert len(at_once) == 36 and not any(at_once)


def test_arrays_come_back_as_they_were_written(tmp_path):
    values = np.asfortranarray(np.arange(12, dtype=">u2").reshape(3, 4))
    np.save(tmp_path / "values.npy", values)
    np.savez(tmp_path / "values.npz", a=values, b=np.array("text"))
    assert (
        np.array_equal(read_npy(tmp_path / "values.npy"), values) and read_npy(tmp_path / "values.npy").flags.writeable
    )
    assert isinstance(map_npy(tmp_path / "values.npy"), np.memmap)
    found = read_npz(tmp_path / "values.npz")
    assert set(found) == {"a", "b"} and np.array_equal(found["a"], values) and str(found["b"]) == "text"


def _huge(path):
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (1 << 22, 1 << 21)}
        )


def _cut(path):
    np.save(path, np.zeros((50, 50)))
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    "write",
    [
        _huge,
        _cut,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\x93NUMPY\x01\x00\x10\x00{'descr': [('\xff" + b"\x00" * 99),
        lambda path: np.save(path, np.array([{"no": "code"}]), allow_pickle=True),
        lambda path: path.write_bytes(b"PK\x03\x04" + b"\x00" * 80),
    ],
    ids=["terabytes", "cut", "empty", "header", "objects", "zip"],
)
def test_a_damaged_file_is_a_value_error(tmp_path, write):
    path = tmp_path / "map.npy"
    write(path)
    for read in (map_npy, read_npy, read_npz):
        with pytest.raises(ValueError, match=r"."):
            read(path)
