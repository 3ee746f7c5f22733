"""Every command as a process of its own, started as its console script starts it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SCRIPTS: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
MODULES = ("pgebench.published", "pgebench.studies.statistics", "pgebench.embedded.build")


def program(name: str, *arguments: str, afterwards: str = "") -> list[str]:
    """The command line; ``afterwards`` is Python that runs when the command has ended, whatever its end was."""
    if name in SCRIPTS:
        module, _, function = SCRIPTS[name].partition(":")
        start = f"from {module} import {function} as main\n    main()"
    else:
        start = f"import runpy\n    runpy.run_module({name!r}, run_name='__main__', alter_sys=True)"
    text = f"import sys\nsys.argv[0] = {name!r}\ntry:\n    {start}\nfinally:\n    {afterwards or 'pass'}"
    return [sys.executable, "-c", text, *arguments]


def run(name: str, *arguments: str, afterwards: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with what it printed."""
    line = program(name, *arguments, afterwards=afterwards)
    channels = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "check": False, "timeout": 300}
    return subprocess.run(line, **{**channels, **options})
