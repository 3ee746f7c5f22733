"""Tracker, the sweep's side, or a ranking's: it starts the process that speaks to W&B and tells it of the report."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pgebench.core.identity import digest
from pgebench.core.text import all_storable, one_line
from pgebench.store.unit import Unit
from pgebench.tracking.environment import handed_on, mode
from pgebench.tracking.keys import FINAL, RANKING

if TYPE_CHECKING:  # the process that imports this package must not wait for torch
    from pgebench.store.store import Store

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Most seconds that a sweep waits for W&B, all in all."""

REPORT = "report\n"
"""The message that the report is there; the end of the stream alone means that there is none."""


class Tracker:
    """Context manager around a sweep or a ranking. Whatever happens to W&B, its methods don't raise.

    It can be entered again inside itself, by what cannot know whether units ran before the report: W&B's process is
    started once.

    Args:
        tracking: fields of ``TrackingConfig``; the environment may say less, see ``environment.mode``.
        units: those of the sweep.
        store: where their records appear.
        results: the folder in which the report will be built; W&B's files go into its folder ``wandb``.
        config: what a reader may want to filter runs by; needs ``experiment_name``, of a sweep ``primary_truth``.
        with_curve: stages that train, whose records hold a learning curve.
        kind: type of the run of the report: ``FINAL`` of a sweep, ``RANKING`` of a ranking.
    """

    def __init__(
        self,
        tracking: Mapping[str, Any],
        units: Iterable[Unit],
        store: Store,
        results: Path,
        config: Mapping[str, Any],
        with_curve: Collection[str] = (),
        kind: str = FINAL,
    ) -> None:
        self._tracking = {**tracking, "mode": mode(tracking["mode"], os.environ)}
        if tracking["mode"] == "online" != self._tracking["mode"]:
            log.warning("W&B: tracking.mode=online, but the environment says %s", self._tracking["mode"])
        self._results = results
        self._units, self._store, self._config, self._with_curve = units, store, config, with_curve
        self._kind = kind
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Tracker:
        if self._tracking["mode"] != "disabled" and self._folder is None:
            try:
                self._start()
            except Exception as error:  # no space, no more processes: whatever it is, the sweep goes on
                _warn(f"{type(error).__name__}: {error}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(b"")
        if self._folder is not None:
            self._folder.cleanup()

    def report(self) -> str | None:
        """Hand over the report that is now in the results folder, and wait until it is logged.

        Returns:
            The folder of the run's files, or None if there is no such run.
        """
        return self._end(REPORT.encode())

    def _start(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="pgebench-wandb-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        (folder / "job.json").write_text(json.dumps(self._job()))
        # What waits to be uploaded stays with the results, not in the user's home.
        data = os.environ.get("WANDB_DATA_DIR", str(self._results.resolve() / "wandb"))
        with (folder / "log").open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pgebench.tracking.process", str(folder)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**handed_on(os.environ), "WANDB_DATA_DIR": data},
                start_new_session=True,  # ctrl-C is for the sweep, which then ends the stream
            )

    def _job(self) -> dict[str, Any]:
        distinct = {unit.key: unit for unit in self._units}
        name = all_storable(self._config["experiment_name"])
        # The same command again goes on with the same sweep, another one does not.
        same = digest(all_storable(self._config) if self._kind == RANKING else sorted(distinct))
        return {
            **self._tracking,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "results": str(self._results.resolve()),
            "experiment": name,
            "kind": self._kind,
            "group": f"{name}-{same[:8]}",
            "config": all_storable(self._config),  # W&B takes UTF-8 alone
            "units": [
                {**all_storable(unit.named()), "record": str(self._store.path(unit, ".json").resolve())}
                for unit in distinct.values()
                if unit.stage in self._with_curve
            ],
        }

    def _end(self, message: bytes) -> str | None:
        """Send the last message and wait; the process is gone afterwards."""
        process, self._process = self._process, None
        if process is None or process.stdin is None or self._folder is None:
            return None
        deadline = time.monotonic() + PATIENCE
        with contextlib.suppress(OSError):  # it is gone already; its outcome says why
            process.stdin.write(message)
            process.stdin.close()
        try:
            process.wait(deadline - time.monotonic())
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()
            process.wait()
        outcome = _outcome(Path(self._folder.name))
        for error in outcome["errors"]:
            _warn(error)
        return outcome["report"]


def _outcome(folder: Path) -> dict[str, Any]:
    """What the process says of itself; if it says nothing, its last line, and if there is none, it was too slow."""
    with contextlib.suppress(OSError, ValueError):
        outcome: dict[str, Any] = json.loads((folder / "outcome.json").read_text())
        return outcome
    lines = (folder / "log").read_text(errors="replace").splitlines()
    return {"errors": [lines[-1] if lines else f"it did not end within {PATIENCE:.0f} s"], "report": None}


def _warn(reason: str) -> None:
    log.warning(
        "W&B is not complete (%s); the results are. What was written under wandb/ can be sent with `wandb sync`",
        one_line(reason),
    )
