"""A store and a results folder that commit 9c71232 wrote are read, resumed and reused by this version.

``tests/store_of_9c71232`` was made by that commit in an empty folder: ``pgebench`` with what stands in ``command.txt``.
It holds every stage, a dataset of the user's own in its decoded form, and the photographs that this was decoded from.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from conftest import run_pgebench

from pgebench.core.records import DONE
from pgebench.experiment.status import status
from pgebench.report import build_report

WRITTEN = Path(__file__).parents[1] / "store_of_9c71232"
# The grid of linear probes is wider by now: another recipe, which has other keys by right.
COMMAND = [*(WRITTEN / "command.txt").read_text().split(), "recipe.linear_probe.learning_rates=[0.003,0.03]"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, in which the test stands as the command did."""
    shutil.copytree(WRITTEN, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def content(store: Path) -> dict[str, bytes]:
    written = (path for path in store.rglob("*") if path.is_file() and path.parent.name not in ("locks", "index"))
    return {str(path.relative_to(store)): path.read_bytes() for path in written if path.suffix != ".lock"}


def records(results: Path) -> pd.DataFrame:
    return pd.read_parquet(results / "records.parquet")


def test_the_same_command_finds_everything_done_and_leaves_the_store_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(folder / "store")
    assert run_pgebench(*COMMAND, "results=again") == 0
    assert "All 16 units are done already." in capsys.readouterr().out
    assert content(folder / "store") == before
    again = records(folder / "again")
    # The one column that is younger than this folder.
    number = again.pop("checkpoint")
    sees_none = (again.stage == "gradient") | (again.truth == "scratch") | again.metric.isin(["pge", "random"])
    assert number[sees_none].isna().all()
    assert (number[~sees_none] == 0).all()
    pd.testing.assert_frame_equal(again, records(folder / "results"))


def test_what_is_missing_is_computed_from_what_is_there(folder: Path) -> None:
    for stage in ("score", "truth"):
        for record in (folder / "store" / stage).rglob("*.json"):
            record.unlink()
    kept = content(folder / "store")
    assert run_pgebench(*COMMAND, "results=again") == 0
    assert content(folder / "store").items() >= kept.items()
    first, again = (
        records(place).set_index(["key", "stage"]).value for place in (folder / "results", folder / "again")
    )
    pd.testing.assert_series_equal(first.drop("truth", level="stage"), again.drop("truth", level="stage"), rtol=1e-6)
    # A handful of test images, and another machine's rounding: a transfer may decide one of them otherwise.
    truth = [values.xs("truth", level="stage") for values in (first, again)]
    assert (truth[0] - truth[1]).abs().max() <= 1 / 9 + 1e-9


def test_its_truths_are_taken_over_by_a_run_with_a_store_of_its_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [word for word in COMMAND if not word.startswith(("metric", "store=", "results="))]
    own = ("metric=[random]", "store=new", "results=again", "reuse=results")
    assert run_pgebench(*arguments, *own) == 0
    truths = records(folder / "again").query("stage == 'truth'")
    assert f"{len(truths)} truths are taken over from results." in capsys.readouterr().out
    assert truths.set_index("key").value.to_dict() == (
        records(folder / "results").query("stage == 'truth'").set_index("key").value.to_dict()
    )


def test_its_plan_and_its_table_are_read(folder: Path) -> None:
    assert status(folder / "results").startswith("16 of 16 units are done.")
    assert build_report(folder / "results").is_file()
    assert set(records(folder / "results").status) == {DONE}
