"""Whether the report in a results folder is that of its table: what it was made from, and what was made.

The statistics of a large table take minutes, and a resume that finds everything done has nothing to add to them.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from pathlib import Path

from pgebench.core.files import sha256_of, write_atomically

STAMP = ".report.json"
"""Name of the stamp in the results folder. Hidden: it says nothing to a reader, and is no part of the results."""

INPUTS = ("records.parquet", "meta.json")
PAGES = ("report.html", "report.md", "summary.csv", "records.csv")

CODE = tuple(Path(__file__).parents[1] / package for package in ("analysis", "report"))
"""The packages that make a report."""

DRAWING = ("matplotlib", "jinja2")
"""Packages that decide how a report looks; those that decide its numbers are in ``meta.json``."""


def is_current(results: Path) -> bool:
    """Whether the report was made from this table and meta by this code, and all of its files are as they were made."""
    try:
        stamp = json.loads((results / STAMP).read_bytes())
        return bool(stamp == _state(results))
    except (OSError, ValueError, RecursionError):  # there is none, or none that can be compared
        return False


def write_stamp(results: Path) -> None:
    """Say that the report that lies in this folder is that of the table and the meta beside it.

    Raises:
        OSError: a file of the report cannot be read.
        StoreError: the folder cannot be written.
    """
    write_atomically(results / STAMP, json.dumps(_state(results), indent=1).encode())


def _state(results: Path) -> dict[str, str]:
    """The sha256 of everything that a report is made from and consists of."""
    named = [results / name for name in (*INPUTS, *PAGES)]
    files = [path for path in (*named, *sorted((results / "figures").glob("*"))) if path.is_file()]
    code = [path for folder in CODE for path in sorted(folder.rglob("*")) if path.suffix != ".pyc" and path.is_file()]
    return {
        "code": hashlib.sha256("".join(map(sha256_of, code)).encode()).hexdigest(),
        **{package: importlib.metadata.version(package) for package in DRAWING},
        **{path.relative_to(results).as_posix(): sha256_of(path) for path in files},
    }
