"""The study from gradients to its folder of results."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pgebench.analysis.build_table import build_table
from pgebench.analysis.quality import ranking_quality
from pgebench.analysis.static_ranker import static_scores
from pgebench.analysis.table import FloatArray, Table
from pgebench.core.errors import ConfigError
from pgebench.core.figures import png, svg
from pgebench.core.files import write_atomically
from pgebench.core.machine import machine, versions
from pgebench.core.options import typed_value
from pgebench.run.runner import run_side_by_side
from pgebench.stages import gradient
from pgebench.store.store import Store
from pgebench.store.unit import Unit
from pgebench.studies.pge.controls import DEFAULT_EPISODES, control_distances
from pgebench.studies.pge.evaluate import STATISTIC, Variant, judge
from pgebench.studies.pge.figures import controls_figure, convergence_figure
from pgebench.studies.pge.gradients import Tasks, control_units, estimate_units, tasks_of
from pgebench.studies.pge.products import DISTANCES, Products, products, score_arrays
from pgebench.studies.pge.report import StudyResults, study_report
from pgebench.studies.pge.variants import ESTIMATES

OTHERS = ("logme", "knn", "linear_probe", "leep", "nce", "source_accuracy")
"""Metrics of the records that the study compares with, beside the static ranker."""

TRUTH = "finetune"


@dataclass(frozen=True)
class Estimated:
    """What became of one estimate.

    Attributes:
        products: gradients per restart -> inner products of all datasets' gradients.
        seconds: CPU seconds of one gradient, averaged over datasets.
    """

    products: Mapping[int, Products]
    seconds: float


def study_pge(experiment: str, backbone: str, truths: Path, results: Path, store: Store, workers: int) -> Path:
    """Compute what is missing, evaluate, and write ``results``; returns the path of its ``report.md``.

    Args:
        experiment: name in ``conf/experiment`` whose datasets are used.
        backbone: name in ``conf/backbone``.
        truths: results folder of that experiment, for its fine-tuning accuracies.
        results: folder to write.
        store: where gradients are kept.
        workers: processes.

    Raises:
        PgebenchError: the folder of truths has none for these datasets, or a gradient failed.
    """
    tasks = tasks_of(experiment, backbone)
    table = _truths(truths, backbone)
    wanted = estimate_units(tasks)
    # The controls are drawn for the sources that also are targets with a near source: the class halves.
    halves = [source for source in tasks.sources if source.config["classes"] is not None]
    controls = control_units(tasks, halves)
    units = [*wanted.values(), *controls.values()]
    run_side_by_side(units, store, workers)

    places = _places(tasks, table)
    estimated = {name: _estimated(name, wanted, store) for name in ESTIMATES}
    scores = _scores(estimated, places, table)
    truth = table.truth[TRUTH]
    judged = judge(scores, truth, table.targets)
    agreement = _agreement(estimated)
    control = control_distances(store, wanted, controls, [source.name for source in halves])
    given = {"experiment": experiment, "backbone": backbone, "truths": truths, "results": results}
    command = shlex.join(["pgebench-pge", *(f"{key}={typed_value(value)}" for key, value in given.items())])
    confound = norm_confound(estimated, places, table)
    draws = spread_over_draws(estimated["paired"].products[DEFAULT_EPISODES], places, table)
    study = StudyResults(judged, agreement, scores, truth, table, control, confound, draws)
    _write(results, study, command)
    return results / "report.md"


def norm_confound(
    estimated: Mapping[str, Estimated], places: tuple[dict[str, int], dict[str, int]], table: Table
) -> dict[str, float]:
    """Spearman correlation of each distance's scores with the norms of the sources' gradients, mean over targets."""
    found = list(estimated["paired"].products.values())[-1]
    sources, targets = places
    norms = found.norms()[list(sources.values())]
    result = {}
    for kind in DISTANCES:
        scores = _masked(score_arrays(found, sources, targets, kind), table)[0]
        ranks = [
            pd.Series(scores[:, t]).corr(pd.Series(norms).where(np.isfinite(scores[:, t])), method="spearman")
            for t in range(scores.shape[1])
        ]
        result[kind] = float(np.nanmean(ranks))
    return result


def spread_over_draws(
    found: Products, places: tuple[dict[str, int], dict[str, int]], table: Table
) -> dict[int, list[float]]:
    """Mean weighted tau over all targets of estimates with disjoint initialisations, unit distance.

    Returns:
        Number of initialisations -> the value of each group of so many.
    """
    restarts = len(found.values)
    result: dict[int, list[float]] = {}
    for size in (1, 2, 4):
        groups = [Products(found.values[first : first + size]) for first in range(0, restarts - size + 1, size)]
        scores = [_masked(score_arrays(group, *places, "unit"), table) for group in groups]
        result[size] = [ranking_quality(score, table.truth[TRUTH]).mean(STATISTIC) for score in scores]
    return result


def _truths(folder: Path, backbone: str) -> Table:
    path = folder / "records.parquet"
    if not path.is_file():
        raise ConfigError(f"truths={folder}: there is no records.parquet; name the results folder of a finished run")
    with path.open("rb") as file:  # pyarrow itself opens no path that is not UTF-8
        table = build_table(pd.read_parquet(file))
    if backbone not in table.backbones or TRUTH not in table.truth:
        raise ConfigError(f"truths={folder}: no {TRUTH} accuracies of backbone={backbone}")
    return table.only_backbone(backbone)


def _places(tasks: Tasks, table: Table) -> tuple[dict[str, int], dict[str, int]]:
    """Where each source's and each target's gradient stands in the products, in the order of the table's axes."""
    order = [*(("source", source.name) for source in tasks.sources), *(("target", one.name) for one in tasks.targets)]
    place = {key: number for number, key in enumerate(order)}
    missing = sorted({name for role, name in place} - {*table.sources, *table.targets})
    if missing:
        raise ConfigError(f"truths: nothing is known about {', '.join(missing)}; name the results of this experiment")
    return {name: place["source", name] for name in table.sources}, {
        name: place["target", name] for name in table.targets
    }


