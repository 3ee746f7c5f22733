"""W&B gets the curves and the report, and whatever happens to it, the sweep stands and does not wait."""

from __future__ import annotations

import fnmatch
import json
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from conftest import TINY, run_pgebench
from logged import Logged
from tracked import ranking_tracker, track, units_of

from pgebench.store.store import Store
from pgebench.tracking.dashboard import load_specification
from pgebench.tracking.keys import known
from pgebench.tracking.report_run import cost_curves, read_table


@pytest.fixture(scope="module")
def followed(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Logged]]:
    """A sweep whose records appear while it is followed: its folder, and its runs with the report last."""
    folder = tmp_path_factory.mktemp("followed")
    shutil.copytree(finished / "results", folder / "results")
    units = units_of(finished)
    with track(folder, units) as following:
        for unit in units:
            record = Store(finished / "store").record(unit)
            Store(folder / "store").write_record(unit, record | {"finished": datetime.now(UTC).isoformat()})
        run = following.report()
    assert run is not None
    runs = [Logged(path) for path in (folder / "results" / "wandb").glob("offline-run-*")]
    return folder, sorted(runs, key=lambda logged: logged.kind == "report")


def test_a_sweep_is_one_group_of_a_run_for_each_source_and_one_report(followed: tuple[Path, list[Logged]]) -> None:
    runs = followed[1]
    assert len({run.group for run in runs}) == 1
    assert sorted((run.kind, run.name) for run in runs) == [
        ("report", "smoke report"),
        ("training", "test_resnet fashion_tops"),
        ("training", "test_resnet from scratch"),
        ("training", "test_resnet mnist_0_4"),
    ]
    assert all(run.exit_code == 0 for run in runs)


def test_the_curve_of_each_training_is_the_one_in_its_record(
    finished: Path, followed: tuple[Path, list[Logged]]
) -> None:
    runs = {run.name: run for run in followed[1]}
    for unit in units_of(finished):
        expected = Store(finished / "store").record(unit)["detail"]["curve"]
        label = unit.label
        run = runs[f"{label.backbone} {label.source or 'from scratch'}"]
        prefix = label.truth or "checkpoint"
        loss = f"{label.truth}/loss/{label.target}/{label.seed}" if label.truth else "checkpoint/loss"
        assert run.curve(f"{prefix}/step", loss) == expected
        defined = run.metrics[f"{label.truth}/loss/*" if label.truth else loss]
        assert defined["step_metric"] == f"{prefix}/step"
        assert run.summary[loss] == {"last": expected["loss"][-1], "min": min(expected["loss"])}


def test_a_training_run_ends_with_the_mean_accuracy_of_its_transfers(
    finished: Path, followed: tuple[Path, list[Logged]]
) -> None:
    runs = {run.name: run for run in followed[1]}
    table = pd.read_parquet(finished / "results" / "records.parquet")
    table = table[table.stage == "truth"].fillna({"source": "from scratch"})
    for source in ("mnist_0_4", "fashion_tops", "from scratch"):
        for truth in ("scratch",) if source == "from scratch" else ("finetune", "linear_probe"):
            values = table[(table.truth == truth) & (table.source == source)].value
            run = runs[f"test_resnet {source}"]
            assert run.summary[f"{truth}/accuracy"]["mean"] == pytest.approx(values.mean())
            assert run.summary[f"{truth}/accuracy"]["max"] == pytest.approx(values.max())


def test_the_report_run_holds_the_tables_the_pictures_and_the_page(followed: tuple[Path, list[Logged]]) -> None:
    results, report = followed[0] / "results", followed[1][-1]
    summary = pd.read_csv(results / "summary.csv")
    for name, expected in (("league", summary), ("records", pd.read_csv(results / "records.csv"))):
        (file,) = report.files(f"table/{name}_*.json")
        table = json.loads(file.read_text())
        assert len(table["data"]) == len(expected)
        assert "detail" not in table["columns"]
    assert len(report.files("images/**/*.png")) == len(list((results / "figures").glob("*.png")))
    (page,) = report.files("html/*.html")
    assert page.read_bytes() == (results / "report.html").read_bytes()
    for row in summary[summary.truth == "finetune"].itertuples():
        assert report.summary[f"weighted_tau/{row.metric}"] == pytest.approx(row.weighted_tau)


