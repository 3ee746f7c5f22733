"""Artifacts that a disk or a stranger changed are never used: they are set aside and computed again."""

from __future__ import annotations

import hashlib
import json
import pickle
import random
import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from fault_page import Injected

from faults import commands

ROUNDS = 4

WITH_FISHER = "metric=[pge,logme,leep,random,task2vec]"
"""With it every stage that has an artifact is in the sweep."""

AT_ONCE = "retry=2"
"""A unit reads two artifacts at most, and meets one damaged artifact a try."""

MOST_RUNS = 4
"""A score of two damaged artifacts, one of them made from a damaged one: three runs meet them, the fourth is done."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an undisturbed run with artifacts of every kind."""
    folder = tmp_path_factory.mktemp("whole")
    assert commands.run(folder, WITH_FISHER) == 0, (folder / "log").read_text()
    return folder


def records_of(store: Path) -> dict[Path, dict[str, object]]:
    return {path: json.loads(path.read_bytes()) for path in sorted(store.rglob("*.json"))}


def readers_of(artifact: Path, records: dict[Path, dict[str, object]]) -> set[Path]:
    """The records of the units that read an artifact."""
    return {path for path, record in records.items() if artifact.stem in dict(record["inputs"]).values()}  # type: ignore[call-overload]


def some_apart(store: Path, records: dict[Path, dict[str, object]], first: str, dice: random.Random) -> list[Path]:
    """Artifacts at random, one of the stage ``first`` before others, none of which is read to compute another.

    So all of them will be met, and none is written over before.
    """
    artifacts = sorted(store.rglob("*.safetensors"))
    order = sorted(dice.sample(artifacts, len(artifacts)), key=lambda path: path.parts[-3] != first)
    chosen: list[Path] = []
    for artifact in order:
        own, others = artifact.with_suffix(".json"), {path.with_suffix(".json") for path in chosen}
        if not readers_of(artifact, records) & others and all(own not in readers_of(o, records) for o in chosen):
            chosen.append(artifact)
    return chosen


def damage(artifact: Path, dice: random.Random) -> str:
    """Cut a file off, or turn one bit of it, at a random place; says which."""
    content = bytearray(artifact.read_bytes())
    place = dice.randrange(len(content))
    if dice.random() < 0.5:
        artifact.write_bytes(content[:place])
        return "truncated"
    content[place] ^= 1 << dice.randrange(8)
    artifact.write_bytes(content)
    return "bit-flipped"


@pytest.mark.slow
def test_damaged_artifacts_are_set_aside_and_computed_again(whole: Path, tmp_path: Path, injected: Injected) -> None:
    """What reads them is to be computed: half of the times at once with ``retry``, half by the same command again."""
    dice = random.Random(0)
    longest = 0
    injuries: Counter[str] = Counter()
    kinds = sorted({path.parts[-3] for path in (whole / "store").rglob("*.safetensors")})
    met: set[str] = set()
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        shutil.copytree(whole / "store", folder / "store")
        records = records_of(folder / "store")
        chosen = some_apart(folder / "store", records, kinds[number % len(kinds)], dice)
        for artifact in chosen:
            injuries[damage(artifact, dice)] += 1
            met.add(artifact.parts[-3])
            for reader in readers_of(artifact, records):
                reader.unlink(missing_ok=True)
        if number % 2:
            assert commands.run(folder, WITH_FISHER, AT_ONCE) == 0, (folder / "log").read_text()
        else:
            codes = [commands.run(folder, WITH_FISHER)]
            while codes[-1] == 1 and len(codes) < MOST_RUNS:
                codes.append(commands.run(folder, WITH_FISHER))
            assert codes == [1] * (len(codes) - 1) + [0], (folder / "log").read_text()
            assert "missing or damaged" in (folder / "log").read_text()
            longest = max(longest, len(codes))
        pd.testing.assert_frame_equal(commands.table(folder), commands.table(whole))
        for artifact in chosen:
            assert artifact.with_suffix(".safetensors.corrupt").exists(), f"{artifact} was not met"
            original = whole / "store" / artifact.relative_to(folder / "store")
            assert artifact.read_bytes() == original.read_bytes()
        assert "Traceback" not in (folder / "log").read_text()
    assert met == set(kinds) == {"checkpoint", "evidence", "fisher", "gradient"}
    for injury, times in sorted(injuries.items()):
        injected(
            f"{injury} artifact of a finished store, at a random place ({', '.join(kinds)})",
            times,
            "each was recognised by its checksum, set aside and computed again to the same bytes; table identical, "
            f"at once with `{AT_ONCE}`, else by the same command up to {longest} times (a try meets one a unit)",
        )


class Touch:
    """A pickle that makes a file when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


@pytest.mark.slow
def test_artifacts_that_are_pickles_are_never_opened(whole: Path, tmp_path: Path, injected: Injected) -> None:
    """Whoever can write an artifact can write its checksum too."""
    shutil.copytree(whole / "store", tmp_path / "store")
    hostile = pickle.dumps(Touch(tmp_path / "touched"))
    records = records_of(tmp_path / "store")
    artifacts = sorted((tmp_path / "store").rglob("*.safetensors"))
    for artifact in artifacts:
        artifact.write_bytes(hostile)
        record = records[artifact.with_suffix(".json")]
        signed = {"sha256": hashlib.sha256(hostile).hexdigest(), "bytes": len(hostile)}
        artifact.with_suffix(".json").write_text(json.dumps(record | {"artifact": signed}))
    for stage in ("score", "truth"):
        shutil.rmtree(tmp_path / "store" / stage)
    assert commands.run(tmp_path, WITH_FISHER, "retry=3") in (0, 1)
    assert commands.run(tmp_path, WITH_FISHER, "retry=3") == 0, (tmp_path / "log").read_text()
    assert not (tmp_path / "touched").exists()
    pd.testing.assert_frame_equal(commands.table(tmp_path), commands.table(whole))
    injected(
        "artifact replaced by a pickle that would run code, its record signed with the right checksum",
        len(artifacts),
        "none was opened as a pickle: refused, set aside, computed again; the table identical",
    )
