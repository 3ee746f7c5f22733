"""The study from gradients to its folder of results."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from pgebench.analysis.build_table import build_table
from pgebench.analysis.static_ranker import static_scores
from pgebench.analysis.table import Table
from pgebench.core.errors import ConfigError
from pgebench.core.figures import png, svg
from pgebench.core.files import write_atomically
from pgebench.core.machine import machine, versions
from pgebench.core.options import typed_value
from pgebench.networks import backbones
from pgebench.pge import GradientSettings
from pgebench.run.runner import run_side_by_side
from pgebench.stages import gradient
from pgebench.store.store import Store
from pgebench.store.unit import Unit
from pgebench.studies.pge.controls import DEFAULT_EPISODES, control_distances
from pgebench.studies.pge.evaluate import FIELDS, choose, halves_of, judge
from pgebench.studies.pge.figures import controls_figure, convergence_figure
from pgebench.studies.pge.gradients import Tasks, control_units, estimate_units, tasks_of
from pgebench.studies.pge.report import StudyResults, study_report
from pgebench.studies.pge.scoring import (
    Estimated,
    agreement,
    energy_table,
    estimated,
    norm_confound,
    scored,
    spread_over_draws,
    variants_of,
)
from pgebench.studies.pge.tensor_groups import Parts, parts_of
from pgebench.studies.pge.variants import ESTIMATES, Variant, needed_for

OTHERS = ("logme", "knn", "linear_probe", "leep", "nce", "source_accuracy", "same_collection")
"""Metrics of the records that the study compares with, beside the static ranker."""

TRUTH = "finetune"


def study_pge(
    experiment: str,
    backbone: str,
    truths: Path,
    results: Path,
    store: Store,
    workers: int,
    draw: int = 0,
    chosen: tuple[str, ...] = (),
    brief: bool = False,
) -> Path:
    """Compute what is missing, evaluate, and write ``results``; returns the path of its ``report.md``.

    Args:
        experiment: name in ``conf/experiment`` whose datasets are used.
        backbone: name in ``conf/backbone``.
        truths: results folder of that experiment, for its fine-tuning accuracies.
        results: folder to write.
        store: where gradients are kept.
        workers: processes.
        draw: of weights and episodes; that of another study is independent.
        chosen: folders of results of other studies, on whose choosing halves the variant is chosen; empty for this one.
        brief: whether nothing is computed but what was chosen elsewhere, the default and the authors' procedure.

    Raises:
        PgebenchError: it is to be brief without a choice; the folder of truths has none for these datasets, one of
            those to choose in has no variants, or a gradient failed.
    """
    elsewhere = [_variants(Path(folder)) for folder in chosen]
    if brief and not chosen:
        raise ConfigError("brief=true reports what was chosen elsewhere: name folders of finished studies in chosen=")
    estimates = needed_for(choose(elsewhere)[0]) if brief else ESTIMATES
    tasks = tasks_of(experiment, backbone)
    table = _truths(truths, backbone, tasks.collections)
    wanted = estimate_units(tasks, draw, estimates)
    # The controls are drawn for the sources that also are targets with a near source: the class halves.
    halves = [source for source in tasks.sources if source.config["classes"] is not None]
    controls = {} if brief else control_units(tasks, halves, draw)
    run_side_by_side([*wanted.values(), *controls.values()], store, workers)

    places = _places(tasks, table)
    found = {name: _estimated(name, settings, tasks, wanted, store) for name, settings in estimates.items()}
    truth = table.truth[TRUTH]
    scores = {
        variant: scored(one_of, places, variant.kind, truth)
        for name, one in found.items()
        for variant, one_of in variants_of(name, one, estimates[name])
    }
    scores |= {Variant(metric): table.scores[metric] for metric in OTHERS if metric in table.scores}
    scores[Variant("static")] = static_scores(truth)
    names = [source.name for source in halves]
    control = None if brief else control_distances(store, wanted, controls, names, tasks.collections)
    given: dict[str, object] = {"experiment": experiment, "backbone": backbone, "truths": truths, "results": results}
    given |= {"draw": draw} if draw else {}
    given |= {"chosen": chosen} if chosen else {}
    given |= {"brief": "true"} if brief else {}
    command = shlex.join(["pgebench-pge", *(f"{key}={typed_value(value)}" for key, value in given.items())])
    paired = found["paired"].products
    judged = judge(scores, truth, halves_of(table))
    best, chosen_on = choose(elsewhere or [judged])
    study = StudyResults(
        judged=judged,
        agreement=agreement(found),
        scores=scores,
        truth=truth,
        table=table,
        controls=control,
        confound=norm_confound(list(paired.values())[-1], places, truth),
        draws=spread_over_draws(paired[DEFAULT_EPISODES], places, table, TRUTH),
        energy=energy_table(found),
        best=best,
        chosen_on=chosen_on,
        elsewhere=chosen,
        draw=draw,
    )
    _write(results, study, command)
    return results / "report.md"


def _variants(folder: Path) -> pd.DataFrame:
    path = folder / "variants.csv"
    if not path.is_file():
        raise ConfigError(f"chosen={folder}: there is no variants.csv; name the results folder of a finished study")
    table = pd.read_csv(path, keep_default_na=False, na_values={"chosen_on": [""]})
    if lacking := sorted({*FIELDS, "chosen_on", "coverage"} - {*table}):
        raise ConfigError(f"chosen={folder}: variants.csv lacks {', '.join(lacking)}; run this study again")
    return table


def _truths(folder: Path, backbone: str, collections: Mapping[str, str] = MappingProxyType({})) -> Table:
    path = folder / "records.parquet"
    if not path.is_file():
        raise ConfigError(f"truths={folder}: there is no records.parquet; name the results folder of a finished run")
    with path.open("rb") as file:  # pyarrow itself opens no path that is not UTF-8
        table = build_table(pd.read_parquet(file), collections=collections)
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


def _estimated(
    name: str,
    settings: GradientSettings,
    tasks: Tasks,
    wanted: Mapping[tuple[str, str, str], Unit],
    store: Store,
) -> Estimated:
    units = [unit for (estimate, _, _), unit in wanted.items() if estimate == name]
    gradients = [gradient.from_tensors(store.load(unit)) for unit in units]
    records = [store.record(unit) for unit in units]
    count = settings.points * settings.episodes
    whole = [record["cpu_s"] / count for record in records if "resumed_after" not in record["detail"]]
    seconds = float(np.mean(whole)) if whole else float("nan")
    # Sources stand before targets.
    return estimated(gradients, range(len(tasks.sources)), settings, _parts(tasks, settings.parameters), seconds)


def _parts(tasks: Tasks, pattern: str) -> Parts:
    params = backbones.untrained(backbones.backbone_params(tasks.backbone.config))
    return parts_of(backbones.create(params, 0, seed=0), pattern)


def _write(results: Path, study: StudyResults, command: str) -> None:
    meta = {"command": command, "versions": versions(), "machine": machine("cpu")}
    tables = {
        "variants": study.judged.merge(study.agreement, on=["estimate", "restarts", "gradients"], how="left"),
        "energy": study.energy,
    }
    figures = {}
    if study.controls is not None:
        tables["controls"] = study.controls.distances
        figures["controls"] = controls_figure(study.controls)
        figures["convergence"] = convergence_figure(study.judged, study.agreement)
    for name, table in tables.items():
        write_atomically(results / f"{name}.csv", table.to_csv(index=False, float_format="%.4g").encode())
    for name, figure in figures.items():
        write_atomically(results / f"{name}.png", png(figure))
        write_atomically(results / f"{name}.svg", svg(figure))
    write_atomically(results / "meta.json", json.dumps(meta, indent=1, sort_keys=True).encode())
    write_atomically(results / "report.md", study_report(study, meta).encode())
