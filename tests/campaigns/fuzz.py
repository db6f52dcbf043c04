"""Valid small files are damaged in every way, and read: nothing but a `UserError` of one line may come out.

python -m tests.campaigns.fuzz                   ten minutes, from a random seed, which is printed
python -m tests.campaigns.fuzz --seconds 60 --seed 4 --only lmdb tar
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from depthrepro.core.errors import UserError
from tests.campaigns.fuzz_targets import TARGETS, Target

HUGE = [2**n - 1 for n in (8, 15, 16, 31, 32, 63, 64)] + [2**31, 2**63, 0, 1]
WORDS = [
    "nan",
    "inf",
    "-1",
    "1e999",
    "9" * 30,
    "\n",
    ",",
    '"',
    "[",
    "{",
    ": ",
    "null",
    "\0",
    "\udcff",
    "&a [*a]",
    "../",
]

Change = tuple[str, int, int, bytes]  # what, where, where to or how many bytes, which

_place = st.one_of(st.integers(0, 200), st.integers(0, 1 << 20))  # headers more often
_bytes = st.one_of(
    st.sampled_from([word.encode("utf-8", "surrogateescape") for word in WORDS]),
    st.builds(
        lambda number, size, order: (number % 256**size).to_bytes(size, order),
        st.sampled_from(HUGE),
        st.sampled_from([1, 2, 4, 8]),
        st.sampled_from(["little", "big"]),
    ),
    st.binary(min_size=1, max_size=8),
)
changes = st.lists(
    st.tuples(st.sampled_from(["flip", "cut", "zero", "splice", "drop", "write", "insert"]), _place, _place, _bytes),
    min_size=1,
    max_size=4,
)


def damaged(data: bytes, wanted: Sequence[Change]) -> bytes:
    """A file's content after some changes."""
    found = bytearray(data)
    for what, first, second, new in wanted:
        at, other = first % (len(found) + 1), second % (len(found) + 1)
        low, high = min(at, other), max(at, other)
        if what == "flip" and at < len(found):
            found[at] ^= 1 << second % 8
        elif what == "cut":
            del found[at:]
        elif what == "zero":
            found[low:high] = bytes(high - low)
        elif what == "splice":  # a part of the file once more, elsewhere
            found[at:at] = found[other : other + 64]
        elif what == "drop":
            del found[at : at + 1 + second % 64]
        elif what == "write":
            found[at : at + len(new)] = new
        elif what == "insert":
            found[at:at] = new
    return bytes(found)


def check(target: Target, folder: Path, examples: int, number: int | None = None) -> None:
    """Read a target's file as it is, then damaged.

    Args:
        target: The file and its reader.
        folder: Empty; the file is made there.
        examples: Number of damaged files.
        number: Seed; None = the same files each time.

    Raises:
        BaseException: What a reader let out, for the smallest change that does it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = target.make(folder)
    data = path.read_bytes()
    target.read(path)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=number is None,
        suppress_health_check=list(HealthCheck),
    )
    @given(changes)
    def is_read_or_told(wanted: list[Change]) -> None:
        path.write_bytes(damaged(data, wanted))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                target.read(path)
        except UserError as error:
            assert "\n" not in str(error) and len(str(error)) < 2000, str(error)

    (is_read_or_told if number is None else seed(number)(is_read_or_told))()


def main() -> int:
    """Damage files until the time is over; the number of kinds of file that let something out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9))
    parser.add_argument("--examples", type=int, default=50, help="of a kind of file before the next one's turn")
    parser.add_argument("--only", nargs="+", choices=sorted(TARGETS), default=sorted(TARGETS))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    end, files, escaped = time.monotonic() + options.seconds, 0, set()
    for number in range(options.seed, sys.maxsize):
        for name in options.only:
            if time.monotonic() > end:
                print(f"{files} damaged files of {len(options.only)} kinds, {len(escaped)} kinds let something out")
                return len(escaped)
            if name in escaped:
                continue
            with tempfile.TemporaryDirectory() as folder:
                try:
                    check(TARGETS[name], Path(folder) / "set", options.examples, number)
                except Exception:
                    escaped.add(name)
                    print(f"--- {name}, seed {number}\n{traceback.format_exc()}", flush=True)
            files += options.examples
    return len(escaped)


if __name__ == "__main__":
    sys.exit(main())