def _estimated(name: str, wanted: Mapping[tuple[str, str, str], Unit], store: Store) -> Estimated:
    units = [unit for (estimate, _, _), unit in wanted.items() if estimate == name]
    gradients = [gradient.from_tensors(store.load(unit)) for unit in units]
    settings = ESTIMATES[name]
    found = {
        episodes or settings.episodes: products([one.after(episodes).halves for one in gradients], gradients[0].sizes)
        for episodes in (*settings.snapshots, None)
    }
    records = [store.record(unit) for unit in units]
    count = settings.points * settings.episodes
    whole = [record["cpu_s"] / count for record in records if "resumed_after" not in record["detail"]]
    return Estimated(found, float(np.mean(whole)) if whole else float("nan"))


def _scores(
    estimated: Mapping[str, Estimated], places: tuple[dict[str, int], dict[str, int]], table: Table
) -> dict[Variant, FloatArray]:
    scores: dict[Variant, FloatArray] = {}
    for name, one in estimated.items():
        for episodes, found in one.products.items():
            for restarts in (1, 2, 4, 8):
                if restarts <= len(found.values):
                    for kind in DISTANCES:
                        variant = Variant(name, restarts, restarts * episodes, kind)
                        scores[variant] = _masked(score_arrays(found.first(restarts), *places, kind), table)
    for metric in OTHERS:
        if metric in table.scores:
            scores[Variant(metric)] = table.scores[metric]
    scores[Variant("static")] = static_scores(table.truth[TRUTH])
    return scores


def _masked(scores: FloatArray, table: Table) -> FloatArray:
    """Scores where the truth was measured: a dataset is not its own source."""
    measured = np.isfinite(table.truth[TRUTH]).any(axis=-1)
    return np.where(measured, scores, np.nan)


def _agreement(estimated: Mapping[str, Estimated]) -> pd.DataFrame:
    """Mean agreement of halves and CPU seconds, a row per estimate, number of restarts and of gradients."""
    rows = [
        (name, restarts, restarts * episodes, float(found.first(restarts).agreement().mean()), one.seconds)
        for name, one in estimated.items()
        for episodes, found in one.products.items()
        for restarts in (1, 2, 4, 8)
        if restarts <= len(found.values)
    ]
    return pd.DataFrame(rows, columns=["estimate", "restarts", "gradients", "agreement", "seconds_a_gradient"])


def _write(results: Path, study: StudyResults, command: str) -> None:
    meta = {"command": command, "versions": versions(), "machine": machine("cpu")}
    table = study.judged.merge(study.agreement, on=["estimate", "restarts", "gradients"], how="left")
    write_atomically(results / "variants.csv", table.to_csv(index=False, float_format="%.4g").encode())
    write_atomically(
        results / "controls.csv", study.controls.distances.to_csv(index=False, float_format="%.4g").encode()
    )
    for name, figure in (
        ("convergence", convergence_figure(study.judged, study.agreement)),
        ("controls", controls_figure(study.controls)),
    ):
        write_atomically(results / f"{name}.png", png(figure))
        write_atomically(results / f"{name}.svg", svg(figure))
    write_atomically(results / "meta.json", json.dumps(meta, indent=1, sort_keys=True).encode())
    write_atomically(results / "report.md", study_report(study, meta).encode())
