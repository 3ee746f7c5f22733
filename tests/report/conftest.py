import importlib.util
import json
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def synthetic():
    """The module `synthetic.py` beside this file (tests are not a package)."""
    spec = importlib.util.spec_from_file_location("synthetic_records", Path(__file__).parent / "synthetic.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def write():
    """Write records and meta as a results folder."""

    def write_results(folder, records, meta):
        folder.mkdir(parents=True, exist_ok=True)
        records.to_parquet(folder / "records.parquet")
        if meta is not None:
            (folder / "meta.json").write_text(json.dumps(meta))
        return folder

    return write_results


@pytest.fixture(scope="session")
def built(synthetic, write, tmp_path_factory):
    """A report of a complete experiment with two truths, two backbones and some failures."""
    from pgebench.report import build_report

    records, meta = synthetic.make_records(
        datasets=6,
        backbones=("test_resnet", "test_vit"),
        truths=("finetune", "linear_probe"),
        metrics=("logme", "pge", "random"),
    )
    records = synthetic.fail(records, (records["metric"] == "logme") & (records["target"] == "animals_a"))
    folder = write(tmp_path_factory.mktemp("built"), records, meta)
    build_report(folder)
    return folder


@pytest.fixture(scope="session")
def study(synthetic):
    """Records and meta with several checkpoints, transfers, draws and collections, and with planned contrasts."""
    return synthetic.make_records(
        datasets=10,
        checkpoints=3,
        truth_seeds=(2, 1, 1),
        draws=4,
        collections=True,
        metrics=("logme", "source_accuracy", "pge", "random", "same_collection"),
        contrasts=(("pge", "same_collection"), ("best", "pge"), ("nobody", "pge")),
    )


@pytest.fixture(scope="session")
def several(study):
    """The report of it."""
    from pgebench.report.build import analysed
    from pgebench.report.section import Report

    return Report(analysed(*study), *study)


@pytest.fixture(scope="session")
def pages(several):
    """The same as HTML and as Markdown."""
    from pgebench.report import page

    return [show(several, {"league_finetune.png"}) for show in (page.html, page.markdown)]


@pytest.fixture(scope="session")
def once(synthetic):
    """One checkpoint per source with two transfers per pair, one draw, no collections, nothing planned."""
    from pgebench.report.build import analysed
    from pgebench.report.section import Report

    made = synthetic.make_records(datasets=6, metrics=("logme", "pge", "random"))
    return Report(analysed(*made), *made)


@pytest.fixture(scope="session")
def said():
    """Title -> text of the verdict of a report."""
    from pgebench.report.sections import verdict

    return lambda report: {one.title: one.text for one in verdict.findings(report.analysis, report.results[0])}


@pytest.fixture(scope="session")
def cells():
    """First cell of each row of a table, without back-ticks -> the texts of the row by column."""
    return lambda grid: {
        row[0].text.strip("`"): dict(zip(grid.columns, [cell.text for cell in row], strict=True))
        for row in [*grid.rows, *grid.footer]
    }
