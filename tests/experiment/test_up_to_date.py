"""A report is built when something in it may change, and otherwise left as it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import TINY, run_pgebench

from pgebench.cli import commands
from pgebench.experiment import up_to_date
from pgebench.tracking import Tracker

SMALL = (
    "source=mnist_0_4,fashion_tops",
    "target=mnist_5_9",
    "metric=[logme,random]",
    "truth=[linear_probe]",
    "primary_truth=linear_probe",
)

Again = Callable[..., int]


@pytest.fixture(scope="module")
def folder(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose store holds all that a small experiment wants."""
    place = tmp_path_factory.mktemp("up_to_date")
    shutil.copytree(finished / "store", place / "store")
    return place


@pytest.fixture
def again(folder: Path) -> Again:
    """Runs the experiment; it has been run before with the same arguments, so its report is there."""

    def run(*more: str) -> int:
        return run_pgebench(*TINY, *SMALL, f"results={folder}/results", f"store={folder}/store", *more)

    assert run() == 0
    return run


def report_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Time of the last change and bytes of every file of the report."""
    results = folder / "results"
    files = [*(results / name for name in up_to_date.PAGES), *(results / "figures").iterdir()]
    return {str(path.relative_to(results)): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def is_rebuilt(before: dict[str, tuple[int, bytes]], after: dict[str, tuple[int, bytes]]) -> bool:
    """Whether every page was written anew; a mixture of old and new pages is a mistake."""
    changed = {before[name][0] != after[name][0] for name in up_to_date.PAGES}
    assert len(changed) == 1
    return changed == {True}


def test_the_same_command_again_leaves_the_report_alone_and_says_so(
    folder: Path, again: Again, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = report_of(folder)
    monkeypatch.setattr(Tracker, "__enter__", lambda self: pytest.fail("a W&B run was opened for an old report"))
    capsys.readouterr()
    assert again() == 0
    said = capsys.readouterr().out
    assert report_of(folder) == before
    assert f"The report is up to date: {folder}/results/report.html" in said
    assert "weighted tau" in said, "the league is still printed"


def test_a_changed_record_builds_it_again(folder: Path, again: Again) -> None:
    before = report_of(folder)
    for path in (folder / "store" / "truth").rglob("*.json"):
        record = json.loads(path.read_bytes())
        path.write_text(json.dumps(record | {"value": 1.0 - record["value"]}))
    assert again() == 0
    after = report_of(folder)
    assert is_rebuilt(before, after)
    assert after["records.csv"][1] != before["records.csv"][1]


def test_another_command_line_is_shown_in_a_new_report(folder: Path, again: Again) -> None:
    before = report_of(folder)
    assert again("progress=bar") == 0
    after = report_of(folder)
    assert is_rebuilt(before, after)
    assert b"progress=bar" in after["report.md"][1]


def test_changed_code_builds_it_again(
    folder: Path, again: Again, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = report_of(folder)
    for package in up_to_date.CODE:
        shutil.copytree(package, tmp_path / package.name)
    monkeypatch.setattr(up_to_date, "CODE", tuple(tmp_path / package.name for package in up_to_date.CODE))
    assert again() == 0
    assert not is_rebuilt(before, report_of(folder)), "the same code in another folder is the same code"
    template = tmp_path / "report" / "templates" / "report.md.j2"
    template.write_text(template.read_text() + "\n")
    assert again() == 0
    assert is_rebuilt(before, report_of(folder))


@pytest.mark.parametrize("damage", ["page deleted", "page cut off", "figure deleted", "stamp damaged"])
def test_a_report_that_is_not_as_it_was_made_is_made_again(folder: Path, again: Again, damage: str) -> None:
    before = report_of(folder)
    results = folder / "results"
    figure = next(iter(sorted((results / "figures").iterdir())))
    if damage == "page deleted":
        (results / "report.md").unlink()
    elif damage == "page cut off":
        (results / "report.html").write_bytes(before["report.html"][1][:1000])
    elif damage == "figure deleted":
        figure.unlink()
    else:
        (results / up_to_date.STAMP).write_text("[" * 100_000)
    assert again() == 0
    after = report_of(folder)
    assert is_rebuilt(before, after)
    assert {name: content for name, (_, content) in after.items()} == {
        name: content for name, (_, content) in before.items()
    }


def test_an_old_report_of_a_sweep_with_a_dead_unit_still_ends_with_exit_code_1(
    folder: Path, again: Again, capsys: pytest.CaptureFixture[str]
) -> None:
    """A unit that killed its process twice is left alone, so the table of the next run is the same."""
    (path, *_) = [
        path
        for path in sorted((folder / "store" / "score").rglob("*.json"))
        if "mnist_0_4 -> mnist_5_9 logme" in (record := json.loads(path.read_bytes()))["label"] and record["value"]
    ]
    kept = path.read_bytes()
    path.write_text(json.dumps(json.loads(kept) | {"status": "crashed", "value": None, "error": "its process died"}))
    try:
        assert again() == 1
        before = report_of(folder)
        capsys.readouterr()
        assert again() == 1
        said = capsys.readouterr()
        assert report_of(folder) == before
        assert "The report is up to date" in said.out
        assert "1 units have no result" in said.err
        assert "its process died" in said.err
    finally:
        path.write_bytes(kept)


def test_the_report_command_always_builds(folder: Path, again: Again, monkeypatch: pytest.MonkeyPatch) -> None:

    before = report_of(folder)
    monkeypatch.setattr("sys.argv", ["pgebench-report", f"results={folder}/results"])
    commands.report()
    built = report_of(folder)
    assert is_rebuilt(before, built)
    assert again() == 0
    assert report_of(folder) == built, "what the command built is the report of this table too"
