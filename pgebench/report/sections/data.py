"""The datasets, the source models trained on them, and their principal gradients."""

from __future__ import annotations

import pandas as pd

from pgebench.report.grid import Cell, Grid, grid, name_cell, value_cell
from pgebench.report.section import Block, Heading, Report, Section, Table, Words
from pgebench.report.wording import NOTHING, percent


def dataset_grid(records: pd.DataFrame, datasets: dict[str, dict[str, object]]) -> Grid:
    """What each dataset holds and how well its source models do on their own validation split."""
    done = records[(records["stage"] == "checkpoint") & (records["status"] == "done")]
    accuracy = done.groupby(["source", "backbone"])["value"].mean()
    backbones = sorted({str(name) for name in done["backbone"].dropna()})
    sizes = [
        size
        for size in ("classes", "train", "train_as_target", "val", "test")
        if any(size in d for d in datasets.values())
    ]
    rows = []
    for name in sorted({*datasets, *(str(source) for source in done["source"].dropna())}):
        facts = datasets.get(name, {})
        cells = [name_cell(name)]
        for size in sizes:
            value = facts.get(size)
            cells.append(Cell(str(value), float(value)) if isinstance(value, int | float) else Cell(NOTHING))
        for backbone in backbones:
            value = float(accuracy.get((name, backbone), float("nan")))
            cells.append(Cell(percent(value, 1), value))
        rows.append(cells)
    return grid(
        [
            "dataset",
            *(size.replace("_", " ") for size in sizes),
            *[f"validation accuracy, {backbone}" for backbone in backbones],
        ],
        rows,
    )


def gradient_grid(records: pd.DataFrame) -> Grid:
    """How well two halves of the same principal gradient agree, for each setting and backbone."""
    done = records[(records["stage"] == "gradient") & (records["status"] == "done")]
    done = done.assign(metric=done["metric"].fillna("gradient"))
    rows = []
    for (setting, backbone), group in done.groupby(["metric", "backbone"], sort=True):
        values = group["value"].dropna()
        if len(values):
            cells = [value_cell(float(value)) for value in (values.mean(), values.min(), values.max())]
            rows.append([name_cell(setting), name_cell(backbone), *cells, Cell(str(len(values)), len(values))])
    return grid(["setting", "backbone", "mean cosine", "lowest", "highest", "datasets"], rows)


def _blocks(report: Report, level: int) -> list[Block]:
    """Both tables; the gradients under a heading of this level."""
    datasets = dataset_grid(report.itself, dict(report.meta.get("datasets") or {}))
    gradients = gradient_grid(report.itself)
    blocks: list[Block] = []
    if datasets.rows:
        blocks += [Heading("Datasets and source models"), Table(datasets)]
    if gradients.rows:
        words = "Cosine between two halves of the same gradient: 1 is a noise-free estimate, 0 pure noise."
        blocks += [Heading("Principal gradients", level), Words(words, soft=True), Table(gradients)]
    return blocks


def _page(report: Report) -> list[Block]:
    return _blocks(report, 3)


def _markdown(report: Report) -> list[Block]:
    return _blocks(report, 2)


SECTION = Section("data", "Datasets", _page, _markdown)
