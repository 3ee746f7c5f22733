"""Whether the grids of learning rates were wide enough: how often an edge of one was chosen, and what to do then."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from pgebench.analysis.edges import EDGE_WARNING
from pgebench.report.claims import Finding
from pgebench.report.grid import Cell, Grid, grid, name_cell
from pgebench.report.section import Block, Heading, Table, Words
from pgebench.report.wording import percent

CARE = "Handle with care: "

RUNS = {
    "checkpoint": "trainings of source models",
    "finetune": "fine-tunings",
    "linear_probe": "linear probes",
    "scratch": "trainings from scratch",
}
"""What the runs of each training are called; these have a recipe of their own name."""


def blocks(edges: pd.DataFrame) -> list[Block]:
    """For the section of the truth, on both pages alike.

    Args:
        edges: See `pgebench.analysis.edges.grid_edges`.

    Returns:
        A sentence, a warning for each kind of training that needs one, and the table; nothing without any run.
    """
    if edges.empty:
        return []
    return [
        Heading("Learning rates and their grids", 3),
        Words(_sentence(edges)),
        *[Words(text) for text in edge_warnings(edges)],
        Table(edges_grid(edges)),
    ]


def finding(edges: pd.DataFrame) -> Finding | None:
    """All warnings in one paragraph of the verdict; None where every grid was wide enough."""
    warnings = [text.removeprefix(CARE) for text in edge_warnings(edges)]
    return Finding("Learning rates at the edge of their grid", " ".join(warnings)) if warnings else None


def edge_warnings(edges: pd.DataFrame) -> list[str]:
    """One sentence for each kind of training that sits on an edge too often, with the remedy.

    Args:
        edges: See `pgebench.analysis.edges.grid_edges`.

    Returns:
        In the order of the rows; none where no more than `EDGE_WARNING` of the runs chose an edge.

    >>> columns = ["training", "runs", "rates", "smallest", "largest", "inside"]
    >>> print(edge_warnings(pd.DataFrame([("scratch", 8, 3, 0.0, 0.5, 0.5)], columns=columns))[0].rpartition(". ")[2])
    Add larger rates to `recipe.scratch.learning_rates`.
    """
    found = []
    for row in edges.to_dict("records"):
        # The share inside is one division, rounded once: a tenth of the runs on an edge is never above the bound.
        if row["inside"] < 1 - EDGE_WARNING:
            name = str(row["training"])
            found.append(
                f"{CARE}{percent(1 - row['inside'])} of {_runs(name)} chose an edge of their grid "
                f"({percent(row['smallest'])} the smallest rate, {percent(row['largest'])} the largest), so a better "
                f"rate may lie outside it. {_remedy(name, row)}"
            )
    return found


def edges_grid(edges: pd.DataFrame) -> Grid:
    """One row per kind of training; a dash where a grid has one rate and no edge."""
    rows = [
        [
            name_cell(row["training"]),
            Cell(str(row["runs"]), row["runs"]),
            Cell(str(row["rates"]), row["rates"]),
            *[Cell(percent(row[share], 1), row[share]) for share in ("smallest", "largest", "inside")],
        ]
        for row in edges.to_dict("records")
    ]
    return grid(["training", "runs", "rates in the grid", "chose the smallest", "chose the largest", "inside"], rows)


def _sentence(edges: pd.DataFrame) -> str:
    rows = edges.to_dict("records")
    shares = [f"{percent(row['inside'])} of {_runs(row['training'])}" for row in rows if not math.isnan(row["inside"])]
    single = [_runs(row["training"]) for row in rows if math.isnan(row["inside"])]
    text = f"The learning rate chosen on validation lies inside its grid in {_listed(shares)}. " if shares else ""
    return (text + (f"One rate was given, and none chosen, for {_listed(single)}." if single else "")).strip()


def _remedy(name: str, row: Mapping[Hashable, Any]) -> str:
    ends = [word for word, share in (("smaller", "smallest"), ("larger", "largest")) if row[share] > EDGE_WARNING]
    key = f"recipe.{name}.learning_rates" if name in RUNS else f"truth.{name}.recipe.learning_rates"
    alone = "A grid of two rates is nothing but edges. " if row["rates"] == 2 else ""
    return f"{alone}Add {' and '.join(ends or ['smaller', 'larger'])} rates to `{key}`."


def _runs(name: str) -> str:
    return RUNS.get(name, f"runs of `{name}`")


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
