"""CSV files of numbers, checked when they are read."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from depthrepro.core.errors import UserError
from depthrepro.core.metric_names import METRICS
from depthrepro.core.reading import read_csv_text, reading


def read_table(file: Path, how_to_fix: str, **options: Any) -> pd.DataFrame:
    """A CSV file as `pandas.read_csv` reads it with `options`.

    Raises:
        UserError: If it is missing, damaged or cut off.
    """
    text = read_csv_text(file, "the table", how_to_fix)
    with reading(file, "the table", fix=how_to_fix):
        return pd.read_csv(io.StringIO(text, newline=""), low_memory=False, **options)


def check_numbers(
    frame: pd.DataFrame, columns: Iterable[str], file: Path, how_to_fix: str, *, filled: Iterable[str] = ()
) -> None:
    """Stop where a column holds something else than numbers, or a number outside its range.

    Args:
        frame: The table.
        columns: Those that hold numbers.
        file: Where the table was read.
        how_to_fix: What to do about a damaged one.
        filled: Those that may have no gap.

    Raises:
        UserError: It names file and column.
    """
    filled = set(filled)
    for name in columns:
        limit = 1.0 if name in METRICS and METRICS[name].higher_is_better else np.finfo(float).max
        least = 0.0 if name in METRICS else -limit
        if frame[name].dtype.kind in "iuf":  # the usual case, in a tenth of the time
            values = frame[name].to_numpy()
            if ((values >= least) & (values <= limit) | (np.isnan(values) & (name not in filled))).all():
                continue
        numbers = pd.to_numeric(frame[name], errors="coerce")
        odd = (numbers.isna() & frame[name].notna()) | (numbers.notna() & ~numbers.between(least, limit))
        if odd.any():
            value = str(frame[name][odd].iloc[0])[:40]
            raise UserError(f"{file}: {name} has the value {value!r}, which is no number in its range; {how_to_fix}")
        if name in filled and numbers.isna().any():
            raise UserError(f"{file}: {name} has a gap; {how_to_fix}")
