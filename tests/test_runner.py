"""Each unit runs at most once, and its failure is a row."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pgebench import runner
from pgebench.runner import run_unit, run_units
from pgebench.stages import STAGES, Outcome
from pgebench.stages.base import Run
from pgebench.store import CRASHED, DONE, FAILED, RUNNING, Store
from pgebench.unit import Unit

CPU = torch.device("cpu")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A stage ``step`` that notes its runs; ``fail`` and ``interrupt`` in its parameters make it do so."""
    seen: list[str] = []

    def step(work: Run) -> Outcome:
        seen.append(work.params["name"])
        if work.params.get("fail"):
            raise ValueError("the cause,\n in two lines")
        if work.params.get("interrupt"):
            raise KeyboardInterrupt
        return Outcome(1.0, {"x": torch.ones(1)})

    monkeypatch.setitem(STAGES, "step", step)
    return seen


def step(name: str, *inputs: Unit, **params: object) -> Unit:
    return Unit("step", 1, {"name": name, **params}, {unit.params["name"]: unit for unit in inputs})


def test_a_done_unit_is_never_run_again(store: Store, calls: list[str]) -> None:
    run_units([step("a"), step("a")], store, CPU)
    run_units([step("a")], store, CPU)
    assert calls == ["a"]


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


def test_a_unit_that_kills_its_process_twice_is_left_alone(store: Store, calls: list[str]) -> None:
    deadly = step("deadly")
    store.write_record(deadly, {"status": RUNNING, "attempts": 1})
    assert run_unit(deadly, store, CPU)["status"] == DONE

    worse = step("worse")
    store.write_record(worse, {"status": RUNNING, "attempts": runner.ATTEMPTS})
    record = run_unit(worse, store, CPU)
    assert record["status"] == CRASHED
    assert "run the same command again" in record["error"]
    assert calls == ["deadly"]


def test_a_record_says_how_it_came_to_be(store: Store, calls: list[str]) -> None:
    record = run_unit(step("a"), store, CPU, workers=2)
    assert record["versions"]["torch"] == torch.__version__.split("+")[0]
    assert record["workers"] == 2
    assert record["wall_s"] >= 0
    assert record["peak_rss_mb"] > 10
    assert record["machine"]["cores"] >= 1
