"""Kills and full disks at random moments, and the same command again: does it end as if nothing had happened?

    python -m tests.campaigns.kill                             100 kills, and full disks: about an hour on two cores
    python -m tests.campaigns.kill --kills 12 --kinds training report

A full disk is a file system in memory, which only root may mount; without it that part is left out and said so.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaigns.kinds import KINDS, Kind

CHECKOUT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 900
HEAD = "| work | kills | resumed | identical | full disks | told in a line | resumed, identical |\n|---|" + 6 * "--:|"


@dataclass
class Outcome:
    """Counts of one kind of work.

    Attributes:
        faults: What went wrong, in words.
    """

    kills: int = 0
    tries: int = 0
    resumed: int = 0
    identical: int = 0
    full: int = 0
    told: int = 0
    recovered: int = 0
    faults: list[str] = field(default_factory=list)


class Work:
    """One kind of work in folders of its own below `folder`."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.start = folder / "start"
        self.start.mkdir(parents=True)
        for command in kind.before:
            self.run(command, self.start)
        for teacher in self.start.glob("runs/teacher/checkpoints/last.pt"):
            shutil.copy(teacher, self.start / "teacher.pt")
        began, home = time.monotonic(), self.home("reference")
        self.run(kind.command, home)
        self.seconds = time.monotonic() - began
        self.digest, self.files = kind.digest(home)
        self.bytes = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
        assert self.files, f"{kind.name}: the undisturbed run left none of its results"
        shutil.rmtree(home)

    def home(self, name: str) -> Path:
        """A new folder with what is there before; always the same path, since some files hold it."""
        home = self.folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        self.fill(home)
        return home

    def fill(self, home: Path) -> None:
        """Copy what every try begins with."""
        for kept in self.kind.kept:
            source = self.start / kept
            if source.is_dir():
                shutil.copytree(source, home / kept)
            elif source.is_file():
                shutil.copy(source, home / kept)

    def begin(self, command: tuple[str, ...], home: Path) -> subprocess.Popen[str]:
        """The command as a process group of its own."""
        module, *arguments = (part.replace("{home}", str(home)) for part in command)
        if module != "depthrepro.report":
            arguments.append(f"root={home}")
        env = {**os.environ, "DEPTHREPRO_CACHE": str(home / "cache"), "OMP_NUM_THREADS": "1"}
        for name in ("KITTI_RAW", "KITTI_STEREO", "KITTI_2015", "KITTI_DEPTH", "NYU", "MINIPLACES"):
            env.pop(name, None)
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=CHECKOUT,
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, command: tuple[str, ...], home: Path) -> None:
        """The command to its end.

        Raises:
            RuntimeError: If it fails.
        """
        process = self.begin(command, home)
        said, _ = process.communicate(timeout=TIMEOUT_S)
        if process.returncode:
            raise RuntimeError(f"{self.kind.name}: exit {process.returncode}: {said[-2000:]}")

    def kill_once(self, home: Path, draw: random.Random, within_s: float) -> bool:
        """Begin, kill at a random moment of the work's first seconds; False if the command ended before."""
        process = self.begin(self.kind.command, home)
        while self.kind.starts_with and process.poll() is None and not any(home.glob(self.kind.starts_with)):
            time.sleep(0.02)
        try:
            process.communicate(timeout=draw.uniform(0, within_s))
            return False
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return True

    def kills(self, wanted: int, draw: random.Random, outcome: Outcome) -> None:
        """Tries with one to three kills each, until there were `wanted`."""
        while outcome.kills < wanted:
            home, killed = self.home("try"), 0
            for number in range(min(draw.randint(1, 3), wanted - outcome.kills)):
                killed += self.kill_once(home, draw, self.seconds / (1 + number))  # there is less left each time
            outcome.kills += killed
            outcome.tries += 1
            try:
                self.run(self.kind.command, home)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                outcome.faults.append(f"after {killed} kills: {error}")
                continue
            outcome.resumed += 1
            outcome.identical += self._same(home, outcome, f"after {killed} kills")

    def _same(self, home: Path, outcome: Outcome, when: str) -> bool:
        found = self.kind.digest(home)
        if found != (self.digest, self.files):
            outcome.faults.append(f"{when}: {found} instead of {(self.digest, self.files)}")
        return found == (self.digest, self.files)

    def full_disks(self, wanted: int, draw: random.Random, outcome: Outcome) -> None:
        """The work on a disk that is too small by a random share of what it writes, then on one that has room."""
        for _ in range(wanted):
            home = self.home("disk")
            before = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
            shutil.rmtree(home)
            home.mkdir()
            room = before + int((self.bytes - before) * draw.uniform(0.05, 0.9)) + 65536
            with small_disk(home, room) as grow:
                self.fill(home)
                process = self.begin(self.kind.command, home)
                said, _ = process.communicate(timeout=TIMEOUT_S)
                if process.returncode == 0:
                    continue  # it needed less than the reference left
                outcome.full += 1
                clear = "Traceback" not in said and "no space is left" in said
                outcome.told += clear
                if not clear:
                    outcome.faults.append(f"full disk of {room} bytes: {said[-1500:]}")
                grow()
                try:
                    self.run(self.kind.command, home)
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    outcome.faults.append(f"after a full disk of {room} bytes: {error}")
                    continue
                outcome.recovered += self._same(home, outcome, f"after a full disk of {room} bytes")


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[object]:
    """A file system of `size` bytes at `folder`; gives a function that makes it large."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield lambda: subprocess.run(["mount", "-o", "remount,size=2g", str(folder)], check=True)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def main() -> int:
    """Run the campaign; 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="over all kinds (default: 100)")
    parser.add_argument("--disks", type=int, default=4, help="full disks in each kind (default: 4)")
    parser.add_argument("--kinds", nargs="*", default=[kind.name for kind in KINDS])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chosen = [kind for kind in KINDS if kind.name in options.kinds]
    rows, failed = [HEAD], False
    with tempfile.TemporaryDirectory(prefix="campaign_") as folder:
        for number, kind in enumerate(chosen):
            draw, outcome = random.Random(f"{options.seed} {kind.name}"), Outcome()
            work = Work(kind, Path(folder) / str(number))
            share = options.kills // len(chosen) + (number < options.kills % len(chosen))
            work.kills(share, draw, outcome)
            print(f"{kind.name}: {outcome.kills} kills, {outcome.identical} of {outcome.tries} identical", flush=True)
            if os.geteuid() == 0:
                work.full_disks(options.disks, draw, outcome)
            else:
                print("not root: no full disks")
            o = outcome
            rows.append(
                f"| {kind.name} | {o.kills} | {o.resumed} of {o.tries} | {o.identical} of {o.tries} "
                f"| {o.full} | {o.told} of {o.full} | {o.recovered} of {o.full} |"
            )
            print(rows[-1], f"({work.seconds:.0f} s undisturbed, {work.files} files compared)", flush=True)
            for fault in o.faults:
                print("   FAULT", fault, flush=True)
            failed = failed or bool(o.faults)
    print("\n".join(rows))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
