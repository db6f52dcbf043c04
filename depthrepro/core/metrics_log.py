"""RUN/metrics.jsonl: the writer that training uses, and the reader that follows it.

One row a line: {"step": int, "epoch": int, "time": unix seconds, "metrics": {"train/loss": 0.123, ...}}, values finite
or null. Steps never decrease, and a metric appears at most once a step.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, SupportsFloat

from depthrepro.core.files import naming, replacing

Row = dict[str, Any]


class MetricsLog:
    """Appends rows; each one is in the file when `append` returns.

    Nothing is touched before the first call of a method. A process killed while writing leaves half a line: the next
    one drops it.

    Args:
        path: The file; created with its folder when the first row comes.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._file: BinaryIO | None = None
        self._last_step = -1

    def append(self, step: int, epoch: int, metrics: Mapping[str, SupportsFloat | None]) -> None:
        """Write one row.

        Args:
            step: Optimizer steps done, at least the previous row's.
            epoch: Epoch that `step` belongs to.
            metrics: Name, such as train/loss, to number; NaN and infinities are written as null.

        Raises:
            ValueError: If `step` is smaller than the previous row's.
        """
        if self._file is None:
            self._open()
        assert self._file is not None
        if step < self._last_step:
            raise ValueError(f"{self.path}: row of step {step} after one of step {self._last_step}")
        values = {name: _finite(value) for name, value in metrics.items()}
        row = {"step": int(step), "epoch": int(epoch), "time": time.time(), "metrics": values}
        with naming(self.path):
            self._file.write(json.dumps(row, allow_nan=False).encode() + b"\n")
        self._last_step = step

    def truncate_after(self, step: int) -> None:
        """Drop the rows later than `step`, the checkpoint's: a resumed run does those steps again."""
        self._drop(lambda row: row["step"] > step)

    def drop_group(self, group: str) -> None:
        """Drop the rows of metrics whose names begin with `group`/, such as test: they are measured anew."""
        self._drop(lambda row: any(name.startswith(f"{group}/") for name in row["metrics"]))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> MetricsLog:
        """Return the log itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def _open(self) -> None:
        self._drop(lambda row: False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("ab", buffering=0)  # one write a row: a reader sees whole lines

    def _drop(self, unwanted: Callable[[Row], bool]) -> None:
        """Rewrite the file, beside and renamed, without unwanted rows and broken lines; remember the last step."""
        self.close()
        self._last_step = -1
        if not self.path.exists():
            return
        content = self.path.read_bytes()
        lines = content.splitlines(keepends=True)
        kept = [line for line in lines if (row := _parse(line)) is not None and not unwanted(row)]
        if len(kept) < len(lines):
            with replacing(self.path) as beside:
                beside.write_bytes(b"".join(kept))
        if kept:
            self._last_step = json.loads(kept[-1])["step"]


class Tail:
    """Follows a metrics.jsonl that another process writes, and starts again when the file is replaced.

    Args:
        path: The file; need not exist yet.

    Attributes:
        nulls: How often each metric was not finite in the rows taken so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.nulls: Counter[str] = Counter()
        self._offset = 0
        self._identity: tuple[int, int] | None = None

    def batches(self, rows: int) -> Iterator[list[Row]]:
        """Yield lists of at most `rows` complete new rows; a list counts as taken once the next one is asked for."""
        while True:
            batch, offset = self._peek(rows)
            if offset == self._offset:
                return
            yield batch
            self._offset = offset
            self.nulls.update(name for row in batch for name, value in row["metrics"].items() if value is None)

    def _peek(self, rows: int) -> tuple[list[Row], int]:
        """Rows from the current place on, and the place behind them."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return [], self._offset
        with file:
            stat = os.fstat(file.fileno())
            if self._identity != (stat.st_dev, stat.st_ino) or stat.st_size < self._offset:
                self._identity = (stat.st_dev, stat.st_ino)
                self._offset = 0
                self.nulls.clear()
            file.seek(self._offset)
            batch: list[Row] = []
            offset = self._offset
            for line in file:
                if len(batch) == rows or not line.endswith(b"\n"):
                    break
                offset += len(line)
                if (row := _parse(line)) is not None:
                    batch.append(row)
            return batch, offset


def _parse(line: bytes) -> Row | None:
    """The row in a line; None where a crash left something else."""
    if not line.endswith(b"\n"):
        return None
    try:
        row = json.loads(line)
        return row if isinstance(row["step"], int) and isinstance(row["metrics"], dict) and row["time"] >= 0 else None
    except (ValueError, TypeError, KeyError):
        return None


def _finite(value: SupportsFloat | None) -> float | None:
    number = math.nan if value is None else float(value)
    return number if math.isfinite(number) else None
