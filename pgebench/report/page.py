"""Everything that the templates show, and the rendering of both pages."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pgebench.analysis.failures import waits_for_another
from pgebench.analysis.league import PRIMARY, RESAMPLES, SHUFFLES, Analysis, TruthResult
from pgebench.report import atlas, critical, curves, grids, panels, steadiness, svg
from pgebench.report.claims import beats_chance, real_metrics
from pgebench.report.layout import cost_points
from pgebench.report.verdict import findings, question, reworded
from pgebench.report.wording import counted, duration

TEMPLATES = Path(__file__).parent / "templates"


def rich(text: str) -> Markup:
    """Plain text to HTML: escaped, then back-ticks to code.

    >>> rich("`a` < b")
    Markup('<code>a</code> &lt; b')
    """
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def table_text(text: str) -> str:
    r"""Text that does not break a Markdown table.

    >>> print(table_text("a | b"))
    a \| b
    """
    return " ".join(text.replace("|", "\\|").split())


def context_of(analysis: Analysis, records: pd.DataFrame, meta: Mapping[str, Any], files: list[str]) -> dict[str, Any]:
    """Everything that both pages show.

    Args:
        analysis: The analysis.
        records: The records it was made from.
        meta: Where they come from; anything may be missing.
        files: Names of the figures that were written.
    """
    return {
        "experiment": str(meta.get("experiment", "unnamed")),
        "tiles": _tiles(analysis),
        "truths": [_truth(analysis, result, first=i == 0) for i, result in enumerate(analysis.results)],
        "reword": lambda text: reworded(text, analysis.question),
        "table": analysis.table,
        "answers": panels.answers_grid(analysis),
        "setups": panels.setups_grid(analysis.setups),
        "gains": panels.gain_grid(analysis.gains),
        "steady": _steady(analysis),
        "atlases": [
            (name, atlas.picture(found, analysis.table.targets), found.stress)
            for name, found in atlas.atlases(analysis)
        ],
        "datasets": grids.dataset_grid(records, dict(meta.get("datasets") or {})),
        "gradients": grids.gradient_grid(records),
        "failures": grids.failure_grid(analysis),
        "failed": len(analysis.failures),
        "waiting": int(waits_for_another(analysis.failures).sum()),
        "workers": _most(records, "workers"),
        "alone": all(cost.alone for cost in analysis.metric_costs.values()),
        "resamples": RESAMPLES,
        "shuffles": SHUFFLES,
        "files": files,
        "command": str(meta.get("command", "")),
        "created": str(meta.get("created", "")),
        "seed": meta.get("seed", 0),
        "versions": _flat(meta.get("versions")),
        "machine": _flat(meta.get("machine")),
        "notes": [str(note) for note in meta.get("notes") or []],
        "config": json.dumps(meta.get("config") or {}, indent=2, sort_keys=True, default=str),
    }


def render(template: str, context: Mapping[str, Any]) -> str:
    """One of the two pages, `report.html.j2` or `report.md.j2`, from `context_of`."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=template.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(rich=rich, table_text=table_text, safe_svg=Markup)
    return environment.get_template(template).render(context)


def _steady(analysis: Analysis) -> dict[str, Any] | None:
    """The stability panel, if there were variations."""
    found = analysis.stability
    if found is None:
        return None
    metrics = analysis.results[0].metrics
    return {
        "heat": steadiness.heat(found, metrics),
        "agreement": panels.agreement_grid(found, metrics),
        "spread": panels.spread_grid(found),
        "setups": panels.setups_grid(found.setups),
    }


def _most(records: pd.DataFrame, column: str) -> int:
    """Largest value of an optional column; 0 if it is not there."""
    values = records[column].dropna() if column in records.columns else pd.Series(dtype=float)
    return int(values.max()) if len(values) else 0


def _flat(facts: object) -> list[tuple[str, str]]:
    """A mapping as rows of text."""
    return [(str(key), str(value)) for key, value in facts.items()] if isinstance(facts, Mapping) else []


def _tiles(analysis: Analysis) -> list[tuple[str, str]]:
    """Number and caption of the facts at the top."""
    table = analysis.table
    tiles = [
        (
            f"{len(table.sources)} x {len(table.targets)}".replace("x", "\N{MULTIPLICATION SIGN}"),
            reworded("sources, targets", analysis.question),
        ),
        (
            str(len(table.backbones)),
            reworded("backbone" if len(table.backbones) == 1 else "backbones", analysis.question),
        ),
    ]
    if analysis.results:
        result = analysis.results[0]
        metrics = real_metrics(result.league)
        ceiling = result.ceiling[PRIMARY].repeat
        seeds = result.truth.shape[-1]
        tiles.append((str(seeds), f"{'seed' if seeds == 1 else 'seeds'} of {result.name}"))
        tiles.append((f"{len(beats_chance(metrics))} of {len(metrics)}", "metrics beat chance"))
        tiles.append((f"{ceiling:.2f}" if math.isfinite(ceiling) else "unknown", "noise ceiling"))
    done, total = analysis.units.get("done", 0), sum(analysis.units.values())
    tiles.append((str(done), f"of {counted(total, 'unit')} done"))
    return tiles


def _truth(analysis: Analysis, result: TruthResult, *, first: bool) -> dict[str, Any]:
    """What is shown about one truth; the pictures only for the first."""
    table = analysis.table
    kinds = {
        str(metric): str(kind) for metric, kind in zip(result.league["metric"], result.league["kind"], strict=True)
    }
    scored = [metric for metric in result.metrics if np.isfinite(result.scores[metric]).any()]
    shares = result.shares.within_target
    maps = [
        (
            backbone,
            svg.truth_map(result, table, b),
            [(metric, svg.score_map(result, table, b, metric)) for metric in scored],
        )
        for b, backbone in enumerate(table.backbones)
        if np.isfinite(result.truth[b]).any()
    ]
    truth = analysis.truth_costs.get(result.name)
    return {
        "name": result.name,
        "seeds": counted(result.truth.shape[-1], "seed"),
        "question": question(analysis, result),
        "findings": findings(analysis, result),
        "league": grids.league_grid(result),
        "comparison": grids.comparison_grid(result),
        "pairs": grids.pair_grid(result),
        "backbones": grids.backbone_grid(result),
        "relatedness": grids.relatedness_grid(result),
        "cost": grids.cost_grid(analysis, result),
        "break_even": curves.break_even_grid(analysis, result),
        "curves": curves.picture(analysis, result) if first else "",
        "truth_time": duration(truth.total_s) if truth else "",
        "ceiling": grids.ceiling_grid(result),
        "seeds_needed": panels.seeds_grid(result),
        "critical": critical.picture(found) if (found := critical.diagram(result)) else "",
        "shares": [
            (css, label, shares[css])
            for css, label in (
                ("source", reworded("good source for every target", analysis.question)),
                ("interaction", "relatedness"),
                ("seeds", "seed noise"),
            )
            if math.isfinite(shares[css])
        ],
        "share_bar": svg.share_bar([(css, css, shares[css]) for css in shares if math.isfinite(shares[css])]),
        "maps": maps if first else [],
        "scatters": [(m, svg.scatter(result, table, m, kinds[m])) for m in scored] if first else [],
        "cost_picture": svg.cost_picture(cost_points(analysis, result)) if first else "",
    }
