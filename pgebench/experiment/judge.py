"""`judge`: a function of yours as a metric in the league of a finished study, in three lines and without training."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from omegaconf import OmegaConf

from pgebench.analysis import Analysis
from pgebench.box.file import open_box
from pgebench.config import MetricConfig
from pgebench.core.errors import ConfigError, PgebenchError
from pgebench.core.instantiate import function as imported
from pgebench.core.records import DONE
from pgebench.experiment.on_box import meta_with, on_box
from pgebench.plan.composing import composed, sweep_of
from pgebench.plan.sweep import plain
from pgebench.report.build import analysed
from pgebench.stages.kinds_of_evidence import KINDS
from pgebench.stages.score import asks_for


def judge(function: Callable[..., float], *, box: str = "embedded", name: str | None = None) -> Analysis:
    """A metric of yours in the league of a finished study: scored on its evidence, judged against its truth.

    The names of the function's parameters say what it looks at, as in a config: ``features``, ``labels``,
    ``source_probabilities``, ``source_gradient`` and the others of ``pgebench.stages.kinds_of_evidence``. Principal
    gradients are those of `pge`.

    Args:
        function: Gives a finite number, higher for more transferable; defined at the top of a module or a notebook.
            ``functools.partial`` fixes parameters.
        box: ``embedded``, which is in the package, or the results folder of a study with a box.
        name: Of the metric in the league; that of the function if it is not given.

    Returns:
        The analysis, as from ``pgebench.analyse``: ``summary`` is the league, with the study's metrics beside yours.

    Raises:
        ConfigError: The function asks for what is no evidence or not in the box, or cannot be imported by its name; or
            there is no such box.
        PgebenchError: The function failed on some pair; the message is the function's own.
    """
    opened = open_box(box)
    called, settings = _parts(function)
    name = name or called.__name__
    config = _metric(opened.experiment, name, called, settings)
    cells = sweep_of(opened.experiment, "metric=[]").cells
    judged = on_box(opened, [replace(cell, settings={**cell.settings, "metric": {name: config}}) for cell in cells])
    scores = judged.table[judged.table.metric == name]
    if scores.empty:
        raise ConfigError("; ".join(judged.notes))
    failed = scores[(scores.status != DONE) & (scores.stage == "score")]
    if not failed.empty:
        first = failed.iloc[0]
        raise PgebenchError(
            f"{name} failed on {len(failed)} of {len(scores)} pairs; {first.source} -> {first.target}: {first.error}"
        )
    return analysed(judged.table, meta_with(opened, {name: config}, judged))


def _parts(function: Callable[..., float]) -> tuple[Callable[..., float], dict[str, Any]]:
    """A function, and the arguments that ``functools.partial`` fixes."""
    if isinstance(function, functools.partial):
        if function.args:
            raise ConfigError("judge: fix arguments by their names: functools.partial(f, power=2)")
        inner, fixed = _parts(function.func)
        return inner, {**fixed, **function.keywords}
    return function, {}


def _metric(experiment: str, name: str, called: Callable[..., float], fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of ``MetricConfig`` for a function."""
    target = f"{getattr(called, '__module__', '?')}.{getattr(called, '__qualname__', '?')}"
    try:
        found = imported({"_target_": target})[0]
    except ConfigError:
        found = None
    if found is not called:
        raise ConfigError(
            f"judge: {target} cannot be imported by its name; define it at the top of a module or notebook "
            "(no lambda, no inner function), and fix parameters with functools.partial"
        )
    gradient = composed([f"experiment={experiment}", "metric=[pge]"]).metric.pge.gradient
    asked = asks_for(name, {"_target_": target, **fixed})
    config: dict[str, Any] = OmegaConf.to_container(OmegaConf.structured(MetricConfig))  # type: ignore[assignment]
    needs_gradients = any(KINDS[key].origin == "gradients" for key in asked)
    return {
        **config,
        "function": {"_target_": target, **fixed},
        "gradient": plain(gradient) if needs_gradients else None,
    }
