"""Report of the study in words and tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pgebench.analysis.ceiling import noise_ceiling
from pgebench.analysis.table import FloatArray, Table
from pgebench.studies.pge import tables
from pgebench.studies.pge.controls import KINDS, Controls
from pgebench.studies.pge.evaluate import STATISTIC, agreement_of_halves, differences, halves_of
from pgebench.studies.pge.pages import rendered
from pgebench.studies.pge.variants import DEFAULT, GRADIENTS, MANY, MOST, OFFICIAL, Variant


@dataclass(frozen=True)
class StudyResults:
    """Everything the report shows.

    Attributes:
        judged: from ``judge``.
        agreement: agreement of halves and seconds of each estimate.
        scores: scores of each variant.
        truth: (1, sources, targets, seeds).
        table: names and collections of sources and targets.
        controls: from ``control_distances``; None for a brief study, which has no curves either.
        confound: kind -> rank correlation of its scores with the norm of the source's gradient.
        draws: number of initialisations -> mean weighted tau of disjoint groups of so many.
        episodes: gradients at each of these.
        energy: share of each tensor, see ``energy_table``.
        best: the variant that was chosen.
        chosen_on: its mean weighted tau where it was chosen.
        elsewhere: folders of the studies on which it was chosen; empty for this one.
        draw: number of the draw of weights and episodes.
    """

    judged: pd.DataFrame
    agreement: pd.DataFrame
    scores: Mapping[Variant, FloatArray]
    truth: FloatArray
    table: Table
    controls: Controls | None
    confound: Mapping[str, float]
    draws: Mapping[int, list[float]]
    episodes: int
    energy: pd.DataFrame
    best: Variant
    chosen_on: float
    elsewhere: tuple[str, ...]
    draw: int


def study_report(study: StudyResults, meta: Mapping[str, Any]) -> str:
    """The report."""
    judged, halves = study.judged, halves_of(study.table)
    best = study.best
    others = judged[judged.kind == ""].sort_values("tau", ascending=False)
    named = (
        ("The default", DEFAULT),
        ("The same at many initialisations of few gradients", MANY),
        ("The authors' procedure with as many gradients as the default", OFFICIAL),
    )
    shown = [best, DEFAULT, MANY, OFFICIAL, *(Variant(str(name)) for name in others.estimate)]
    kept = {*halves.sources, *halves.targets} - halves.choosing
    whole, agreeing = agreement_of_halves(judged)
    context = {
        "elsewhere": study.elsewhere,
        "draw": study.draw,
        "backbone": study.table.backbones[0],
        "sources": len(study.table.sources),
        "targets": len(study.table.targets),
        "seeds": study.truth.shape[-1],
        "ceiling": f"{noise_ceiling(study.truth)[STATISTIC].repeat:.2f}",
        "choosing": sorted(halves.choosing),
        "reporting": sorted(kept),
        "counts": [
            (len(halves.members(halves.sources, half)), len(halves.members(halves.targets, half)))
            for half in (True, False)
        ],
        "variants": int((judged.kind != "").sum()),
        "best": {
            "name": tables.name_of(best),
            "chosen_on": f"{study.chosen_on:.2f}",
            "interval": tables.interval(judged, best),
        },
        "choice": (whole, f"{agreeing:+.2f}" if math.isfinite(agreeing) else tables.NOTHING),
        "named": [
            {"words": words, "name": tables.name_of(variant), "interval": tables.interval(judged, variant)}
            for words, variant in named
        ],
        "compared": _compared(study, best),
        "others": [f"{row['estimate']} {tables.with_interval(row)}" for row in others.to_dict("records")],
        "near_and_far": tables.near_and_far(judged, list(dict.fromkeys(shown))),
        "convergence": tables.convergence(judged, study.agreement),
        "gradients": GRADIENTS,
        "ablation_kinds": [tables.plain(kind) for kind in tables.ABLATION_KINDS],
        "ablation": tables.ablation(judged, study.agreement),
        "part_kinds": [tables.plain(kind) for kind in tables.PART_KINDS],
        "parts": tables.parts(judged),
        "energies": tables.energies(study.energy),
        "kinds": [tables.plain(kind) for kind in KINDS],
        "controls": tables.controls(study.controls) if study.controls else [],
        "draws": tables.groups(study.draws),
        "each": study.episodes,
        "wide": tables.wide(judged),
        "most": MOST,
        "without_labels": f"{study.controls.without_labels:.2f}" if study.controls else tables.NOTHING,
        "confound": [f"{tables.plain(kind)} {value:+.2f}" for kind, value in study.confound.items()],
    }
    return rendered("report.md.j2", meta, context)


def _compared(study: StudyResults, best: Variant) -> list[dict[str, str]]:
    rivals = [OFFICIAL, Variant("logme"), Variant("static")]
    pairs = [(one, rival) for one in dict.fromkeys((best, DEFAULT, MANY)) for rival in rivals if one != rival]
    pairs = [pair for pair in pairs if all(one in study.scores for one in pair)]
    table = differences(study.scores, study.truth, halves_of(study.table), pairs)
    return [
        {
            "first": tables.name_of(row["first"]),
            "second": tables.name_of(row["second"]),
            "difference": f"{row['difference']:+.2f}{_span(row)}",
            "p": f"{row['p']:.2g}" if math.isfinite(row["p"]) else tables.NOTHING,
        }
        for row in table.to_dict("records")
    ]


def _span(row: Mapping[Any, Any]) -> str:
    """The interval of a difference; nothing where too few collections could be drawn."""
    return f" ({row['low']:+.2f} to {row['high']:+.2f})" if math.isfinite(row["low"]) else ""
