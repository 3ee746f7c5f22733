"""From the records of an experiment to its report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from pgebench.analysis.league import Analysis, analyse
from pgebench.core.files import write_atomically
from pgebench.core.metric_facts import metric_facts
from pgebench.core.records import MISSING, RUNNING, SO_FAR
from pgebench.report import page
from pgebench.report.criterion import in_words_of
from pgebench.report.png import png
from pgebench.report.section import Report
from pgebench.report.sections import SECTIONS
from pgebench.report.svg import document

REQUIRED = (
    *("key", "stage", "status", "backbone", "source", "target", "metric", "truth", "seed", "value"),
    *("wall_s", "cpu_s", "peak_rss_mb", "images", "inputs", "error", "attempts"),
)
NUMERIC = ("seed", "value", "wall_s", "cpu_s", "peak_rss_mb", "images", "attempts")
PENDING = (MISSING, RUNNING)
FIGURE_PREFIXES = (
    *("league_", "cost_", "scatter_", "map_", "critical_", "curves_", "stability_", "atlas_"),
    *("influence_", "places_", "scale_", "among_", "together_", "glance_", "images_"),
)


def build_report(results: Path) -> Path:
    """Analyse the records in a results folder and write the report beside them.

    Reads `records.parquet` and `meta.json`; writes `records.csv`, `summary.csv`, `report.md`, `report.html` and
    `figures/` (each as PNG, SVG and the CSV behind it, the leagues also as LaTeX), each moved into place when complete.
    The same inputs give the same bytes.

    Args:
        results: Folder of the experiment.

    Returns:
        Path of `report.html`.

    Raises:
        FileNotFoundError: There is no `records.parquet`.
        ValueError: A column is missing, or `meta.json` is not a JSON object.
        StoreError: The folder cannot be written.
    """
    results = Path(results)
    write_report(results, report_of(*read_results(results)))
    return results / "report.html"


def report_of(records: pd.DataFrame, meta: Mapping[str, Any]) -> dict[str, bytes]:
    """All that `build_report` writes, before anything is written.

    Args:
        records: As `read_results` gives them.
        meta: The same.

    Returns:
        Path inside the results folder -> content.
    """
    analysis = analysed(records, meta)
    report = Report(analysis, records, meta)
    figures = _figures(report)
    return {
        "records.csv": records.to_csv(index=False, lineterminator="\n").encode(),
        "summary.csv": _csv(analysis.summary),
        **{f"figures/{name}": content for name, content in figures.items()},
        "report.md": page.markdown(report, figures).encode(),
        "report.html": page.html(report, figures).encode(),
    }


def write_report(results: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a report, and remove the figures of an earlier one that are not among them.

    Args:
        results: Folder of the experiment.
        files: As `report_of` gives them.

    Raises:
        StoreError: The folder cannot be written.
    """
    for name, content in files.items():
        write_atomically(results / name, content)
    for old in sorted((results / "figures").glob("*")):
        if old.name.startswith(FIGURE_PREFIXES) and f"figures/{old.name}" not in files:
            old.unlink()


def build_tables(results: Path) -> dict[str, pd.DataFrame]:
    """The tables behind the report, for W&B or a notebook: computed again from the records, nothing is written.

    Args:
        results: Folder of the experiment.

    Returns:
        `records`, `summary`, `failures`, and for each truth `pairs_<truth>`, with several backbones
        `backbones_<truth>`, and with sources of the targets' own collections `near_and_far_<truth>`.
    """
    records, meta = read_results(Path(results))
    return tables_of(analysed(records, meta), records)


