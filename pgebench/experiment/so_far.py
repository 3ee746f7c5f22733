"""The report of what is done so far, made anew while a sweep runs.

It is made in a process of its own with a low priority, so that it neither stops the sweep nor holds it up. It is rested
from nine times as long as it took, and written when all of it is made.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import pandas as pd

from pgebench.core.errors import PgebenchError
from pgebench.core.files import write_atomically
from pgebench.core.machine import ONE_THREAD
from pgebench.core.records import DONE
from pgebench.core.say import say_above_bars
from pgebench.core.text import unfolded

FIRST = 1.0
"""Minutes until the first report; from then on each waits twice as long as the one before, up to ``report_every``."""

REST = 9
"""Times as long as a report took until the next one begins: reports take a tenth of the time at most."""

LOOK = 0.2
"""Seconds between two looks whether a report is made."""

PATIENCE = 30.0
"""Seconds for a process that has been told to end; it may be writing."""


class ReportSoFar:
    """Context in which a sweep runs, and its report is made from time to time.

    Args:
        results: folder of the report.
        every: minutes between two reports, once the first ones are made; 0 or None for none at all.
        table: gives the records as they are now.
        meta: what is said beside such a table, as JSON.
        tell: whether to say where the report is; a failure is said in any case.
    """

    def __init__(
        self,
        results: Path,
        every: float | None,
        table: Callable[[], pd.DataFrame],
        meta: Callable[[pd.DataFrame], bytes],
        tell: bool = True,
    ) -> None:
        self._results, self._every = results, 60 * (every or 0.0)
        self._table, self._meta, self._tell = table, meta, tell
        self._done, self._said = 0, ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> ReportSoFar:
        if self._every > 0:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._every > 0:
            self._stop.set()
            self._thread.join()

    def _watch(self) -> None:
        wait = min(60 * FIRST, self._every)
        pause = wait
        while not self._stop.wait(pause):
            began, ranked = time.monotonic(), True
            try:
                ranked = self._report()
            except Exception as error:  # whatever it is: a report so far is worth less than the sweep
                reason = unfolded(error) if isinstance(error, PgebenchError) else f"{type(error).__name__}: {error}"
                self._say(f"pgebench: no report so far ({reason}); the sweep goes on", error=True)
            if ranked:
                wait = min(2 * wait, self._every)
            pause = max(wait, REST * (time.monotonic() - began))

    def _report(self) -> bool:
        """Make a report, if there is anything to rank and anything new; False if there is nothing to rank yet.

        Raises:
            PgebenchError: it could not be made.
        """
        table = self._table()
        finished = table[table.status == DONE]
        if finished.metric.isna().all() or finished.truth.isna().all():
            return False
        if len(finished) == self._done:
            return True
        with tempfile.TemporaryDirectory(prefix="pgebench-report-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            write_atomically(folder / "records.parquet", table.to_parquet(index=False))
            write_atomically(folder / "meta.json", self._meta(table))
            if not self._made(folder):
                return True
        self._done = len(finished)
        units = table.key.nunique()
        done = finished.key.nunique()
        self._say(f"The report so far ({done} of {units} units): {self._results / 'report.html'}")
        return True

    def _made(self, folder: Path) -> bool:
        """Have the report of the records in a folder made and written; False if the sweep ended before."""
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pgebench.report.so_far", str(folder), str(self._results.resolve())],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # What this process imports, where it imports it from.
                env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                start_new_session=True,  # ctrl-C is for the sweep, which then ends this process
            )
        while process.poll() is None and not self._stop.wait(LOOK):
            pass
        ended = process.poll() is not None
        assert process.stdin is not None
        process.stdin.close()  # it lives no longer than this stream, but for a report that it is just writing
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if ended and process.returncode != 0:
            lines = (folder / "log").read_text(errors="replace").splitlines()
            raise PgebenchError(lines[-1] if lines else f"its process ended with code {process.returncode}")
        return process.returncode == 0

    def _say(self, text: str, error: bool = False) -> None:
        """Say where the report is once, and each failure once; the page itself says what is new."""
        kind = text if error else "made"
        if kind != self._said and (error or self._tell):
            self._said = kind
            with contextlib.suppress(Exception):
                say_above_bars(text, error=error)
