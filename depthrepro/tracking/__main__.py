"""`python -m depthrepro.tracking sync RUN_DIR...` brings MLflow up to date with run directories, `ui` shows them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from depthrepro.config.cli import one_line_errors
from depthrepro.core.errors import UserError


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(prog="python -m depthrepro.tracking", description="Mirror runs to MLflow.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    sync_parser = commands.add_parser("sync", help="send what MLflow lacks of these runs: after the store was away")
    sync_parser.add_argument("run_dir", type=Path, nargs="+", help="run directories, runs/<experiment>/.../seed=<n>")
    sync_parser.add_argument("--timeout", type=float, default=10.0, help="seconds the store may take to answer")
    ui_parser = commands.add_parser("ui", help="show the runs in MLflow's pages, over the store of this folder")
    ui_parser.add_argument("--port", type=int, default=5000)
    mirror_parser = commands.add_parser("mirror", help="follow one run; started by training, not by hand")
    mirror_parser.add_argument("run_dir", type=Path)
    options = parser.parse_args()
    if options.command == "mirror":
        from depthrepro.tracking import mirror

        sys.exit(mirror.main(options.run_dir))
    if options.command == "ui":
        from depthrepro.tracking import ui

        sys.exit(ui.show(Path.cwd(), options.port))
    from depthrepro.tracking.upload import sync

    failures = 0
    for run_dir in options.run_dir:
        try:
            print(sync(run_dir, options.timeout))
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            failures += 1
    sys.exit(2 if failures else 0)


if __name__ == "__main__":
    one_line_errors(main)
