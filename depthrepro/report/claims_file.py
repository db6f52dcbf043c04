"""experiments/claims.csv: which claim is decided on which data set, in which metric, with what margin and looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from depthrepro.core.errors import UserError
from depthrepro.core.metric_names import METRICS
from depthrepro.report.csv_tables import check_numbers, read_table
from depthrepro.report.paper import Claim, PaperTable

FILE = "claims.csv"
COLUMNS = (
    "table",
    "claim",
    "asked_by",
    "data",
    "photographs",
    "metric",
    "margin",
    "relative",
    "looks",
    "added",
    "reason",
)
Key = tuple[str, str, str, str]  # table, claim, data set, metric
_FIX = "`git checkout` brings it back"
ERROR_MARGIN, ACCURACY_MARGIN = 0.03, 0.01  # a share of the reference row; in the metric's unit
PHOTOGRAPH_LOOKS, SYNTHETIC_LOOKS = "6:0.03 12:0.02", "3:0.05"
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class AskedClaim:
    """One row of claims.csv: a claim in one metric on one data set.

    Attributes:
        table: The table's folder, such as "garg_resolution".
        claim: The claim's text in the table's paper.yaml.
        asked_by: "paper", or "us" for a question of ours.
        data: Name of the data set, as blocks have it.
        photographs: Whether the data set is photographs; else it is synthetic.
        metric: Metric key.
        margin: The smallest difference that matters, > 0.
        relative: Whether `margin` is a share of the reference row's mean; else it is in the metric's unit.
        looks: Numbers of seeds and levels, such as "6:0.03 12:0.02".
        added: Day on which the row was written, YYYY-MM-DD.
        reason: Why it was added after the others; "" for the first ones.
    """

    table: str
    claim: str
    asked_by: str
    data: str
    photographs: bool
    metric: str
    margin: float
    relative: bool
    looks: str
    added: str
    reason: str

    @property
    def key(self) -> Key:
        """What no other row has."""
        return self.table, self.claim, self.data, self.metric


def read_claims(experiments: Path) -> dict[Key, AskedClaim]:
    """Rows of `experiments`/claims.csv by table, claim, data set and metric; {} where there is no such file.

    Raises:
        UserError: If the file is damaged, or has a row twice.
    """
    path = experiments / FILE
    if not path.exists():
        return {}
    texts = dict.fromkeys((name for name in COLUMNS if name != "margin"), str)
    frame = read_table(path, _FIX, dtype=texts, keep_default_na=False)
    if tuple(frame.columns) != COLUMNS:
        raise UserError(f"{path}: its columns must be {', '.join(COLUMNS)}; {_FIX}")
    check_numbers(frame, ["margin"], path, _FIX, filled=["margin"])
    found: dict[Key, AskedClaim] = {}
    for row in frame.to_dict("records"):
        try:
            flags = {name: _BOOLEANS[row[name]] for name in ("photographs", "relative")}
        except KeyError as error:
            raise UserError(f"{path}: {error} is neither true nor false; {_FIX}") from None
        one = AskedClaim(**{**{str(name): value for name, value in row.items()}, **flags})
        if one.metric not in METRICS or one.asked_by not in ("paper", "us") or not one.margin > 0:
            raise UserError(f"{path}: {' · '.join(one.key)} has an unknown metric or asker, or no margin; {_FIX}")
        if one.key in found:
            raise UserError(f"{path}: has {' · '.join(one.key)} twice; {_FIX}")
        found[one.key] = one
    return found


def asked_claim(
    asked: Mapping[Key, AskedClaim], table: PaperTable, claim: Claim, metric: str, data: str, *, photographs: bool
) -> AskedClaim | None:
    """The row of claims.csv for a claim in one metric on one data set; None: it is not decided there.

    A table without any row, such as a new one, has the usual margins and looks on every data set.
    """
    if any(name == table.name for name, *_ in asked):
        return asked.get((table.name, claim.text, data, metric))
    relative = not METRICS[metric].higher_is_better
    return AskedClaim(
        table=table.name,
        claim=claim.text,
        asked_by=claim.asked_by or "paper",
        data=data,
        photographs=photographs,
        metric=metric,
        margin=ERROR_MARGIN if relative else ACCURACY_MARGIN,
        relative=relative,
        looks=PHOTOGRAPH_LOOKS if photographs else SYNTHETIC_LOOKS,
        added="",
        reason="",
    )
