"""The `logger` group of the configuration, and the address of the MLflow store that it names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from depthrepro.core.errors import UserError

KINDS = ("mlflow", "none")
_SERVERS = ("http", "https", "databricks", "databricks-uc", "uc")


@dataclass
class LoggerConfig:
    """Schema of the `logger` group: settings of the mirror to MLflow.

    Attributes:
        kind: `mlflow`, or `none` for local files only.
        tracking_uri: Store; None = the environment's MLFLOW_TRACKING_URI, else sqlite, mlflow.db.
        experiment: MLflow experiment, one per paper.
        run_name: Name in MLflow's list; None = the run directory's place in runs/.
        required: Whether a store that cannot be reached at the start stops the run; False = one warning.
        timeout_s: Seconds a store may take to answer, and the mirror to give up once training has ended.
        flush_seconds: Seconds between two batches.
        system_metrics: Whether to log CPU, memory, disk, network and GPU load.
    """

    kind: str = "mlflow"
    tracking_uri: str | None = None
    experiment: str = "depthrepro"
    run_name: str | None = None
    required: bool = True
    timeout_s: float = 10.0
    flush_seconds: float = 3.0
    system_metrics: bool = True

    def __post_init__(self) -> None:
        """Check values that the types allow and the mirror does not."""
        if self.kind not in KINDS:
            raise UserError(f"logger.kind is {self.kind!r}: choose one of {', '.join(KINDS)}")
        for name in ("timeout_s", "flush_seconds"):
            if not getattr(self, name) > 0:
                raise UserError(f"logger.{name} must be positive, got {getattr(self, name)}")


def store_uri(config: LoggerConfig, root: Path) -> str:
    """Address of the store, independent of the working directory.

    Args:
        config: Settings of the logger.
        root: Folder of mlflow.db, where no store is set.

    Raises:
        UserError: If the address names MLflow's former file store, or a database in memory.
    """
    root = root.expanduser().resolve()
    uri = config.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(root / 'mlflow.db').as_posix()}"
    scheme = urlsplit(uri).scheme or uri
    if scheme.startswith("sqlite"):
        database = uri.partition(":///")[2].partition("?")[0]
        if database in ("", ":memory:"):
            raise UserError(f"tracking URI {uri}: a database in memory keeps nothing; name a file, sqlite:///<path>.db")
        return uri.replace(database, Path(database).expanduser().resolve().as_posix(), 1)
    if scheme == "file" or (scheme not in _SERVERS and "://" not in uri):
        folder = urlsplit(uri).path if scheme == "file" else uri
        raise UserError(
            f"tracking URI {uri} is a folder, which MLflow no longer writes to: use sqlite:///<path>.db and copy "
            f"old runs with `mlflow migrate-filestore --source {folder} --target sqlite:///<new path>.db`"
        )
    return uri


def database_file(uri: str) -> Path | None:
    """The file behind an sqlite address; None for any other store."""
    if not uri.startswith("sqlite"):
        return None
    return Path(uri.partition(":///")[2].partition("?")[0])


def artifact_root(uri: str, root: Path) -> str | None:
    """Folder for artifacts, as a URI, where the client has to choose one; None where the server does."""
    if urlsplit(uri).scheme in _SERVERS or uri in _SERVERS:
        return None
    return (root.expanduser().resolve() / "mlartifacts").as_uri()


def former_file_store(uri: str, root: Path) -> str | None:
    """One line about an ./mlruns folder that the database will not show; None where there is none.

    None, too, once the database exists: a person reads this line once.
    """
    database = database_file(uri)
    if database is None or database.exists() or not any(root.glob("mlruns/*/meta.yaml")):
        return None
    return (
        f"{root / 'mlruns'} holds runs of MLflow's former file store, which {database.name} does not show: copy "
        f"them with `mlflow migrate-filestore --source {root} --target sqlite:///{(root / 'mlruns.db').as_posix()}`"
    )


def without_password(text: str) -> str:
    """`text` with the user:password part of every URL replaced by ***."""
    return re.sub(r"://[^/\s@]+@", "://***@", text)
