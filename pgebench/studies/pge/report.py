"""Report of the study in words and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from pgebench.analysis.ceiling import noise_ceiling
from pgebench.analysis.table import FloatArray, Table
from pgebench.studies.pge.controls import KINDS, ROWS, Controls
from pgebench.studies.pge.evaluate import STATISTIC, Variant, differences, is_for_choosing
from pgebench.studies.pge.products import DISTANCES
from pgebench.studies.pge.variants import ESTIMATES

GRADIENTS = 200
"""Gradients of a dataset in the ablation: those of the metrics ``pge`` and ``pge_official`` in the experiments."""

OFFICIAL = Variant("fresh", 1, GRADIENTS, "product")
DEFAULT = Variant("paired", 4, GRADIENTS, "unit")


@dataclass(frozen=True)
class StudyResults:
    """Everything the report shows.

    Attributes:
        judged: from ``judge``.
        agreement: agreement of halves and seconds of each estimate.
        scores: scores of each variant.
        truth: (1, sources, targets, seeds).
        table: names of sources and targets.
        controls: from ``control_distances``.
        confound: distance -> rank correlation of its scores with the norm of the source's gradient.
        draws: number of initialisations -> mean weighted tau of disjoint groups of so many.
    """

    judged: pd.DataFrame
    agreement: pd.DataFrame
    scores: Mapping[Variant, FloatArray]
    truth: FloatArray
    table: Table
    controls: Controls
    confound: Mapping[str, float]
    draws: Mapping[int, list[float]]


def chosen(judged: pd.DataFrame) -> Variant:
    """The variant of PGE with the best mean on the choosing half; ties go to fewer gradients."""
    complete = judged[(judged.distance != "") & (judged.coverage == 1)]
    best = complete.sort_values(["chosen_on", "gradients"], ascending=[False, True]).iloc[0]
    return Variant(*(best[field.name] for field in fields(Variant)))


def study_report(study: StudyResults, meta: Mapping[str, Any]) -> str:
    """The report."""
    judged, targets = study.judged, study.table.targets
    best = chosen(judged)
    others = judged[judged.distance == ""].sort_values("tau", ascending=False)
    named = (("The default", DEFAULT), ("The authors' procedure with as many gradients", OFFICIAL))
    context = {
        "meta": meta,
        "versions": ", ".join(f"{name} {version}" for name, version in sorted(meta["versions"].items())),
        "backbone": study.table.backbones[0],
        "sources": len(study.table.sources),
        "seeds": study.truth.shape[-1],
        "ceiling": f"{noise_ceiling(study.truth)[STATISTIC].repeat:.2f}",
        "choosing": [target for target in targets if is_for_choosing(target)],
        "reporting": [target for target in targets if not is_for_choosing(target)],
        "variants": int((judged.distance != "").sum()),
        "best": {
            "name": _name(best),
            "chosen_on": _value(judged, best, "chosen_on"),
            "interval": _interval(judged, best),
        },
        "named": [
            {"words": words, "name": _name(variant), "interval": _interval(judged, variant)} for words, variant in named
        ],
        "compared": _compared(study, best),
        "others": [f"{row['estimate']} {_words(row)}" for row in others.to_dict("records")],
        "convergence": _convergence(study),
        "distances": [_plain(kind) for kind in DISTANCES],
        "ablation": _ablation(study),
        "kinds": [_plain(kind) for kind in KINDS],
        "controls": _controls(study.controls),
        "draws": [(size, ", ".join(f"{value:.2f}" for value in values)) for size, values in study.draws.items()],
        "without_labels": f"{study.controls.without_labels:.2f}",
        "confound": [f"{_plain(kind)} {value:+.2f}" for kind, value in study.confound.items()],
    }
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, autoescape=False)
    return environment.get_template("report.md.j2").render(context) + "\n"


def _compared(study: StudyResults, best: Variant) -> list[dict[str, str]]:
    rivals = [OFFICIAL, Variant("logme"), Variant("static")]
    pairs = [(one, rival) for one in dict.fromkeys((best, DEFAULT)) for rival in rivals]
    pairs = [pair for pair in pairs if all(one in study.scores for one in pair)]
    table = differences(study.scores, study.truth, study.table.targets, pairs)
    return [
        {
            "first": _name(row["first"]),
            "second": _name(row["second"]),
            "difference": f"{row['difference']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})",
            "p": f"{row['p']:.2g}",
        }
        for row in table.to_dict("records")
    ]


def _convergence(study: StudyResults) -> list[list[str]]:
    rows = []
    for row in study.agreement.to_dict("records"):
        fresh = row["estimate"] == "fresh"
        if fresh or (row["estimate"] == "paired" and row["restarts"] in (1, 4, 8)):
            variants = [
                Variant(row["estimate"], row["restarts"], row["gradients"], kind)
                for kind in ("unit", "product", "unit_debiased")
            ]
            start = "fresh" if fresh else f"{int(row['restarts'])} shared"
            values = [_value(study.judged, variant, "all_targets") for variant in variants]
            rows.append([start, str(row["gradients"]), f"{row['agreement']:.2f}", *values])
    return sorted(rows, key=lambda row: (row[0], int(row[1])))


def _ablation(study: StudyResults) -> list[list[str]]:
    rows = []
    for name, settings in ESTIMATES.items():
        restarts = min(4, settings.points)
        table = study.agreement
        row = table[(table.estimate == name) & (table.restarts == restarts) & (table.gradients == GRADIENTS)].iloc[0]
        cells = [_interval(study.judged, Variant(name, restarts, GRADIENTS, kind)) for kind in DISTANCES]
        rows.append([name, f"{float(row.seconds_a_gradient) * GRADIENTS:.1f}", *cells])
    return rows


def _controls(controls: Controls) -> list[list[str]]:
    means = controls.distances.groupby("comparison")[list(KINDS)].mean()
    return [[words, *(f"{value:.2f}" for value in list(means.loc[row]))] for row, words in ROWS.items()]


def _plain(kind: str) -> str:
    return kind.replace("_", " ")


def _name(variant: Variant) -> str:
    if not variant.distance:
        return variant.estimate
    each = variant.gradients // variant.restarts
    return f"{variant.estimate} {variant.restarts} x {each}, {_plain(variant.distance)} distance"


def _row(judged: pd.DataFrame, variant: Variant) -> dict[str, Any] | None:
    keys = [field.name for field in fields(Variant)]
    found = judged[(judged[keys] == pd.Series(astuple(variant), index=keys)).all(axis=1)]
    complete = len(found) > 0 and found.iloc[0]["coverage"] == 1
    return {str(key): value for key, value in found.iloc[0].items()} if complete else None


def _value(judged: pd.DataFrame, variant: Variant, column: str) -> str:
    row = _row(judged, variant)
    return "-" if row is None else f"{row[column]:.2f}"


def _interval(judged: pd.DataFrame, variant: Variant) -> str:
    row = _row(judged, variant)
    return "-" if row is None else _words(row)


def _words(row: Mapping[Any, Any]) -> str:
    return f"{row['tau']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
