"""Signals that ask a program to stop, turned into a question that the training loop asks between two steps."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


def stop_signals() -> list[signal.Signals]:
    """SIGINT, SIGTERM and, where a terminal that is closed is not to be ignored (`nohup`), SIGHUP."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN:
        return [signal.SIGINT, signal.SIGTERM]
    return [signal.SIGINT, signal.SIGTERM, hangup]


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """The run was asked to stop, by this signal, and has written its checkpoint."""

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")


class StopRequest:
    """Context in which the first of `stop_signals` only sets `signal_number`; a second one acts as usual."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        """Install the handlers; signals reach only the main thread, elsewhere this does nothing."""
        if threading.current_thread() is threading.main_thread():
            for number in stop_signals():
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        """Give the previous handlers back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal_number = number
        self.__exit__()
