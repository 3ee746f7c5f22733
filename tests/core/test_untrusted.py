"""What is read from disk is data: it is refused in one line or used, and never executed."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest
from conftest import Run
from fault_page import Injected
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

import baselines
import pgebench
from pgebench.core.errors import CorruptArtifact, PgebenchError
from pgebench.core.records import CRASHED, DONE, FAILED, MISSING, RUNNING
from pgebench.experiment.status import status
from pgebench.report import build_report
from pgebench.report.build import read_results
from pgebench.run.table import frame
from pgebench.store.format import open_store
from pgebench.store.store import Store
from pgebench.store.unit import Unit

UNIT = Unit("evidence", 1, {"seed": 0})

FUZZED_TABLE = "fuzzed records.parquet and meta.json"

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
fields = st.sampled_from(["status", "value", "wall_s", "images", "attempts", "artifact", "detail", "error", "finished"])
records = st.dictionaries(fields, anything | st.sampled_from([DONE, FAILED, CRASHED, RUNNING, 10**400]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("untrusted")


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@given(st.binary(max_size=64) | records.map(lambda record: json.dumps(record).encode()))
@example(b"[" * 100_000)
@example(b"1" * 5000)
@example(b'{"status": "done", "value": NaN}')
@example(b'{"status": "done", "key": "of another unit"}')
def test_any_record_is_a_row_of_the_table_or_missing(injected: Injected, folder: Path, content: bytes) -> None:
    store = Store(folder / "records")
    put(store.path(UNIT, ".json"), content)
    table = frame([UNIT], store)
    assert table.status[0] in (DONE, FAILED, CRASHED, RUNNING, MISSING)
    assert table.to_parquet()
    injected("fuzzed record of a unit: any bytes, any JSON", 1, "a row of the table, or the unit is missing")


@given(st.binary(max_size=200))
@example(save({})[:9])
@example((2**62).to_bytes(8, "little") + b"{}")
@example(b"\x80\x04cposix\nsystem\n(S'false'\ntR.")
def test_any_artifact_is_tensors_or_refused_even_if_its_checksum_is_right(
    injected: Injected, folder: Path, content: bytes
) -> None:
    store = Store(folder / "artifacts")
    put(store.path(UNIT, ".safetensors"), content)
    store.write_record(UNIT, {"status": DONE, "artifact": {"sha256": hashlib.sha256(content).hexdigest()}})
    try:
        assert isinstance(store.load(UNIT), dict)
    except CorruptArtifact:
        assert store.record(UNIT)["status"] == MISSING
    injected("fuzzed artifact: any bytes, a pickle, with the right checksum", 1, "tensors, or refused and set aside")


@given(st.binary(max_size=200), st.booleans())
def test_any_progress_is_tensors_or_none(injected: Injected, folder: Path, content: bytes, signed: bool) -> None:
    store = Store(folder / "progress")
    put(store.path(UNIT, ".progress"), (hashlib.sha256(content).digest() if signed else b"") + content)
    assert isinstance(store.load_progress(UNIT), dict)
    injected("fuzzed intermediate state of a gradient", 1, "tensors, or the estimate begins anew")


@given(st.binary(max_size=64) | anything.map(lambda value: json.dumps(value).encode()))
@example(b'{"format": 1, "lock": "soft"}')
def test_any_format_and_any_plan_is_used_or_refused(injected: Injected, folder: Path, content: bytes) -> None:
    put(folder / "store" / "FORMAT", content)
    put(folder / "results" / "plan.json", content)
    for read in (lambda: open_store(folder / "store"), lambda: status(folder / "results")):
        with contextlib.suppress(PgebenchError):
            read()
    injected("fuzzed FORMAT and plan.json", 1, "used, or refused in one line")


@given(table=st.binary(max_size=200), meta=st.binary(max_size=64))
@settings(max_examples=50)
@example(table=b"PAR1" + bytes(60) + b"PAR1", meta=b"{}")
@example(table=pd.DataFrame({"key": [1]}).to_parquet(), meta=b"[" * 100_000)
def test_any_table_and_meta_are_used_or_refused(injected: Injected, folder: Path, table: bytes, meta: bytes) -> None:
    put(folder / "report" / "records.parquet", table)
    put(folder / "report" / "meta.json", meta)
    with pytest.raises((ValueError, OSError)):
        read_results(folder / "report")
    injected(FUZZED_TABLE, 1, "used, or refused in one line")


@given(st.binary(max_size=64) | anything.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=50)
@example(b"[" * 100_000)
def test_any_meta_beside_a_good_table_is_an_object_or_refused(injected: Injected, folder: Path, content: bytes) -> None:
    good = folder / "good"
    store = Store(folder / "empty")
    put(good / "records.parquet", frame([UNIT], store).to_parquet())
    put(good / "meta.json", content)
    with contextlib.suppress(ValueError):
        assert isinstance(read_results(good)[1], dict)
    injected(FUZZED_TABLE, 1, "used, or refused in one line")


LOADERS = {"load": {"torch": "weights_only", "np": "allow_pickle", "numpy": "allow_pickle"}}
UNPICKLES = {
    Path("core/files.py"): "its own Unpickler, which admits arrays alone",
    Path("networks/checkpoint_file.py"): "names the error that torch.load(weights_only=True) raises",
}


def test_no_code_unpickles_what_it_reads() -> None:
    for package in (pgebench, baselines):
        root = Path(package.__file__).parent
        for path in root.rglob("*.py"):
            if path.relative_to(root) in UNPICKLES:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                    assert not {"pickle", "marshal", "shelve", "dill", "cloudpickle"} & set(names), path
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    asked = LOADERS.get(node.func.attr, {}).get(getattr(node.func.value, "id", ""))
                    given_ = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
                    assert asked is None or given_.get(asked) is (asked == "weights_only"), f"{path}: {asked}"
                    assert node.func.attr != "read_pickle", path


@pytest.mark.parametrize("name", ["../../outside", "/outside"])
def test_an_experiment_name_that_is_a_path_is_refused(
    pgebench: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, injected: Injected
) -> None:
    before = set(tmp_path.parent.rglob("*"))
    assert pgebench(f"experiment_name='{name}'", "source=mnist_0_4", "target=mnist_5_9", "metric=[random]") == 2
    assert "experiment_name=" in capsys.readouterr().err
    assert set(tmp_path.parent.rglob("*")) == before
    injected("config whose experiment_name is a path out of the results folder", 1, "exit code 2; no file is written")


@pytest.mark.parametrize(
    "name", ["../../outside", *(pytest.param(name, marks=pytest.mark.slow) for name in ("/outside", "..\\..\\outside"))]
)
def test_names_in_a_table_that_are_paths_lead_nowhere(
    finished: Path, tmp_path: Path, name: str, injected: Injected
) -> None:
    """Figures are named after what is in the table, which may come from anybody."""
    results = tmp_path / "deep" / "results"
    table = pd.read_parquet(finished / "results" / "records.parquet")
    for column in ("truth", "backbone", "source", "metric"):
        table[column] = table[column].replace(table[column].dropna().iloc[-1], name)
    put(results / "records.parquet", table.to_parquet())
    build_report(results)
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and results not in path.parents]
    assert outside == []
    assert {path.parent for path in results.rglob("*") if path.is_file()} <= {results, results / "figures"}
    injected("table whose names of truths, backbones, sources or metrics are paths", 1, "no file outside its folder")
