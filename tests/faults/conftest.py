"""What the fault suite shares: an undisturbed run, and the page that says what was injected."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from faults import commands

Injected = Callable[[str, int, str], None]

_rows: list[tuple[str, int, str]] = []


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an undisturbed run of the very small experiment; not to be changed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert commands.run(folder) == 0, (folder / "log").read_text()
    return folder


@pytest.fixture
def injected() -> Injected:
    """Called at the end of a test: which fault, how often, and what came of it."""
    return lambda fault, times, outcome: _rows.append((fault, times, outcome))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the page, if it was asked for and nothing failed."""
    page = session.config.getoption("--faults-page")
    if page and _rows and session.testsfailed == 0:
        rows = "\n".join(f"| {fault} | {times} | {outcome} |" for fault, times, outcome in _rows)
        Path(page).write_text(PAGE.format(command=shlex.join(["python", "-m", "pytest", *sys.argv[1:]]), rows=rows))


PAGE = """# Faults

Written by `{command}`: every line is a test that passed in that run. The experiment is a very small one (two
sources, one target, four metrics, a linear probe), so that it can be killed often; the code is the same as that of a
large one. *Identical* means: the same table but for seconds, memory and times of day, and the same bytes in every
artifact.

| fault | times | what came of it |
| --- | --- | --- |
{rows}
"""
