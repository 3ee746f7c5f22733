"""One place prints: a module that prints by itself would break on a name, or on a reader that has gone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pgebench

PACKAGE = Path(pgebench.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

PRINTERS = ("core/say.py", "core/terminal.py")
STREAMS = ("sys.stdout", "sys.stderr", "sys.__stdout__", "os.write")
NAMES = ("print", "pprint", "tqdm", "trange", "redirect_stdout", "redirect_stderr")

KEPT = {("run/time_limit.py", "sys.__stderr__")}
"""The thread that ends a hanging process writes to a file number, without the interpreter."""


def printing(module: Path) -> list[str]:
    """What of a module prints, or changes where others print to."""
    found = []
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in STREAMS:
            found.append(ast.unparse(node))
        if isinstance(node, ast.Name) and node.id in NAMES:
            found.append(node.id)
    return found


def test_the_place_is_found_by_this_test() -> None:
    assert {"sys.stdout", "tqdm"} <= set(printing(PACKAGE / PRINTERS[0]))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_says_and_does_not_print(module: Path) -> None:
    name = module.relative_to(PACKAGE).as_posix()
    if name not in PRINTERS:
        assert [what for what in printing(module) if (name, what) not in KEPT] == []
