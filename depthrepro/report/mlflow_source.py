"""Results read from an MLflow store, through the artifacts of its finished runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from depthrepro.errors import UserError
from depthrepro.report.paper import PaperTable
from depthrepro.report.rows import ROW_COLUMNS, summary_rows
from depthrepro.report.sources import Results, collect

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


def from_mlflow(uri: str, tables: Sequence[PaperTable]) -> Results:
    """The same frames as from the run directories themselves.

    Args:
        uri: Address of the store, as `tracking.settings.store_uri` gives it.
        tables: What is read.

    Raises:
        UserError: If the store cannot be read, or an artifact is damaged.
    """
    import mlflow.artifacts
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    wanted = {name for table in tables for name in table.experiments}
    rows: list[dict[str, Any]] = []
    folders: dict[str, Path] = {}
    try:
        for run in _finished_runs(MlflowClient(uri)):
            name = _run_name(str(run.data.tags.get("run_dir", "")))
            if name is None:
                continue
            folder = Path(mlflow.artifacts.download_artifacts(run.info.artifact_uri, tracking_uri=uri))
            summary = folder / "summary.json"
            found = [{**row, "run": name} for row in summary_rows(summary)] if summary.is_file() else []
            if found and found[0]["experiment"] in wanted:
                folders[name] = folder
                rows += found
    except MlflowException as error:
        raise UserError(f"{uri}: {' '.join(str(error).split())}; name a store with uri=sqlite:///<file>") from error
    return collect(pd.DataFrame(rows, columns=ROW_COLUMNS), folders, tables, [])


def _finished_runs(client: MlflowClient) -> Iterator[Any]:
    """Runs in the order they began: of two that mirror one run directory, the later counts."""
    experiments = [e.experiment_id for e in client.search_experiments()]
    token: str | None = None
    latest: dict[str, Any] = {}
    while experiments:
        page = client.search_runs(
            experiments,
            "attributes.status = 'FINISHED'",
            max_results=1000,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
        latest |= {run.data.tags.get("run_dir", run.info.run_id): run for run in page}
        token = page.token
        if not token:
            break
    yield from latest.values()


def _run_name(run_dir: str) -> str | None:
    """`runs/...`, as run directories are named; None for a run that is no training (a sweep's parent)."""
    parts = Path(run_dir).parts
    if "runs" not in parts or ".sweeps" in parts:
        return None
    start = len(parts) - 1 - parts[::-1].index("runs")
    return Path(*parts[start:]).as_posix()
