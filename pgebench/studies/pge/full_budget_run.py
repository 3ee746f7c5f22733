"""A draw of the authors' procedure from its gradients to the page of all draws so far."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pgebench.analysis.table import Table
from pgebench.core.files import write_atomically
from pgebench.core.machine import machine, versions
from pgebench.core.options import typed_value
from pgebench.core.say import say
from pgebench.run.runner import run_side_by_side
from pgebench.stages import gradient
from pgebench.store.store import Store
from pgebench.studies.pge.draw_file import BUCKETS, DrawnGradients, drawn, read_draws, write_draw
from pgebench.studies.pge.figures import full_budget_figure
from pgebench.studies.pge.full_budget import DRAWS, draw_units
from pgebench.studies.pge.full_budget_curve import FITTED_AT, KINDS, beside, curve, noise_to_signal, points_of
from pgebench.studies.pge.gradients import tasks_of
from pgebench.studies.pge.pages import rendered, write_figure
from pgebench.studies.pge.truths import cut_to, places_of, truths_of

RIVALS = ("pge", "pge_official", "logme", "leep", "nce", "linear_probe", "same_collection")
"""Metrics of the run beside the curve; the static ranker is added."""


def compute_draw(draw: int, about: Mapping[str, str], truths: Path, results: Path, store: Store, workers: int) -> Path:
    """Compute what is missing of a draw, keep it, and write the page of all draws in ``results``; returns its path.

    A draw whose file is there is not computed again, whatever the store holds.

    Args:
        draw: Number, from 0.
        about: ``experiment``, ``backbone`` and ``targets``.
        truths: Results folder of that experiment.
        results: Folder of the draws' files and of the page.
        store: Where gradients are kept.
        workers: Processes.

    Raises:
        PgebenchError: The files there are of something else, the folder of truths has none for these datasets, or a
            gradient failed.
    """
    tasks = tasks_of(about["experiment"], about["backbone"])
    table = cut_to(tasks, truths_of(truths, about["backbone"], tasks.collections))
    places = places_of(tasks, table)
    units = draw_units(tasks, DRAWS[draw], about["targets"])
    if draw not in [one.draw for one in read_draws(results, about, tuple(units))]:
        run_side_by_side(units.values(), store, workers, say)
        found = {name: gradient.from_tensors(store.load(unit)) for name, unit in units.items()}
        write_draw(results, drawn(about, draw, found, DRAWS[draw].gradients))
    draws = read_draws(results, about, tuple(units))
    points = points_of(draws)
    given = {"draw": draw, **about, "truths": truths, "results": results}
    command = [f"{key}={typed_value(value)}" for key, value in given.items()]
    meta = {
        "command": shlex.join(["python", "-m", "pgebench.studies.pge", *command]),
        "versions": versions(),
        "machine": machine("cpu"),
    }
    return _write(
        results, curve(points, places, table), beside(table, RIVALS), noise_to_signal(points), draws, table, meta
    )


def _write(
    results: Path,
    found: pd.DataFrame,
    others: pd.DataFrame,
    ratio: float,
    draws: Sequence[DrawnGradients],
    table: Table,
    meta: Mapping[str, Any],
) -> Path:
    figure = full_budget_figure(found, others, KINDS)
    write_atomically(results / "curve.csv", found.to_csv(index=False, float_format="%.4g").encode())
    write_figure(results, "curve", figure)
    write_atomically(results / "meta.json", json.dumps(meta, indent=1, sort_keys=True).encode())
    context = {
        "about": draws[0].about,
        "draws": [one.draw for one in draws],
        "reached": sum(one.gradients for one in draws),
        "all": sum(one.gradients for one in DRAWS),
        "sources": len(table.sources),
        "targets": len(table.targets),
        "collections": len({table.collection(name) for name in table.targets}),
        "ratio": f"{ratio:.0f}",
        "fitted_at": FITTED_AT,
        "buckets": BUCKETS,
        "rows": [_line(row) for row in found.to_dict("records")],
        "others": [
            [str(row["metric"]), _interval(row, "tau"), f"{row['tau_far']:.2f}"] for row in others.to_dict("records")
        ],
    }
    page = results / "report.md"
    write_atomically(page, rendered("full_budget.md.j2", meta, context).encode())
    return page


def _line(row: Mapping[Any, Any]) -> list[str]:
    agreement = f"{row['agreement']:.2f} ({row['agreement_low']:.2f} to {row['agreement_high']:.2f})"
    far = [f"{row[f'{kind}_far']:.2f}" for kind in KINDS]
    tau = [_interval(row, kind) for kind in KINDS]
    return [f"{row['gradients']:,}", row["draws"], agreement, f"{row['foretold']:.2f}", tau[0], far[0], tau[1], far[1]]


def _interval(row: Mapping[Any, Any], name: str) -> str:
    return f"{row[name]:.2f} ({row[f'{name}_low']:.2f} to {row[f'{name}_high']:.2f})"
