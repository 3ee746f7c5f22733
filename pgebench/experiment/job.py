"""Jobs: files of units for the user's launcher. The command plans; a job computes what its file says."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Collection, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from pgebench.core.errors import StoreError
from pgebench.core.files import write_atomically
from pgebench.plan.cell import Cell
from pgebench.run.order import WorkOrder, order_from
from pgebench.run.runner import carry_out
from pgebench.store.store import Store
from pgebench.store.unit import Unit

FOLDER = "jobs"
"""Folder of job files inside the store, which every machine sees."""

PlannedCell = tuple[Cell, dict[str, list[Unit]]]
"""A cell and its units, by level."""


class Command(NamedTuple):
    """A command under way, as the store's locks know it."""

    key: str
    stage: str = FOLDER


class JobFiles:
    """The folder of job files of one command, as a context; it is gone when the command ends.

    The command holds a lock for as long as it lives. Folders whose lock is free are those of commands that were killed,
    and are removed; a job of theirs that is still queued then says that its file is gone.

    Args:
        store: where results go.
        order: what all jobs have in common; its units are those of none.
        fail_fast: whether the first failure stops all jobs, by a file in this folder.
    """

    def __init__(self, store: Store, order: WorkOrder, fail_fast: bool) -> None:
        self._store, self._command = store, Command(uuid.uuid4().hex)
        self.folder = store.root.resolve() / FOLDER / self._command.key
        self.stop = self.folder / "stop" if fail_fast else None
        self._order = replace(order, rules=replace(order.rules, stop=self.stop))
        self._written = 0
        self._life = ExitStack()

    def __enter__(self) -> JobFiles:
        # Before the folder is there: a folder whose lock is free has no owner.
        self._life.enter_context(self._store.lock(self._command))
        for left in self.folder.parent.glob("*"):
            with self._store.lock(Command(left.name), timeout=0) as dead:
                if dead:
                    shutil.rmtree(left, ignore_errors=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):  # others may have theirs beside it
            self.folder.parent.rmdir()
        self._life.close()

    @property
    def stopped(self) -> bool:
        """Whether a unit has failed and nothing more is to be started."""
        return self.stop is not None and self.stop.exists()

    def write(self, units: Sequence[Unit]) -> Path:
        """Write the next job; returns its file.

        Raises:
            StoreError: the store cannot be written.
        """
        # No .json: whoever looks for records in a store shall not meet it.
        file = self.folder / f"{self._written}.job"
        write_atomically(file, replace(self._order, units=units).as_json().encode())
        self._written += 1
        return file


def run_job(file: Path) -> None:
    """What a launched job does: the units of its file. Failures are in the records.

    Raises:
        StoreError: the file is not there, or none of this version; or the store cannot be written.
        ConfigError: the device cannot be used here.
    """
    try:
        order = order_from(file.read_bytes())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"the units of a job cannot be read from {file} ({type(error).__name__}: {error}): every machine must have "
            "the same store=DIR and the same version of pgebench"
        ) from error
    carry_out(order)
    file.unlink(missing_ok=True)


def in_jobs(cells: Sequence[PlannedCell], levels: Sequence[str], todo: Collection[str], size: int) -> list[list[Unit]]:
    """The open units of some levels, in jobs of at most ``size`` cells; neighbours stay together.

    Args:
        cells: with their units.
        levels: which are launched together.
        todo: keys of the open units.
        size: 1 or more.

    Returns:
        The units of each job, each unit once: it is run by the first cell that has it.
    """
    left = set(todo)
    found: list[list[Unit]] = []
    for _, units in by_target(cells):
        for level in levels:
            own = [unit for unit in units[level] if unit.key in left]
            if own:
                left.difference_update(unit.key for unit in own)
                found.append(own)
    return [[unit for own in found[start : start + size] for unit in own] for start in range(0, len(found), size)]


def by_target(cells: Sequence[PlannedCell]) -> list[PlannedCell]:
    """The cells with those side by side that differ in the source alone, as far as they come to share a process.

    There they can be trained at once (``job.cells``), and the target's images are read once.
    """
    first: dict[tuple[str | None, str, str], int] = {}
    for cell, _ in cells:
        first.setdefault(_but_source(cell), len(first))
    return sorted(cells, key=lambda one: first[_but_source(one[0])])


def _but_source(cell: Cell) -> tuple[str | None, str, str]:
    return cell.variant, cell.backbone.name, cell.target.name
