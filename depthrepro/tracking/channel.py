"""The mirror's end of its pipes to the training process; both carry JSON, one object a line.

In: first {"settings": {...}, "uri": "...", "root": "...", "pid": 1, "owner": "..."}, at last {"status": "FINISHED"}.
Out: {"event": ...} with `ready` (run_id), `unreachable` (message; goes on trying), `failed` (message; ends), `warning`
(message), `done`, or `gave_up` (message).
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from typing import IO, Any

from depthrepro.core.processes import is_alive, started_at

log = logging.getLogger(__name__)


class Inbox:
    """What the training process says, and whether it still lives.

    Args:
        stream: Stdin.
    """

    def __init__(self, stream: IO[str]) -> None:
        self.hello: dict[str, Any] = json.loads(stream.readline() or "{}")
        self.status: str | None = None
        self._stream = stream
        self._pid = int(self.hello.get("pid", 0))
        self.pid_started = started_at(self._pid)
        self._over = threading.Event()
        threading.Thread(target=self._read, daemon=True, name="stdin").start()

    def over(self, seconds: float) -> bool:
        """Wait up to `seconds`; whether training has ended.

        The process is watched too: loader workers hold copies of the pipe, which may stay open after it.
        """
        end = time.monotonic() + seconds
        while not self._over.is_set() and is_alive(self._pid, self.pid_started):
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._over.wait(min(left, 1.0))
        return True

    def _read(self) -> None:
        for line in self._stream:
            self.status = json.loads(line).get("status")
            break
        self._over.set()


class Outbox:
    """Events for the training process, which may be gone."""

    def __init__(self) -> None:
        self._file = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)  # what libraries print goes to the log

    def __call__(self, event: str, **values: Any) -> None:
        """Send one event."""
        try:
            print(json.dumps({"event": event, **values}), file=self._file, flush=True)
        except OSError:
            log.info("nobody reads: %s %s", event, values)
