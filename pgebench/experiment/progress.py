"""What the user sees while an experiment runs: a bar over units and a line for each result.

It watches the store, so it works the same for every launcher, on this machine or another.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from pgebench.core.records import CRASHED, DONE, FAILED
from pgebench.core.say import on_terminal, progress_bar, say
from pgebench.store.store import Store
from pgebench.store.unit import Unit

INTERVAL = 0.5
"""Least seconds between two looks at the store."""

SHARE = 0.02
"""Most of the time that looking may take: with tens of thousands of units a look takes seconds."""


class ProgressBar:
    """Context manager that reports units as they end.

    Args:
        units: those that are about to run.
        store: where their records appear.
        mode: ``auto`` (bar and lines on a terminal, nothing elsewhere), ``lines`` or ``none``.
    """

    def __init__(self, units: Sequence[Unit], store: Store, mode: str = "auto") -> None:
        self.bar_wanted = mode == "auto" and on_terminal()
        self.lines = mode == "lines" or self.bar_wanted
        # A failed unit of an earlier run has a record already: only a newer one counts.
        self.waiting = {unit: store.record(unit).get("started") for unit in units}
        self.total, self.ended = len(units), 0
        self.store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._bar: Any = None

    def __enter__(self) -> ProgressBar:
        if self.bar_wanted:
            self._bar = progress_bar(total=self.total, unit="unit", smoothing=0.05, dynamic_ncols=True)
        if self.lines:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.lines:
            self._stop.set()
            self._thread.join()
            self._look()
        if self._bar is not None:
            self._bar.close()

    def _watch(self) -> None:
        pause = INTERVAL
        while not self._stop.wait(pause):
            began = time.thread_time()
            self._look()
            pause = max(INTERVAL, (time.thread_time() - began) / SHARE)

    def _look(self) -> None:
        for unit, before in list(self.waiting.items()):
            record = self.store.record(unit)
            ended = record["status"] in (DONE, FAILED, CRASHED)
            if ended and (record["status"] == DONE or record.get("started") != before):
                del self.waiting[unit]
                self.ended += 1
                self._say(line(unit, record, self.ended, self.total))

    def _say(self, text: str) -> None:
        if self._bar is not None:
            with self._bar.external_write_mode():
                say(text)
            self._bar.update()
        else:
            say(text)


def line(unit: Unit, record: dict[str, Any], number: int, total: int) -> str:
    """The result of a unit in one line."""
    counter = f"[{number:>{len(str(total))}}/{total}]"
    if record["status"] != DONE:
        return f"{counter} {record['status'].upper()} {unit}: {record.get('error')}"
    value = "done" if record["value"] is None else f"{record['value']:.4f}"
    return f"{counter} {unit}: {value} ({record['wall_s']:.1f} s)"
