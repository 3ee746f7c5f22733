"""A limit on the time that a piece of work may take."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

GRACE = 15.0
"""Seconds after the limit in which Python code must have come back; then its process is ended."""


class TimeLimit(BaseException):
    """The limit is over. Like ``KeyboardInterrupt`` not an ``Exception``, so that a metric cannot swallow it."""


@contextlib.contextmanager
def time_limit(seconds: float | None, grace: float = GRACE) -> Iterator[None]:
    """Raise ``TimeLimit`` in the block after so many seconds; None is no limit.

    A call into C that does not come back cannot be interrupted by Python. ``grace`` seconds later the process
    therefore prints where it hangs and exits, by a thread that needs no interpreter lock. Outside the main thread,
    where Python handles no signals, that is all there is.
    """
    if seconds is None:
        yield
        return

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise TimeLimit

    by_signal = threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGALRM")
    with _terminal() as output:
        faulthandler.dump_traceback_later(seconds + grace, exit=True, file=output)
        before = signal.signal(signal.SIGALRM, stop) if by_signal else None
        try:
            try:
                if by_signal:
                    # Raised again in case the first one falls into a finalizer, which drops exceptions.
                    signal.setitimer(signal.ITIMER_REAL, seconds, grace / 3)
                yield
            finally:
                if by_signal:
                    signal.setitimer(signal.ITIMER_REAL, 0)
        finally:  # of its own: the signal may come while the inner one begins
            if by_signal:
                signal.signal(signal.SIGALRM, before)
            faulthandler.cancel_dump_traceback_later()


@contextlib.contextmanager
def _terminal() -> Iterator[int]:
    """The standard error of this process as a file number; a notebook or a service may have none."""
    try:
        number = os.dup(sys.__stderr__.fileno() if sys.__stderr__ else 2)
    except (OSError, ValueError):
        number = os.open(os.devnull, os.O_WRONLY)
    try:
        yield number
    finally:
        os.close(number)
