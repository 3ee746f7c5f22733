"""`score`: one metric, on arrays or on a pretrained backbone and a folder of images."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch

from baselines.kernels.checks import Array
from pgebench.core.conf import names_in
from pgebench.core.errors import ConfigError, NonFinite, PgebenchError
from pgebench.core.instantiate import function
from pgebench.core.machine import available_cores
from pgebench.core.records import DONE
from pgebench.core.say import heard_by
from pgebench.core.suggest import suggest
from pgebench.core.text import one_line
from pgebench.plan.cell import Cell
from pgebench.plan.composing import composed
from pgebench.plan.sweep import plain
from pgebench.plan.unavailable import not_installed
from pgebench.plan.units import in_order, plan, void_metrics
from pgebench.ranking.candidates import of_backbones
from pgebench.ranking.reliability import RUNS
from pgebench.run.device import device_of
from pgebench.run.runner import run_units
from pgebench.stages.kinds_of_evidence import KINDS
from pgebench.stages.score import asks_for
from pgebench.store.format import open_store
from pgebench.store.store import Store

if TYPE_CHECKING:
    from pgebench.pge import PrincipalGradient

AT_HAND = (
    *("features", "labels", "random_features", "source_weights", "parameters", "flops", "feature_width"),
    *("triplet_gradient_norms", "target_classes", "target_collection", "seed"),
)
"""Evidence that every pretrained backbone and folder give."""


def score(
    metric: str,
    *,
    features: Array | None = None,
    labels: Array | None = None,
    source_probabilities: Array | None = None,
    source_labels: Array | None = None,
    random_features: Array | None = None,
    source_features: Array | None = None,
    source_targets: Array | None = None,
    source_gradient: PrincipalGradient | None = None,
    target_gradient: PrincipalGradient | None = None,
    source_information: Array | None = None,
    target_information: Array | None = None,
    triplet_gradient_norms: Array | None = None,
    source_weights: Sequence[Array] | None = None,
    source_accuracy: float | None = None,
    source_size: int | None = None,
    source_classes: int | None = None,
    target_classes: int | None = None,
    source_collection: str | None = None,
    target_collection: str | None = None,
    parameters: int | None = None,
    flops: float | None = None,
    feature_width: int | None = None,
    seed: int = 0,
    backbone: str | Path | None = None,
    folder: str | Path | None = None,
    store: str | Path | None = None,
) -> float:
    """The score of one metric; higher is more transferable.

    Either give the evidence that the metric looks at (what it does not look at is ignored, so that one call serves
    several metrics), or ``backbone`` and ``folder``: then the pretrained backbone looks at the folder's training
    images, by the same code and with the same preprocessing as in ``pgebench-rank``.

    Args:
        metric: Name in ``conf/metric``.
        features: (n, d), penultimate features of the target's images.
        labels: Integers (n,), the target's classes.
        source_probabilities: (n, Cs), what the source's classifier says of the target's images.
        source_labels: Integers (n,), its most likely classes.
        random_features: (n, k), features of the target's images under the network before training.
        source_features: (m, d), features of the source's images.
        source_targets: Integers (m,), the source's classes.
        source_gradient: From ``pgebench.pge.principal_gradient``.
        target_gradient: From ``pgebench.pge.principal_gradient``, at the same initialisations.
        source_information: (f,), Fisher information of the network's filters on the source.
        target_information: (f,), the same on the target.
        triplet_gradient_norms: (b, 2), of the weights of the network's first two layers, in each batch.
        source_weights: The weights of the source's network, an array per layer.
        source_accuracy: Of the source's network on its own task.
        source_size: Training images of the source.
        source_classes: Classes of the source.
        target_classes: Classes of the target.
        source_collection: Name of the data that the source is a view of.
        target_collection: The same of the target.
        parameters: Of the network.
        flops: Floating-point operations of the network for one image.
        feature_width: Features of the network.
        seed: Of what the metric draws, where evidence is given.
        backbone: Name in ``conf/backbone`` or a YAML file, with pretrained weights.
        folder: One folder of images per class, or name of an embedded dataset.
        store: Folder where decoded images and features are kept for other metrics; None for a temporary one.

    Returns:
        A finite number.

    Raises:
        ConfigError: No such metric or backbone, or evidence that the metric needs is missing; the message names it.
        DataError: The folder cannot be used.
        NonFinite: The metric gave NaN or infinity.
        PgebenchError: The backbone or the metric failed on these images.

    >>> import numpy as np
    >>> score("nce", source_labels=np.array([0, 0, 1, 1]), labels=np.array([1, 1, 0, 0]))
    0.0
    >>> score("nce", labels=np.array([1, 1, 0, 0]))
    Traceback (most recent call last):
    ...
    pgebench.core.errors.ConfigError: metric=nce needs source_labels: give source_labels=...
    """
    given = {name: value for name, value in locals().items() if name in KINDS and value is not None}
    config = _metric(metric)
    if backbone is None and folder is None:
        return _on_arrays(metric, config, given)
    if backbone is None or folder is None or len(given) > 1:  # there always is a seed
        raise ConfigError("give backbone and folder together, or the evidence itself")
    with ExitStack() as stack:
        place = stack.enter_context(TemporaryDirectory(prefix="pgebench-")) if store is None else store
        # Reading a folder for the first time says what was found in it.
        stack.enter_context(heard_by(lambda text: None))
        return _on_images(metric, config, str(backbone), str(folder), open_store(Path(place), create=True))


def _metric(name: str) -> dict[str, Any]:
    """Fields of ``MetricConfig``."""
    known = names_in("metric")
    if name not in known:
        raise ConfigError(f"metric={name}: no such metric; {suggest(name, known)}")
    config: dict[str, dict[str, Any]] = plain(composed([f"metric=[{name}]", "truth=[]"]).metric)
    if lines := not_installed(config):
        raise ConfigError(lines[0])
    return config[name]


def _on_arrays(name: str, config: Mapping[str, Any], given: Mapping[str, Any]) -> float:
    wanted = asks_for(name, config["function"])
    if missing := [key for key in wanted if key not in given]:
        give = ", ".join(f"{key}=..." for key in missing)
        raise ConfigError(f"metric={name} needs {', '.join(missing)}: give {give}")
    formula, fixed = function(config["function"])
    value = float(formula(**{key: given[key] for key in wanted}, **fixed))
    if not math.isfinite(value):
        raise NonFinite(f"metric={name} gave {value}: check the metric's assumptions on these arrays")
    return value


def _on_images(name: str, config: Mapping[str, Any], backbone: str, folder: str, store: Store) -> float:
    candidates = of_backbones(folder, (backbone,), RUNS["backbones"], store.root)
    for line in candidates.left_out:
        warnings.warn(one_line(f"left out: {line}"), stacklevel=3)
    (cell,) = candidates.cells
    cell = replace(cell, settings={**cell.settings, "metric": {name: config}})
    _require_evidence(name, cell)
    units = in_order(plan(cell))
    threads = torch.get_num_threads()
    # torch counts the host's cores, whatever a container may use.
    torch.set_num_threads(min(threads, available_cores()))
    try:
        run_units(units, store, device_of("auto"))
    finally:
        torch.set_num_threads(threads)
    record = store.record(next(unit for unit in units if unit.stage == "score"))
    if record["status"] != DONE:
        raise PgebenchError(f"metric={name}, backbone={backbone}: {record.get('error', record['status'])}")
    return float(record["value"])


def _require_evidence(name: str, cell: Cell) -> None:
    """Refuse a metric that looks at what pretrained weights do not come with."""
    reason = void_metrics(cell).get(name)
    if reason is not None:
        missing = [key for key in asks_for(name, cell.settings["metric"][name]["function"]) if key not in AT_HAND]
        raise ConfigError(
            f"metric={name} needs {', '.join(missing)}: {reason}; choose another metric, or give the evidence itself"
        )
