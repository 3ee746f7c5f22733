"""Each unit runs at most once, and its failure is a row."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from pgebench.core.identity import Label
from pgebench.core.records import CRASHED, DONE, FAILED, RUNNING
from pgebench.run.policy import Rules
from pgebench.run.runner import run_side_by_side, run_unit, run_units
from pgebench.run.time_limit import time_limit
from pgebench.stages import STAGES, Outcome, score
from pgebench.stages.base import Stage, Work
from pgebench.store.store import Store
from pgebench.store.unit import Unit

CPU = torch.device("cpu")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A stage ``step`` that notes its runs; ``fail`` and ``interrupt`` in its parameters make it do so."""
    seen: list[str] = []

    def step(work: Work) -> Outcome:
        seen.append(work.params["name"])
        if work.params.get("fail"):
            raise ValueError("the cause,\n in two lines")
        if work.params.get("interrupt"):
            raise KeyboardInterrupt
        return Outcome(1.0, {"x": torch.ones(1)})

    monkeypatch.setitem(STAGES, "step", Stage(step))
    return seen


def step(name: str, *inputs: Unit, **params: object) -> Unit:
    return Unit("step", 1, {"name": name, **params}, {unit.params["name"]: unit for unit in inputs})


def test_a_done_unit_is_never_run_again(store: Store, calls: list[str]) -> None:
    run_units([step("a"), step("a")], store, CPU)
    run_units([step("a")], store, CPU)
    assert calls == ["a"]


def test_units_beside_each_other_are_told_of_as_they_end(store: Store, calls: list[str]) -> None:
    run_units([step("a")], store, torch.device("cpu"))
    told: list[str] = []
    run_side_by_side([step("a"), step("b"), step("c")], store, 1, told.append)
    assert calls == ["a", "b", "c"]
    assert [line.partition("]")[0] for line in told] == ["[1/2", "[2/2"]
    assert all(str(step(name)) in line for name, line in zip("bc", told, strict=True))


def test_a_failure_is_recorded_and_the_rest_goes_on(store: Store, calls: list[str]) -> None:
    bad = step("bad", fail=True)
    run_units([bad, step("below", bad), step("other")], store, CPU)
    assert calls == ["bad", "other"]
    assert store.record(bad)["status"] == FAILED
    assert store.record(bad)["error"] == "the cause, in two lines"
    assert "ValueError" in store.record(bad)["traceback"]
    assert "needs step" in store.record(step("below", bad))["error"]
    assert store.is_done(step("other"))


def test_a_failed_unit_is_tried_again(store: Store, calls: list[str]) -> None:
    bad = step("bad", fail=True)
    run_unit(bad, store, CPU)
    run_unit(bad, store, CPU)
    assert calls == ["bad", "bad"]


def test_an_interrupt_keeps_what_is_done_and_blocks_nothing(store: Store, calls: list[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_units([step("a"), step("b", interrupt=True)], store, CPU)
    assert store.is_done(step("a"))
    for _ in range(3):  # pressing ctrl-C is not a crash, however often
        with pytest.raises(KeyboardInterrupt):
            run_unit(step("b", interrupt=True), store, CPU)


def hostile(name: str, **fields: object) -> Unit:
    """The score of a metric in ``hostile_metrics.py``, which needs no evidence."""
    metric = {"function": {"_target_": f"hostile_metrics.{name}", **fields}, "version": 1}
    return score.unit(metric, {}, {}, 0, Label(metric=name))


def test_a_unit_whose_process_died_runs_in_a_process_of_its_own(store: Store) -> None:
    """A neighbour may have been the cause, or somebody ended the whole run: that is not held against the unit."""
    unit = hostile("honest", number=7.0)
    store.write_record(unit, {"status": RUNNING, "attempts": 5})
    record = run_unit(unit, store, CPU)
    assert (record["status"], record["value"], record["attempts"]) == (DONE, 7.0, 6)


def test_a_unit_that_kills_its_process_twice_is_left_alone(store: Store, calls: list[str]) -> None:
    deadly = hostile("kills_its_process")
    store.write_record(deadly, {"status": RUNNING, "attempts": 1})
    record = run_unit(deadly, store, CPU)
    assert record["status"] == CRASHED
    assert "code -9" in record["error"]
    assert "run the same command again" in record["error"]
    assert run_unit(deadly, store, CPU) == record
    run_unit(step("a"), store, CPU)
    assert calls == ["a"]


def test_a_failed_unit_is_tried_again_as_often_as_retry_says(store: Store, calls: list[str]) -> None:
    assert run_unit(step("bad", fail=True), store, CPU, Rules(retry=2))["status"] == FAILED
    assert calls == ["bad"] * 3


def test_a_unit_is_not_tried_again_for_what_it_reads(store: Store, calls: list[str]) -> None:
    run_units([bad := step("bad", fail=True), step("below", bad)], store, CPU, Rules(retry=1))
    assert calls == ["bad"] * 2


def test_with_retry_a_damaged_artifact_is_computed_anew_in_the_same_run(
    store: Store, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STAGES, "reader", Stage(lambda work: Outcome(float(work.load("a")["x"]))))
    first = step("a")
    run_unit(first, store, CPU)
    store.path(first, ".safetensors").write_bytes(b"rubbish")
    record = run_unit(Unit("reader", 1, {}, {"a": first}), store, CPU, Rules(retry=1))
    assert record["value"] == 1.0
    assert calls == ["a", "a"]


def test_fail_fast_starts_nothing_after_a_failure(store: Store, calls: list[str], tmp_path: Path) -> None:
    rules = Rules(stop=tmp_path / "stop")
    run_units([step("a"), step("bad", fail=True), step("b")], store, CPU, rules)
    run_units([step("c")], store, CPU, rules)  # another worker of the same sweep
    assert calls == ["a", "bad"]
    assert store.is_done(step("a"))


@pytest.mark.parametrize("name", ["hangs", "hangs_and_swallows_errors"])
def test_a_unit_that_hangs_fails_and_the_rest_goes_on(store: Store, calls: list[str], name: str) -> None:
    run_units([hostile(name), step("a")], store, CPU, Rules(minutes=0.005))
    record = store.record(hostile(name))
    assert record["status"] == FAILED
    assert record["error"].startswith("it took longer than time_limit=0.005 minutes")
    assert calls == ["a"]


def test_a_call_into_c_that_never_returns_ends_its_process(tmp_path: Path) -> None:
    """Python handles no signal in there and no other thread runs; the process still ends, and says where it hung."""
    program = (
        "import hostile_metrics\nfrom pgebench.run.time_limit import time_limit\n"
        "with time_limit(0.1, grace=0.2):\n    hostile_metrics.hangs_in_c()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "hangs_in_c" in ended.stderr


def test_work_within_its_limit_leaves_no_alarm_behind() -> None:
    with time_limit(0.2, grace=0.1):
        pass
    time.sleep(0.4)


def test_a_record_says_how_it_came_to_be(store: Store, calls: list[str]) -> None:
    record = run_unit(step("a"), store, CPU, Rules(workers=2))
    assert record["versions"]["torch"] == torch.__version__.split("+")[0]
    assert record["workers"] == 2
    assert record["wall_s"] >= 0
    assert record["peak_rss_mb"] > 10
    assert record["machine"]["cores"] >= 1
