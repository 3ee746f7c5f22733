"""What README and pages say is so: commands compose, links lead somewhere, tables are those of the runs."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import functools
import inspect
import re
import runpy
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from PIL import Image
from planned import sweep

import pgebench
from pgebench.cli.arguments import as_hydra_reads, in_order
from pgebench.cli.options import COMMANDS as OTHERS
from pgebench.cli.preflight import unknown_choice, wrong_value
from pgebench.config import conf_dir, register
from pgebench.core.errors import PgebenchError
from pgebench.plan.sweep import Sweep

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
}
LINES = "\n".join(PAGES.values()).replace("\\\n", " ")
IN_BLOCKS = re.findall(r"^pgebench (.+?)(?: +#.*)?$", LINES, flags=re.MULTILINE)
IN_TEXT = re.findall(r"`pgebench ([^`\n]+)`", LINES)
COMMANDS = sorted({command for command in IN_BLOCKS + IN_TEXT if "..." not in command})
OF_OTHERS = sorted(
    set(re.findall(r"^pgebench-(?:pge|rank).*", LINES, flags=re.MULTILINE))
    | set(re.findall(r"`(pgebench-(?:pge|rank)[^`\n]*)`", LINES))
)
TABLES = [
    (page, report, rows)
    for page, text in PAGES.items()
    for report, rows in re.findall(r"<!-- league: (\S+) -->\n((?:\|.*\n)+)", text)
]
LINKS = sorted(
    (page, link)
    for page, text in PAGES.items()
    for link in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text)
    for link in link
    if link
)
IN_NO_PLAN = ("reuse", "results", "workers", "report_every")
"""Keys on which no cell depends; their values are judged before."""

ELSEWHERE = ("is not installed", "cannot be downloaded", "/path/file")
"""What an error says where a command needs what this machine need not have."""


@pytest.fixture
def readers_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders of images that the README calls its reader's."""
    for name in ("photos", "plants", "birds"):
        for label, shade in (("one", 40), ("two", 200)):
            folder = tmp_path / "my" / name / label
            folder.mkdir(parents=True)
            for number in range(10):
                Image.new("RGB", (8, 8), (shade, number, len(name))).save(folder / f"{number}.png")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shown_is_a_sweep_that_can_be_planned(command: str, readers_folders: None) -> None:
    register()
    arguments = as_hydra_reads(in_order(shlex.split(command)))
    overrides = [argument for argument in arguments if "=" in argument]
    if "--config-dir" in arguments:
        pytest.skip("a folder of the reader's; test_plugin runs this command on the example's files")
    assert unknown_choice(overrides, [conf_dir()]) is None
    if (reason := wrong_value(overrides, [conf_dir()])) and any(part in reason for part in ELSEWHERE):
        pytest.skip(reason)
    assert reason is None
    try:
        assert planned(tuple(text for text in overrides if text.partition("=")[0] not in IN_NO_PLAN)).cells
    except PgebenchError as error:
        if not any(part in str(error) for part in ELSEWHERE):
            raise
        pytest.skip(str(error))


@functools.cache
def planned(overrides: tuple[str, ...]) -> Sweep:
    chosen = [override for override in overrides if override.startswith(("experiment=", "suite="))]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        params = compose("config", chosen, return_hydra_config=True).hydra.sweeper.params
    # The first and the last of each list show what all would, in a tenth of the time.
    lists = {key: str(value).split(",") for key, value in params.items()}
    few = {key: ",".join(values[:: max(1, len(values) - 1)]) for key, values in lists.items()}
    return sweep(*(f"{key}={value}" for key, value in few.items()), *overrides)


@pytest.mark.parametrize("line", OF_OTHERS)
def test_every_option_shown_is_one_of_the_command(line: str) -> None:
    command, *arguments = shlex.split(line, comments=True)
    assert {argument.partition("=")[0] for argument in arguments} <= {
        field.name for field in dataclasses.fields(OTHERS[command])
    }


def test_the_plugin_shown_is_the_one_that_is_tested() -> None:
    example = (ROOT / "tests" / "example_plugin" / "class_spread.py").read_text()
    for line in re.search(r"# mine/class_spread.py\n(.*?)```", README, flags=re.DOTALL)[1].splitlines():
        assert line in example


def cells(rows: str) -> list[list[str]]:
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines()]


@pytest.mark.parametrize(("page", "report", "rows"), TABLES, ids=[page for page, _, _ in TABLES])
def test_the_league_shown_is_that_of_the_reference_report(page: str, report: str, rows: str) -> None:
    """All of it, or some of its rows and columns in their order, from the top."""
    shown = cells(rows)
    text = (ROOT / report).read_text()
    found = re.search(rf"^{re.escape('| ' + shown[0][0] + ' | ' + shown[0][1])} .*\n(?:\|.*\n)+", text, re.MULTILINE)
    assert found is not None
    league = cells(found[0])
    columns = [league[0].index(name) for name in shown[0]]
    reference = [[row[column] for column in columns] for row in league]
    places = [reference.index(row) for row in shown]
    assert places == sorted(places)
    assert places[:7] == list(range(7))


def test_the_leagues_are_shown() -> None:
    assert {page for page, _, _ in TABLES} == {"README.md", "docs/using.md"}


def anchors(text: str) -> set[str]:
    """Where a link can lead within a page, by the rule of forges."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"(?s)```.*?```", "", text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_every_link_leads_somewhere(page: str, link: str) -> None:
    path, _, anchor = link.partition("#")
    if link.startswith("https://"):
        return
    target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
    assert target.is_file()
    assert target.is_relative_to(ROOT)
    assert not anchor or anchor in anchors(target.read_text())


def test_the_readme_is_a_door() -> None:
    assert len(README.splitlines()) <= 200


def test_every_page_is_in_the_menu_and_in_the_list_of_pages() -> None:
    written = {page for page in PAGES if page not in ("README.md", "docs/index.md")}
    listed = {link for page, link in LINKS if page == "docs/index.md"}
    assert written <= {"docs/" + link if "/" not in link else link.removeprefix("../") for link in listed}
    assert written <= set(runpy.run_path(str(ROOT / "docs" / "make_site.py"))["MENU"])


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_every_folder_of_the_package_has_its_line_in_the_tree(page: str) -> None:
    folders = {path.parent.name for path in (ROOT / "pgebench").glob("*/__init__.py")} | {"plugins"}
    tree = re.search(r"(?s)```text\n(conf/.*?)```", PAGES[page])
    assert tree is not None
    assert folders <= set(re.findall(r"(\w+)/", tree[1]))


@pytest.mark.parametrize("block", re.findall(r"(?s)```pycon\n(.*?)```", README))
def test_what_the_readme_types_into_python_gives_what_it_shows(block: str) -> None:
    found = doctest.DocTestParser().get_doctest(block, {}, "README", "README.md", 0)
    assert doctest.DocTestRunner(verbose=False).run(found).failed == 0


def test_the_lines_of_python_shown_call_functions_that_are_there() -> None:
    calls = [
        node
        for block in re.findall(r"(?s)```python\n(import pgebench\n.*?)```", LINES)
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    assert len(calls) >= 3
    for call in calls:
        function = getattr(pgebench, call.func.attr)
        inspect.signature(function).bind(*call.args, **{word.arg: None for word in call.keywords})
