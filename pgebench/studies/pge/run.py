"""The study from gradients to its folder of results."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pgebench.analysis.static_ranker import static_scores
from pgebench.core.errors import ConfigError
from pgebench.core.files import write_atomically
from pgebench.core.machine import machine, versions
from pgebench.core.options import typed_value
from pgebench.core.say import say
from pgebench.networks import backbones
from pgebench.pge import GradientSettings
from pgebench.run.runner import run_side_by_side
from pgebench.stages import gradient
from pgebench.store.store import Store
from pgebench.store.unit import Unit
from pgebench.studies.pge.controls import control_distances
from pgebench.studies.pge.evaluate import FIELDS, choose, halves_of, judge
from pgebench.studies.pge.figures import controls_figure, convergence_figure
from pgebench.studies.pge.gradients import Tasks, control_units, estimate_units, tasks_of
from pgebench.studies.pge.pages import write_figure
from pgebench.studies.pge.report import StudyResults, study_report
from pgebench.studies.pge.scoring import (
    Estimated,
    Load,
    agreement,
    combined,
    energy_table,
    estimated,
    norm_confound,
    scored,
    side_by_side,
    spread_over_draws,
    variants_of,
)
from pgebench.studies.pge.starts import start_units
from pgebench.studies.pge.tensor_groups import Parts, parts_of
from pgebench.studies.pge.truths import TRUTH, places_of, truths_of
from pgebench.studies.pge.variants import ESTIMATES, STARTS, Variant, needed_for

OTHERS = ("logme", "knn", "linear_probe", "leep", "nce", "source_accuracy", "same_collection")
"""Metrics of the records that the study compares with, beside the static ranker."""


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
        chosen: folders of results of studies, on whose choosing halves the variant is chosen; ``results`` is this one,
            which it is alone if none is named.
        brief: whether nothing is computed but what was chosen elsewhere and what it is named beside (the default, the
            same at many initialisations, the authors' procedure).

    Raises:
        PgebenchError: it is to be brief without a choice; the folder of truths has none for these datasets, one of
            those to choose in has no variants, or a gradient failed.
    """
    # What this very study finds counts as it is found now, not as an earlier run of it left it.
    elsewhere = [_variants(Path(folder)) for folder in chosen if brief or Path(folder) != results]
    if brief and not chosen:
        raise ConfigError("brief=true reports what was chosen elsewhere: name folders of finished studies in chosen=")
    estimates = needed_for(choose(elsewhere)[0]) if brief else ESTIMATES
    tasks = tasks_of(experiment, backbone)
    table = truths_of(truths, backbone, tasks.collections)
    choosing = halves_of(table).choosing
    drawn = {name: settings for name, settings in estimates.items() if name not in STARTS}
    shared = estimate_units(tasks, draw, drawn)
    wanted = {key: [unit] for key, unit in shared.items()}
    wanted |= start_units(tasks, choosing, draw, [name for name in estimates if name in STARTS], store.root / "starts")
    # The controls are drawn for the sources that also are targets with a near source: the class halves.
    halves = [source for source in tasks.sources if source.config["classes"] is not None]
    controls = {} if brief else control_units(tasks, halves, draw)
    units = [unit for several in wanted.values() for unit in several]
    run_side_by_side([*units, *controls.values()], store, workers, say)

    places = places_of(tasks, table)
    found = {name: _estimated(name, settings, tasks, wanted, store, choosing) for name, settings in estimates.items()}
    truth = table.truth[TRUTH]
    scores = {
        variant: scored(one_of, places, variant.kind, truth)
        for name, one in found.items()
        for variant, one_of in variants_of(name, one, estimates[name])
    }
    scores |= {Variant(metric): table.scores[metric] for metric in OTHERS if metric in table.scores}
    scores[Variant("static")] = static_scores(truth)
    names = [source.name for source in halves]
    control = None if brief else control_distances(store, shared, controls, names, tasks.collections)
    given: dict[str, object] = {"experiment": experiment, "backbone": backbone, "truths": truths, "results": results}
    given |= {"draw": draw} if draw else {}
    given |= {"chosen": chosen} if chosen else {}
    given |= {"brief": "true"} if brief else {}
    command = shlex.join(["pgebench-pge", *(f"{key}={typed_value(value)}" for key, value in given.items())])
    paired = found["paired"].products
    # The luck of the weights: of many initialisations where there are many.
    widest = found.get("wide", found["paired"])
    judged = judge(scores, truth, halves_of(table))
    best, chosen_on = choose([*elsewhere, judged] if len(elsewhere) < len(chosen) or not chosen else elsewhere)
    study = StudyResults(
        judged=judged,
        agreement=agreement(found),
        scores=scores,
        truth=truth,
        table=table,
        controls=control,
        confound=norm_confound(list(paired.values())[-1], places, truth),
        draws=spread_over_draws(widest.products[max(widest.products)], places, table, TRUTH),
        episodes=max(widest.products),
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


def _estimated(
    name: str,
    settings: GradientSettings,
    tasks: Tasks,
    wanted: Mapping[tuple[str, str, str], Sequence[Unit]],
    store: Store,
    choosing: frozenset[str],
) -> Estimated:
    units = {key[1:]: several for key, several in wanted.items() if key[0] == name}

    def loading(places: Sequence[int]) -> Load:
        chosen = [[*units.values()][place] for place in places]
        return lambda after: [
            side_by_side([gradient.from_tensors(store.load(unit)).after(after) for unit in several])
            for several in chosen
        ]

    records = [store.record(unit) for several in units.values() for unit in several]
    count = settings.points * settings.episodes * len(units) / len(records)
    whole = [record["cpu_s"] / count for record in records if "resumed_after" not in record["detail"]]
    seconds = float(np.mean(whole)) if whole else float("nan")
    parts = _parts(tasks, settings.parameters)
    # Sources stand before targets.
    known = range(len(tasks.sources))
    if name not in STARTS:
        return estimated(loading(range(len(units))), known, settings, parts, seconds)
    groups = []
    for half in (True, False):
        members = [place for place, (_, one) in enumerate(units) if (tasks.collections[one] in choosing) == half]
        sources = [number for number, place in enumerate(members) if place in known]
        groups.append((estimated(loading(members), sources, settings, parts, seconds), members))
    return combined(groups, len(units))


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
        write_figure(results, name, figure)
    write_atomically(results / "meta.json", json.dumps(meta, indent=1, sort_keys=True).encode())
    write_atomically(results / "report.md", study_report(study, meta).encode())
