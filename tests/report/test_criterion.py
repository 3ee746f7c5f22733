"""A report on AUROCs speaks of AUROC; one on accuracies stays as it is."""

import re

import pandas as pd
import pytest

from pgebench.report import build_report
from pgebench.report.criterion import in_words_of
from pgebench.report.section import Code, Details, Figure, Report, Words

ACCURACY = re.compile(r"(?<!validation )\baccurac(y|ies)\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def auroc(synthetic, write, tmp_path_factory):
    records, meta = synthetic.make_records(datasets=4, metrics=("logme", "source_accuracy"))
    results = write(tmp_path_factory.mktemp("auroc"), records, meta | {"criterion": "AUROC"})
    build_report(results)
    return results


def test_no_word_of_the_report_or_its_pictures_speaks_of_accuracy(auroc):
    texts = [*auroc.glob("report.*"), *(auroc / "figures").glob("*.svg"), *(auroc / "figures").glob("*.tex")]
    assert len(texts) > 4
    for path in texts:
        # The configuration of the run is shown as it was stored.
        text = re.sub(r"<details><summary>Configuration.*?</details>", "", path.read_text(), flags=re.DOTALL)
        assert not ACCURACY.search(text), path.name


def test_the_report_says_what_was_measured_and_a_metric_keeps_its_name(auroc):
    text = (auroc / "report.md").read_text()
    for said in ("points of AUROC", "by the AUROC that was really obtained", "`source_accuracy`"):
        assert said in text


def test_a_run_that_says_nothing_is_about_accuracy_and_its_blocks_stay_the_same():
    report = Report(analysis=None, records=pd.DataFrame(), meta={})
    blocks = [Words("points of accuracy")]
    assert in_words_of(report.criterion, blocks) is blocks


def test_blocks_within_blocks_are_reworded_and_stored_text_is_not():
    found = in_words_of("mean average precision", [Details("Accuracies", [Words("an accuracy"), Code("accuracy: 1")])])
    assert found == [Details("Mean average precisions", [Words("an mean average precision"), Code("accuracy: 1")])]


def test_a_figure_keeps_its_file():
    assert in_words_of("AUROC", Figure("map_source_accuracy", "Accuracy")) == Figure("map_source_accuracy", "AUROC")
