"""The page that says which faults the tests injected, and what came of them: ``--faults-page=FILE``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

Injected = Callable[[str, int, str], None]
"""Called where a test has shown something: which fault, how often, and what came of it."""

_rows: dict[str, tuple[int, str]] = {}


def note(fault: str, times: int, outcome: str) -> None:
    """Take a line of the page; the same fault from several tests or examples is one line with the sum of the times."""
    _rows[fault] = (_rows.get(fault, (0, ""))[0] + times, outcome)


def write(page: Path) -> None:
    """Write the page of this run, if a fault was injected in it."""
    if _rows:
        rows = "\n".join(f"| {fault} | {times:,} | {outcome} |" for fault, (times, outcome) in _rows.items())
        page.write_text(PAGE.format(command=shlex.join(["python", "-m", "pytest", *sys.argv[1:]]), rows=rows))


PAGE = """# Faults

Written by `{command}`: every line is a test that passed in that run. The experiment of the sweeps is a very small one
(two sources, one target, four metrics, a linear probe), so that it can be killed often; the code is the same as that of
a large one. *Identical* means: the same table but for seconds, memory and times of day; after kills also the same bytes
in every artifact. Lines about files and fields alone (formats, records, images, names) are tests of the function that
reads them.

| fault | times | what came of it |
| --- | --- | --- |
{rows}
"""