def tables_of(analysis: Analysis, records: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The same tables of an analysis that is already at hand."""
    tables = {"records": records, "summary": analysis.summary, "failures": analysis.failures}
    for result in analysis.results:
        tables[f"pairs_{result.name}"] = result.pairs
        if len(result.by_backbone):
            tables[f"backbones_{result.name}"] = result.by_backbone
        if len(result.near_and_far):
            tables[f"near_and_far_{result.name}"] = result.near_and_far
    return tables


def report_files(results: Path) -> list[Path]:
    """The files of a built report that are there: the pages, the tables and the figures, in this order.

    Args:
        results: Folder of a run.

    Returns:
        Paths of files that exist.
    """
    results = Path(results)
    fixed = [results / name for name in ("report.html", "report.md", "summary.csv", "records.csv")]
    return [path for path in (*fixed, *sorted((results / "figures").glob("*.png"))) if path.is_file()]


def _figures(report: Report) -> dict[str, bytes]:
    """Name and content of every file in `figures/`."""
    files = {}
    for section in SECTIONS:
        for plain in section.files(report):
            figure = in_words_of(report.criterion, plain)
            files[f"{figure.name}.png"] = png(figure.picture)
            files[f"{figure.name}.svg"] = document(figure.picture).encode()
            files[f"{figure.name}.csv"] = _csv(figure.numbers)
            if figure.latex:
                files[f"{figure.name}.tex"] = figure.latex.encode()
    return files


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode()


def analysed(records: pd.DataFrame, meta: Mapping[str, Any]) -> Analysis:
    """The analysis of a run as its report shows it.

    Args:
        records: As `read_results` gives them.
        meta: The same; anything may be missing.
    """
    found = analyse(
        records,
        meta.get("metric_facts") or metric_facts(meta),
        primary_truth=str(meta.get("primary_truth", "finetune")),
        question=str(meta.get("question", "sources")),
        collections=_named(meta, "collections"),
        families=_named(meta, "families"),
        contrasts=_contrasts(meta),
        seed=int(meta.get("seed", 0) or 0),
    )
    if not meta.get(SO_FAR):
        return found
    # What has not been tried yet is no failure.
    return replace(found, failures=found.failures[~found.failures["status"].isin(PENDING)])


def _named(meta: Mapping[str, Any], key: str) -> dict[str, str]:
    """Name of a dataset -> its collection, or of a candidate -> its family; none for a run of an earlier version."""
    stated = meta.get(key)
    return {str(name): str(one) for name, one in stated.items()} if isinstance(stated, Mapping) else {}


def _contrasts(meta: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The pairs of metrics whose difference the run had planned; a run of an earlier version had planned none."""
    config = meta.get("config")
    planned = config.get("contrasts") if isinstance(config, Mapping) else None
    return [(str(first), str(second)) for first, second in planned or ()]


def read_results(results: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The records of a results folder, sorted by key, and its `meta.json`, or {} if there is none.

    The meta has one entry more, `metric_facts`: of all metrics, see `pgebench.core.metric_facts`.

    Raises:
        FileNotFoundError: There is no `records.parquet`.
        ValueError: A column is missing, or `meta.json` is not a JSON object.
    """
    path = results / "records.parquet"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: run the experiment first, or point to its results folder")
    try:
        with path.open("rb") as file:  # pyarrow itself opens no path that is not UTF-8
            records = pd.read_parquet(file)
    except Exception as error:  # whatever the parsers of a damaged or foreign file raise
        raise ValueError(f"{path} is no table of records ({error}); run the same experiment again") from error
    missing = [name for name in REQUIRED if name not in records.columns]
    if missing:
        raise ValueError(f"{path} lacks the column(s) {', '.join(missing)}: was it written by pgebench?")
    wrong = [name for name in NUMERIC if not pd.api.types.is_numeric_dtype(records[name])]
    if wrong:
        raise ValueError(f"{path}: the column(s) {', '.join(wrong)} hold no numbers: was it written by pgebench?")
    meta_path = results / "meta.json"
    try:
        meta = json.loads(meta_path.read_text(encoding="utf-8")) if meta_path.is_file() else {}
    except RecursionError as error:
        raise ValueError(f"{meta_path} is nested too deeply for what pgebench writes") from error
    if not isinstance(meta, dict):
        raise ValueError(f"{meta_path} must hold a JSON object")
    # A folder of an earlier version does not say these; the report of it is still the same.
    meta["metric_facts"] = metric_facts(meta)
    # The order of the rows is the order in which jobs happened to finish; the report must not depend on it.
    return records.sort_values("key", kind="stable", ignore_index=True), meta
