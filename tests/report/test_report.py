import errno
import os
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from pgebench.core.errors import StoreError
from pgebench.report import build_report, build_tables, report_files
from pgebench.run.table import load_summary

VOID = {"meta", "link", "br", "img", "rect", "line", "circle", "polyline", "hr", "source"}


class Checker(HTMLParser):
    """Every element is closed, and nothing is fetched from elsewhere."""

    def __init__(self):
        super().__init__()
        self.open, self.problems = [], []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "srcset") and value and value.startswith(("http", "//")):
                self.problems.append(f"{tag} {name}={value}")

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"unbalanced {tag} at {self.getpos()}")


def check(page):
    checker = Checker()
    checker.feed(page)
    assert checker.problems == []
    assert checker.open == []


def test_every_promised_file_is_there(built):
    names = {path.name for path in report_files(built)}
    assert {"report.html", "report.md", "summary.csv", "records.csv", "league_finetune.png"} <= names
    assert {
        "map_finetune_test_resnet.png",
        "map_finetune_test_vit.png",
        "scatter_finetune.png",
        "cost_finetune.png",
    } <= names
    assert not [path for path in built.rglob(".*")], "temporary files left behind"


def test_the_page_is_whole_and_asks_nobody_else(built):
    page = (built / "report.html").read_text()
    check(page)
    assert "http" not in re.sub(r"https?://www\.w3\.org\S*", "", page)
    assert (
        "nan"
        not in re.sub(r"<style>.*?</style>|<script>.*?</script>", "", page, flags=re.S).replace("finetune", "").split()
    )
    for words in (
        "League table",
        "noise ceiling",
        "pgebench experiment=synthetic",
        "some CPU",
        "What did not finish",
        "linear_probe",
    ):
        assert words in page


def test_building_again_gives_the_same_bytes(built, tmp_path):
    before = {path.relative_to(built): path.read_bytes() for path in report_files(built)}
    shutil.copytree(built, tmp_path / "again")
    # ... from rows that came in another order, too
    records = pd.read_parquet(tmp_path / "again" / "records.parquet").sample(frac=1, random_state=1)
    records.to_parquet(tmp_path / "again" / "records.parquet")
    build_report(tmp_path / "again")
    after = {path.relative_to(tmp_path / "again"): path.read_bytes() for path in report_files(tmp_path / "again")}
    assert before.keys() == after.keys()
    assert [str(name) for name in before if before[name] != after[name]] == []


def test_markdown_tables_have_as_many_cells_as_columns(built):
    text = (built / "report.md").read_text()
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block
    for picture in re.findall(r"\]\((figures/[^)]*)\)", text):
        assert (built / picture).is_file()


def test_summary_is_read_back(built):
    summary = load_summary(built)
    assert set(summary["truth"]) == {"finetune", "linear_probe"}
    tables = build_tables(built)
    np.testing.assert_allclose(summary["weighted_tau"], tables["summary"]["weighted_tau"], rtol=1e-5)
    assert {"records", "summary", "failures", "pairs_finetune", "backbones_finetune"} <= tables.keys()


def test_failures_are_shown_with_their_error(built):
    page = (built / "report.html").read_text()
    assert "ValueError: features are not finite" in page
    assert "what is done is not computed twice" in page


def test_text_from_outside_cannot_break_the_page(synthetic, write, tmp_path):
    records, meta = synthetic.make_records(datasets=4)
    records = synthetic.fail(records, records["metric"] == "nce", error="<b>&'\" | broken")
    meta |= {"notes": ["<script>alert(1)</script>"], "experiment": "a<b", "config": {"x": "</pre><i>"}}
    page = build_report(write(tmp_path, records, meta)).read_text()
    check(page)
    assert "<script>alert" not in page
    assert "<b>&'" not in page


@pytest.mark.parametrize("kept", [["checkpoint", "gradient"], ["checkpoint", "truth"], ["score"], []])
def test_half_an_experiment_still_has_a_report(synthetic, write, tmp_path, kept):
    records, _ = synthetic.make_records(datasets=4)
    page = build_report(write(tmp_path, records[records["stage"].isin(kept)], None)).read_text()
    check(page)
    assert ("No verdict yet" in page) == ("truth" not in kept)
    check(build_report(tmp_path).read_text())


@pytest.mark.parametrize("seeds", [1, 2])
def test_two_datasets_only(synthetic, write, tmp_path, seeds):
    records, meta = synthetic.make_records(datasets=2, truth_seeds=seeds)
    check(build_report(write(tmp_path, records, meta)).read_text())


def test_stale_pictures_go_and_others_stay(synthetic, write, tmp_path):
    records, meta = synthetic.make_records(datasets=3)
    folder = write(tmp_path, records, meta)
    (folder / "figures").mkdir()
    for name in ("map_finetune_old_backbone.png", "mine.png"):
        (folder / "figures" / name).write_bytes(b"")
    build_report(folder)
    assert not (folder / "figures" / "map_finetune_old_backbone.png").exists()
    assert (folder / "figures" / "mine.png").exists()


def test_no_records_is_one_clear_message(tmp_path):
    with pytest.raises(FileNotFoundError, match="run the experiment first"):
        build_report(tmp_path)


def test_a_strange_table_is_one_clear_message(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "records.parquet")
    with pytest.raises(ValueError, match="lacks the column"):
        build_report(tmp_path)


def test_a_folder_that_cannot_be_written_is_one_line_with_the_remedy(synthetic, write, tmp_path):
    records, meta = synthetic.make_records(datasets=3)
    folder = write(tmp_path, records, meta)
    (folder / "figures").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="results=") as caught:
        build_report(folder)
    assert "\n" not in str(caught.value)


def test_a_full_disk_leaves_the_old_report_and_no_half_of_a_new_one(synthetic, write, tmp_path, monkeypatch):
    records, meta = synthetic.make_records(datasets=3)
    folder = write(tmp_path, records, meta)
    build_report(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    # What a disk has no room for shows at the latest when it is asked to keep it.
    monkeypatch.setattr(os, "fsync", full)
    write(folder, records.assign(value=0.5), meta)
    with pytest.raises(StoreError, match=r"No space left on device.*results="):
        build_report(folder)
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert after.keys() == before.keys()
    assert [path.name for path in before if after[path] != before[path]] == ["records.parquet"]
