"""What a ranking keeps in the store beside results of units: half scores, and the sizes of networks.

Both take seconds of a candidate, and the same command must go on where it was interrupted. They are records under keys
of their own, which no unit reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from timm.models import is_model

from pgebench.core.records import DONE
from pgebench.networks import backbones
from pgebench.networks.flops import Size, size_of
from pgebench.ranking.half_samples import PAIRS, FloatArray, half_scores
from pgebench.store.store import Store
from pgebench.store.unit import Unit

HALVES, SIZE = "half_scores", "network_size"


def halves_of(scored: Unit, name: str, metric: Mapping[str, Any], store: Store) -> FloatArray:
    """The half scores of a candidate, shape (pairs, 2); NaN where there is none.

    Args:
        scored: Its score, which must be done.
        name: Of the metric.
        metric: Fields of ``MetricConfig``.
        store: Where its evidence is.

    Raises:
        CorruptArtifact: The evidence is missing or damaged.
    """
    place = Unit(HALVES, 1, {"pairs": PAIRS}, {"score": scored}, scored.label)
    known = store.record(place)
    if known["status"] == DONE:
        found: FloatArray = np.array(known["detail"]["halves"], dtype=float)  # None becomes NaN
        return found
    evidence = {key: value.numpy() for key, value in store.load(scored.inputs["evidence"]).items()}
    found = half_scores(name, metric, scored.params["facts"], evidence)
    rows = [[value if np.isfinite(value) else None for value in pair] for pair in found.tolist()]
    _keep(store, place, {"halves": rows})
    return found


def size_in(store: Store, backbone: Mapping[str, Any]) -> Size | None:
    """The size of a network, which takes most of a second to count; None if it cannot be built.

    Args:
        store: Where it is remembered.
        backbone: From ``backbones.backbone_params``.
    """
    params = backbones.untrained(backbone)
    if is_model(params["model"]):
        # Tags are other weights of one architecture.
        params["model"] = params["model"].partition(".")[0]
    place = Unit(SIZE, 1, {name: params[name] for name in ("model", "image_size")})
    known = store.record(place)
    if known["status"] == DONE:
        return Size(known["detail"]["parameters"], known["detail"]["flops"])
    found = size_of(params)
    if found is not None:
        _keep(store, place, {"parameters": found.parameters, "flops": found.flops})
    return found


def _keep(store: Store, place: Unit, detail: Mapping[str, Any]) -> None:
    store.write_record(place, {"status": DONE, "key": place.key, "detail": dict(detail)})