def test_the_results_are_an_artifact_that_stands_on_its_checkpoints(followed: tuple[Path, list[Logged]]) -> None:
    results, runs = followed[0] / "results", followed[1]
    report = runs[-1]
    (artifact,) = (artifact for artifact in report.artifacts if artifact["type"] == "results")
    files = {entry["path"] for entry in artifact["manifest"]["contents"]}
    # Hidden files, such as the stamp of the report, say nothing to a reader.
    shown = (path for path in results.rglob("*") if path.is_file() and not path.name.startswith("."))
    assert files == {str(path.relative_to(results)) for path in shown if "wandb" not in path.parts}
    read = {a["digest"] for a in report.artifacts if a["type"] == "checkpoint" and a["use_after_commit"]}
    made = {a["digest"] for run in runs[:-1] for a in run.artifacts if not a.get("use_after_commit")}
    assert read == made
    assert len(read) == 2
    for used in report.artifacts:
        if used["type"] == "checkpoint":
            facts = json.loads(used["metadata"])
            assert facts["key"] in json.loads(artifact["metadata"])["checkpoints"]
            assert len(facts["sha256"]) == 64


def test_runs_log_no_key_that_the_dashboard_does_not_know_and_it_plots_none_that_they_do_not_log(
    followed: tuple[Path, list[Logged]], ranking: Path
) -> None:
    with ranking_tracker(ranking) as following:
        assert following.report() is not None
    (of_ranking,) = (ranking / "wandb").glob("offline-run-*")
    logged = set()
    for run in (*followed[1], Logged(of_ranking)):
        found = set(run.summary) | {key for item in run.history for key in item}
        logged |= {key.split(".")[0] for key in found if not key.startswith("_")}
        logged |= {f"{key}.{end}" for key, value in run.summary.items() if isinstance(value, dict) for end in value}
    shapes = (*known(), *(f"{shape}.*" for shape in known()))
    assert [key for key in logged if not any(fnmatch.fnmatchcase(key, shape) for shape in shapes)] == []
    for section in load_specification().sections:
        for panel in section.panels:
            for key in (*panel.keys[:1], *filter(None, [panel.x])):
                shape = key if panel.panel != "bar" or "/" not in key else key.rsplit("/", 1)[0] + "/*"
                assert fnmatch.filter(logged, shape), f"{section.name}: {panel.title}: {key}"


def test_a_cost_curve_is_that_of_the_sources_of_the_sweep_from_scratch() -> None:
    row = {"metric": "pge", "at_hand": "False", "sources": 3.0, "targets": 1.0, "seconds": 5.0, "truth_seconds": 7.0}
    rows = [row | {"targets": 2.0, "seconds": 6.0}, row, row | {"sources": 100.0, "seconds": 99.0}]
    assert cost_curves([*rows, row | {"at_hand": "True", "seconds": 0.0}], "finetune") == [
        {"cost/targets": 1.0, "cost/pge": 5.0, "cost/truth_finetune": 7.0},
        {"cost/targets": 2.0, "cost/pge": 6.0, "cost/truth_finetune": 7.0},
    ]
    assert cost_curves([], "finetune") == []


