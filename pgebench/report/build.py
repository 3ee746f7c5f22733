"""From the records of an experiment to its report."""

from __future__ import annotations

import json
import os
import re
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from pgebench.analysis.league import Analysis, analyse, experiment_itself
from pgebench.core.metric_facts import metric_facts
from pgebench.report.export import league_latex
from pgebench.report.figures import figures
from pgebench.report.page import context_of, render

REQUIRED = (
    *("key", "stage", "status", "backbone", "source", "target", "metric", "truth", "seed", "value"),
    *("wall_s", "cpu_s", "peak_rss_mb", "images", "inputs", "error", "attempts"),
)
NUMERIC = ("seed", "value", "wall_s", "cpu_s", "peak_rss_mb", "images", "attempts")
FIGURE_PREFIXES = ("league_", "cost_", "scatter_", "map_", "critical_", "curves_", "stability_", "atlas_")


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
    """
    results = Path(results)
    records, meta = read_results(results)
    analysis = _analysed(records, meta)
    pictures = {}
    for name, figure, numbers in figures(analysis):
        pictures[f"{name}.png"], pictures[f"{name}.svg"] = _drawn(figure)
        pictures[f"{name}.csv"] = _csv(numbers)
    for result in analysis.results:
        pictures[f"league_{result.name}.tex"] = league_latex(result).encode()
    # Names of truths and backbones come from configs and tables: they name files in this folder and nowhere else.
    pictures = {re.sub(r"[/\\]", "_", name): content for name, content in pictures.items()}
    _write(results / "records.csv", records.to_csv(index=False, lineterminator="\n").encode())
    _write(results / "summary.csv", _csv(analysis.summary))
    for name, content in pictures.items():
        _write(results / "figures" / name, content)
    for old in sorted((results / "figures").glob("*")):
        if old.name.startswith(FIGURE_PREFIXES) and old.name not in pictures:
            old.unlink()
    context = context_of(analysis, experiment_itself(records), meta, sorted(pictures))
    for template in ("report.md.j2", "report.html.j2"):
        _write(results / template.removesuffix(".j2"), render(template, context).encode())
    return results / "report.html"


def build_tables(results: Path) -> dict[str, pd.DataFrame]:
    """The tables behind the report, for W&B or a notebook: computed again from the records, nothing is written.

    Args:
        results: Folder of the experiment.

    Returns:
        `records`, `summary`, `failures`, and for each truth `pairs_<truth>` and, with several backbones,
        `backbones_<truth>`.
    """
    records, meta = read_results(Path(results))
    return tables_of(_analysed(records, meta), records)


def tables_of(analysis: Analysis, records: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The same tables of an analysis that is already at hand."""
    tables = {"records": records, "summary": analysis.summary, "failures": analysis.failures}
    for result in analysis.results:
        tables[f"pairs_{result.name}"] = result.pairs
        if len(result.by_backbone):
            tables[f"backbones_{result.name}"] = result.by_backbone
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


def _drawn(figure: Figure) -> tuple[bytes, bytes]:
    """A figure as PNG and SVG; without versions and dates in it, what looks the same is the same.

    Drawing takes most of a small report's time. ``savefig`` draws each file twice and lays the figure out for each.
    """
    png, svg = BytesIO(), BytesIO()
    figure.set_dpi(150)
    FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})
    figure.set_layout_engine("none")
    with rc_context({"svg.hashsalt": "pgebench"}):
        FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None, "Creator": None})
    return png.getvalue(), svg.getvalue()


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode()


def _analysed(records: pd.DataFrame, meta: dict[str, Any]) -> Analysis:
    return analyse(
        records,
        meta["metric_facts"],
        primary_truth=str(meta.get("primary_truth", "finetune")),
        question=str(meta.get("question", "sources")),
        seed=int(meta.get("seed", 0) or 0),
    )


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
        records = pd.read_parquet(path)
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
    # The order of the rows is the order in which jobs happened to finish; the report must not depend on it.
    # A folder of an earlier version does not say these; the report of it is still the same.
    meta["metric_facts"] = metric_facts(meta)
    return records.sort_values("key", kind="stable", ignore_index=True), meta


def _write(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees either the old one or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp makes the file private; a report is for everyone whom the folder admits.
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
