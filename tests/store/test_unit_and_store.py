"""A unit is its content; the store holds whole results or none."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pgebench.core.errors import CorruptArtifact, StoreError
from pgebench.core.files import write_atomically
from pgebench.core.identity import Label, canonical_json, derive_seed
from pgebench.core.records import DONE
from pgebench.store.store import Store
from pgebench.store.unit import Unit

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_order_of_fields_does_not_change_the_key(params: dict) -> None:
    shuffled = dict(reversed(params.items()))
    assert Unit("score", 1, params).key == Unit("score", 1, shuffled).key


@pytest.mark.parametrize(
    "other",
    [
        Unit("truth", 1, {"seed": 0}),
        Unit("score", 2, {"seed": 0}),
        Unit("score", 1, {"seed": 1}),
        Unit("score", 1, {"seed": 0}, {"evidence": Unit("evidence", 1, {})}),
    ],
    ids=["stage", "version", "params", "inputs"],
)
def test_every_part_of_the_content_changes_the_key(other: Unit) -> None:
    assert other.key != Unit("score", 1, {"seed": 0}).key


def test_a_change_far_upstream_changes_the_key() -> None:
    def score(steps: int) -> Unit:
        checkpoint = Unit("checkpoint", 1, {"steps": steps})
        return Unit("score", 1, {}, {"evidence": Unit("evidence", 1, {}, {"checkpoint": checkpoint})})

    assert score(10).key != score(11).key


def test_names_are_not_content() -> None:
    unit = Unit("score", 1, {"seed": 0}, label=Label(source="a"))
    assert unit.key == replace(unit, label=Label(source="b")).key


def test_nan_cannot_become_part_of_a_key() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"value": math.nan})


def test_seeds_of_different_purposes_differ() -> None:
    seeds = {derive_seed(purpose, number) for purpose in ("head", "order") for number in range(100)}
    assert len(seeds) == 200
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


UNIT = Unit("evidence", 1, {"seed": 0})


def put(store: Store) -> dict[str, torch.Tensor]:
    tensors = {"features": torch.arange(6.0).view(2, 3), "labels": torch.tensor([0, 1])}
    store.write_record(UNIT, {"status": DONE, "artifact": store.write_artifact(UNIT, tensors)})
    return tensors


def test_what_was_written_is_read_back(store: Store) -> None:
    tensors = put(store)
    read = store.load(UNIT)
    assert all(torch.equal(read[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_a_damaged_artifact_is_set_aside_and_can_be_computed_anew(store: Store, damage: str) -> None:
    put(store)
    path = store.path(UNIT, ".safetensors")
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-1] ^= 1
    path.write_bytes(content[:-4] if damage == "truncate" else content)
    if damage == "remove":
        path.unlink()
    with pytest.raises(CorruptArtifact, match="run the same command again"):
        store.load(UNIT)
    assert not store.is_done(UNIT)
    put(store)
    store.load(UNIT)


def test_a_damaged_record_counts_as_missing(store: Store) -> None:
    put(store)
    store.path(UNIT, ".json").write_text('{"status": "do')
    assert store.record(UNIT) == {"status": "missing"}


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pgebench.core.files.os.fsync", full_disk)
    with pytest.raises(StoreError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_lock_of_a_unit_is_exclusive(store: Store) -> None:
    with store.lock(UNIT) as first, store.lock(UNIT, timeout=0.05) as second:
        assert first
        assert not second