def test_numbers_of_a_csv_are_numbers_and_empty_cells_are_nothing(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("name,value,key\nleep,0.5,1\nnce,,1e\n")
    assert read_table(tmp_path / "t.csv") == [
        {"name": "leep", "value": 0.5, "key": "1"},
        {"name": "nce", "value": None, "key": "1e"},
    ]


def test_the_same_command_again_adds_a_report_and_no_curves(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pgebench.report.build_report", lambda results: results / "report.html")  # it is there
    command = [argument for argument in TINY if not argument.startswith("tracking=")]
    assert run_pgebench(*command, f"results={copy}/results", f"store={copy}/store") == 0
    (only,) = (copy / "results" / "wandb").glob("offline-run-*")
    again = Logged(only)
    assert again.kind == "report"
    assert sum(artifact["type"] == "checkpoint" for artifact in again.artifacts) == 2
    assert again.summary["units/done"] == pd.read_csv(copy / "results" / "records.csv").key.nunique()


def test_a_second_checkpoint_of_a_source_has_a_run_and_an_artifact_of_its_own(finished: Path, copy: Path) -> None:
    store, known = Store(copy / "store"), units_of(finished)
    first = next(unit for unit in known if unit.stage == "checkpoint")
    transfer = next(unit for unit in known if first in unit.inputs.values())
    second = replace(first, params={**first.params, "seed": 1}, label=replace(first.label, checkpoint=1))
    again = replace(transfer, inputs={"checkpoint": second}, label=replace(transfer.label, checkpoint=1))
    with track(copy, [first, transfer, second, again]) as following:
        for unit, like in ((first, first), (transfer, transfer), (second, first), (again, transfer)):
            store.write_record(unit, store.record(like) | {"finished": datetime.now(UTC).isoformat()})
        assert following.report() is not None
    runs = {run.name: run for run in map(Logged, (copy / "results" / "wandb").glob("offline-run-*"))}
    source = first.label.source
    assert set(runs) == {"smoke report", f"test_resnet {source}", f"test_resnet {source} checkpoint 1"}
    loss = f"{transfer.label.truth}/loss/{transfer.label.target}/{transfer.label.seed}"
    made = []
    for name in (f"test_resnet {source}", f"test_resnet {source} checkpoint 1"):
        assert runs[name].curve(f"{transfer.label.truth}/step", loss) == store.record(transfer)["detail"]["curve"]
        made += [artifact["name"] for artifact in runs[name].artifacts if not artifact.get("use_after_commit")]
    assert made == [f"checkpoint-test_resnet-{source}", f"checkpoint-test_resnet-{source}-checkpoint-1"]
    read = [one["name"] for one in runs["smoke report"].artifacts if one["type"] == "checkpoint"]
    assert sorted(read) == made


def test_the_group_is_that_of_the_work_and_not_of_the_moment(finished: Path, copy: Path) -> None:
    units = units_of(finished)
    group = track(copy, units)._job()["group"]
    assert track(copy, units[::-1])._job()["group"] == group
    assert track(copy, [replace(unit, version=99) for unit in units])._job()["group"] != group


def test_an_interrupted_sweep_closes_its_runs_as_failed(finished: Path, copy: Path) -> None:
    with track(copy, units_of(finished)):
        pass
    (only,) = (copy / "results" / "wandb").glob("offline-run-*")
    assert Logged(only).exit_code == 1


@pytest.mark.slow
def test_a_run_that_the_shell_names_is_not_shared_by_those_of_a_sweep(
    finished: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("WANDB_RUN_ID", "abc"), ("WANDB_RESUME", "allow"), ("WANDB_DIR", str(copy / "elsewhere"))):
        monkeypatch.setenv(name, value)
    for _ in range(2):
        with track(copy, units_of(finished)) as following:
            assert following.report() is not None
    folders = [path.name for path in (copy / "results" / "wandb").glob("offline-run-*")]
    assert len(folders) == 2
    assert not any(name.endswith("abc") for name in folders)
    assert not (copy / "elsewhere").exists()


@pytest.mark.parametrize(
    ("said", "variables"),
    [
        ("disabled", {}),
        ("offline", {"WANDB_MODE": "disabled"}),
        ("online", {"WANDB_MODE": "disabled"}),
        ("offline", {"WANDB_DISABLED": "true"}),
    ],
)
def test_no_tracking_writes_nothing_and_starts_nothing(
    copy: Path, monkeypatch: pytest.MonkeyPatch, said: str, variables: dict[str, str]
) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with track(copy, [], mode=said) as following:
        assert following.report() is None
    assert not (copy / "results" / "wandb").exists()
