"""Folders and files whose names are no text: they are read, named in one line, and end in tables that can be opened."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from conftest import Run
from photos import Read
from terminals import gone, strict

from pgebench.core.say import heard_by

RANDOM = np.random.default_rng(0)
CLASSES = (b"caf\xe9", b"two\nlines", b"\x1b[31mred")


def no_text_in_names(folder: Path) -> Path:
    """A dataset whose own name, classes and one damaged file have names that are not UTF-8, or move the cursor."""
    from PIL import Image

    root = os.fsencode(folder) + b"/na\xe9me"
    for each in CLASSES:
        os.makedirs(root + b"/" + each)  # noqa: PTH103, a name of bytes
        for number in range(6):
            encoded = io.BytesIO()
            Image.fromarray(RANDOM.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(encoded, "PNG")
            Path(os.fsdecode(root + b"/%b/%d.png" % (each, number))).write_bytes(encoded.getvalue())
    Path(os.fsdecode(root + b"/caf\xe9/br\xe9\x1b[2Jken.png")).write_bytes(b"no image")
    return Path(os.fsdecode(root))


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    try:
        return no_text_in_names(tmp_path)
    except OSError:
        pytest.skip("the file system takes UTF-8 alone")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_what_was_left_out_is_said_on_a_strict_terminal(
    strange: Path, read_as: Read, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    written = strict(monkeypatch, encoding)
    decoded = read_as("folder", strange)
    said = written.getvalue().decode(encoding)
    assert "18 images in 3 classes" in said
    assert next(line for line in said.splitlines() if "ken.png" in line).startswith(
        r"    caf\udce9/br\udce9\x1b[2Jken.png: not an image"
    )
    assert "\x1b" not in said
    assert decoded.class_names == tuple(sorted(map(os.fsdecode, CLASSES)))


def test_what_was_decoded_is_kept_though_nobody_reads_of_it(strange: Path, read_as: Read) -> None:
    with gone():
        assert len(read_as("folder", strange).labels) == 18
    heard: list[str] = []
    with heard_by(heard.append):
        assert len(read_as("folder", strange).labels) == 18
    assert heard == []  # it is said once, by who decodes


def test_a_library_hears_of_a_reading_in_place_of_the_terminal(
    strange: Path, read_as: Read, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[str] = []
    with heard_by(heard.append):
        read_as("folder", strange)
    assert "18 images in 3 classes" in "\n".join(heard)
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_a_whole_experiment_of_such_a_folder_has_its_report(strange: Path, tmp_path: Path, pgebench: Run) -> None:
    written = io.BytesIO()
    with patch.object(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", errors="strict")):
        assert pgebench("target=folder", f"target.path={strange}", "metric=[leep]", "truth=[linear_probe]") == 0
    results = tmp_path / "results"
    assert set(pd.read_parquet(results / "records.parquet").target.dropna()) == {r"na\udce9me"}
    assert r"na\udce9me" in (results / "report.md").read_text("utf-8")
    assert "na" in (results / "report.html").read_text("utf-8")
    # Nor does JSON hold half of a pair, though it could: other readers of it break.
    assert json.loads((results / "meta.json").read_bytes())["config"]["target"]["path"].encode()
