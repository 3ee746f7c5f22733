"""A box is read as it was written, or refused in a line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from pgebench.box.file import EVIDENCE, INDEX, META, RECORDS, open_box, write_box
from pgebench.core.errors import ConfigError


@pytest.fixture
def box(tmp_path: Path) -> Path:
    pd.DataFrame({"key": ["k"], "stage": ["evidence"]}).to_parquet(tmp_path / RECORDS)
    (tmp_path / META).write_text('{"experiment": "mine"}')
    write_box(tmp_path, "mine", {"k": {"features": torch.ones(2, 3)}}, ["nothing else"])
    return tmp_path


def test_a_box_holds_what_was_put_into_it(box: Path) -> None:
    opened = open_box(str(box))
    assert (opened.experiment, opened.left_out, list(opened.records.key)) == ("mine", ("nothing else",), ["k"])
    assert opened.evidence("k")["features"].equal(torch.ones(2, 3))


def test_the_same_evidence_gives_the_same_bytes(box: Path) -> None:
    before = (box / EVIDENCE).read_bytes()
    write_box(box, "mine", {"k": {"features": torch.ones(2, 3)}})
    assert (box / EVIDENCE).read_bytes() == before


@pytest.mark.parametrize("name", ["embedded_full", "hub"])
def test_a_reference_and_its_box_are_of_one_run(name: str) -> None:
    """Records that are made anew without their box would leave it refused; nobody would see that before a user does."""
    folder = Path(__file__).parents[2] / "results" / "reference" / name
    said = json.loads((folder / INDEX).read_text())
    assert said["experiment"] == name
    for file, sha256 in said["sha256"].items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == sha256


def _other_format(box: Path) -> None:
    index = json.loads((box / INDEX).read_text())
    (box / INDEX).write_text(json.dumps({**index, "format": 99, "pgebench": "7.0"}))


def _damaged(box: Path) -> None:
    content = bytearray((box / EVIDENCE).read_bytes())
    content[-20] ^= 1
    (box / EVIDENCE).write_bytes(bytes(content))


def _other_records(box: Path) -> None:
    pd.DataFrame({"key": ["other"]}).to_parquet(box / RECORDS)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_other_format, r"format 99 \(pgebench 7.0\), this version reads 1; take the version that made it, or make"),
        (_damaged, rf"{EVIDENCE} is not the file that was written; fetch or make the box anew"),
        (_other_records, rf"{RECORDS} is not the file that was written"),
        (lambda box: (box / EVIDENCE).unlink(), "cannot be read as a box"),
        (lambda box: (box / META).unlink(), "cannot be read as a box"),
        (lambda box: (box / META).write_text("{"), "cannot be read as a box"),
        (lambda box: (box / INDEX).write_text("[]"), "cannot be read as a box"),
        (lambda box: (box / INDEX).write_text("{}"), "cannot be read as a box"),
        (lambda box: (box / INDEX).unlink(), "no such box, and no folder with a box.json"),
    ],
)
def test_a_box_that_is_not_whole_is_refused_in_a_line(box: Path, harm: Callable[[Path], None], said: str) -> None:
    harm(box)
    with pytest.raises(ConfigError, match=said):
        open_box(str(box))
