"""What a second terminal says about a sweep, and results that are computed again on request."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch

from pgebench.core.errors import ConfigError, PgebenchError
from pgebench.core.identity import Label
from pgebench.core.records import DONE, MISSING, RUNNING
from pgebench.experiment.earlier_results import forget, stages_of
from pgebench.experiment.status import state_of, status, time_left, write_plan
from pgebench.run.runner import run_unit, run_units
from pgebench.stages import STAGES, Outcome, Stage
from pgebench.store.store import Store
from pgebench.store.unit import Unit

CPU = torch.device("cpu")
CHECKPOINT = Unit("checkpoint", 1, {}, label=Label(source="mnist"))
EVIDENCE = Unit("evidence", 1, {}, {"checkpoint": CHECKPOINT}, Label(source="mnist", target="emoji"))
SCORES = [
    Unit("score", 1, {"n": n}, {"evidence": EVIDENCE}, Label(source="mnist", target="emoji", metric="leep", seed=n))
    for n in range(3)
]
OTHER = Unit("checkpoint", 1, {"other": True}, label=Label(source="digits"))
UNITS = [CHECKPOINT, OTHER, EVIDENCE, *SCORES]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_running_sweep_is_seen_from_another_process(store: Store, tmp_path: Path) -> None:
    results = tmp_path / "results"
    write_plan(UNITS, store, results, workers=2)
    store.write_record(CHECKPOINT, {"status": DONE, "wall_s": 60.0})
    store.write_record(EVIDENCE, {"status": DONE, "wall_s": 2.0})
    store.write_record(SCORES[0], {"status": DONE, "wall_s": 240.0})
    store.write_record(SCORES[1], {"status": "failed", "error": "the cause"})
    store.write_record(SCORES[2], {"status": RUNNING, "started": datetime.now(UTC).isoformat()})
    with store.lock(SCORES[2]):
        said = status(results)
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines()[2:6]}
    assert said.startswith("3 of 6 units are done.")
    assert rows["checkpoint"] == ["1", "0", "0", "0", "1"]
    assert rows["score"] == ["1", "1", "1", "0", "0"]
    assert "time left: about 2 min" in said  # 60 s for the other checkpoint, 240 s for the score, two workers
    assert said.index("240.0 s  score mnist -> emoji leep seed 0") < said.index("60.0 s  checkpoint mnist")
    assert "score mnist -> emoji leep seed 1: the cause" in said


def test_a_unit_whose_process_is_dead_is_not_called_running(store: Store, tmp_path: Path) -> None:
    write_plan([CHECKPOINT], store, tmp_path, workers=1)
    store.write_record(CHECKPOINT, {"status": RUNNING, "attempts": 1})
    assert status(tmp_path).splitlines()[3].split() == ["checkpoint", "0", "0", "0", "0", "1"]
    assert store.record(CHECKPOINT)["status"] == RUNNING


def test_time_is_not_guessed_for_what_was_never_done() -> None:
    from pgebench.experiment.status import Planned

    open_unit = (Planned("a", "truth", "finetune", "a"), {"status": MISSING})
    assert "not known for truth" in time_left([open_unit], workers=1)


def test_a_clock_that_was_set_back_shows_no_negative_age() -> None:
    from pgebench.experiment.status import Planned

    ahead = {"status": RUNNING, "started": "2100-01-01T00:00:00+00:00"}
    assert " 0 s  unit" in state_of([(Planned("a", "score", "leep", "unit"), ahead)], 1, datetime.now(UTC))


@pytest.mark.parametrize("content", ["", "[]", '{"units": [["a"]]}', '{"units": 3}', '{"store": 1, "units": []}'])
def test_a_damaged_plan_is_named_in_one_line(tmp_path: Path, content: str) -> None:
    with pytest.raises(PgebenchError, match=r"no plan\.json"):
        status(tmp_path)
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(PgebenchError, match="cannot be read"):
        status(tmp_path)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stages that only note what they are asked to compute."""
    seen: list[str] = []
    for stage in ("checkpoint", "evidence", "score"):
        monkeypatch.setitem(STAGES, stage, Stage(lambda work: seen.append(str(work.unit)) or Outcome(1.0)))
    return seen


def test_force_computes_a_stage_again_and_all_that_reads_it_and_nothing_else(store: Store, calls: list[str]) -> None:
    run_units(UNITS, store, CPU)
    calls.clear()
    assert forget(UNITS, ["evidence"], store) == 4
    run_units(UNITS, store, CPU)
    assert calls == [str(unit) for unit in (EVIDENCE, *SCORES)]


def test_force_that_is_interrupted_leaves_no_result_of_what_is_gone(
    store: Store, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_units(UNITS, store, CPU)
    forgotten: list[Unit] = []
    drop = Store.forget

    def interrupted(self: Store, unit: Unit) -> None:
        if len(forgotten) == 2:
            raise KeyboardInterrupt
        forgotten.append(unit)
        drop(self, unit)

    monkeypatch.setattr(Store, "forget", interrupted)
    with pytest.raises(KeyboardInterrupt):
        forget(UNITS, ["checkpoint"], store)
    for unit in UNITS:
        if store.is_done(unit):
            assert all(store.is_done(needed) for needed in unit.inputs.values())
    assert len(forgotten) == 2


def test_force_names_stages_that_exist() -> None:
    assert stages_of("score") == ("score",)
    assert stages_of([]) == stages_of(None) == ()
    with pytest.raises(ConfigError, match="force=scores: no such stage; choose from checkpoint"):
        stages_of(["truth", "scores"])


def test_a_clock_that_jumps_back_computes_nothing_again(
    store: Store, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stamps = iter(["2026-11-23T10:00:00+00:00", "2020-01-01T00:00:00+00:00"])
    monkeypatch.setattr("pgebench.run.attempt._now", lambda: next(stamps))
    record = run_unit(CHECKPOINT, store, CPU)
    assert record["finished"] < record["started"]
    assert run_unit(CHECKPOINT, store, CPU) == record
    assert json.loads(store.path(CHECKPOINT, ".json").read_text())["status"] == DONE
