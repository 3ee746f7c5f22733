"""Ranking by a metric that looks at what networks make of the target's images."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed

from pgebench.core.errors import DataError
from pgebench.core.records import DONE
from pgebench.plan.units import in_order, plan
from pgebench.ranking.answer import Answer
from pgebench.ranking.budget import Option
from pgebench.ranking.candidates import Candidates
from pgebench.ranking.half_samples import FloatArray, half_scores, standing_of_scores
from pgebench.ranking.reliability import Reference
from pgebench.run.runner import run_chains
from pgebench.store.store import Store
from pgebench.store.unit import Unit


def rank_by_score(
    candidates: Candidates,
    option: Option,
    reference: Reference,
    class_sizes: np.ndarray,
    store: Store,
    workers: int,
    confidence: float,
) -> Answer:
    """Score the candidates, on all images and on halves of them; what is in the store is not computed again.

    Args:
        candidates: What is ranked.
        option: The metric and the number of images.
        reference: Where the metric's reliability comes from.
        class_sizes: Training images of each class of the target.
        store: Where checkpoints, evidence and scores are kept.
        workers: Processes beside each other.
        confidence: Of the set of candidates that may be the best.

    Raises:
        DataError: Fewer than two candidates have a score.
    """
    began = time.perf_counter()
    chosen = candidates.with_images(option.per_class).with_metric(option.metric)
    chains = [in_order(plan(cell)) for cell in chosen.cells]
    run_chains(chains, store, workers)
    records = {name: store.record(chain[-1]) for name, chain in zip(chosen.names, chains, strict=True)}
    broken = {name: why_not_done(chain, store) for name, chain in zip(chosen.names, chains, strict=True)}
    failed = {**candidates.failed, **{name: reason for name, reason in broken.items() if reason}}
    scored = [(name, chain[-1]) for name, chain in zip(chosen.names, chains, strict=True) if name not in failed]
    if len(scored) < 2:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise DataError(
            f"{len(scored)} of {len(chains) + len(candidates.failed)} {candidates.question} have a score by "
            f"{option.metric}: {reasons}"
        )
    metric = chosen.cells[0].settings["metric"][option.metric]
    halves = Parallel(n_jobs=workers, batch_size=1)(
        delayed(_halves)(option.metric, metric, unit, store) for _, unit in scored
    )
    scores = np.array([records[name]["value"] for name, _ in scored])
    return Answer(
        question=candidates.question,
        option=option,
        names=tuple(name for name, _ in scored),
        standing=standing_of_scores(scores, np.stack(list(halves)), confidence),
        reference=reference,
        images=int(np.minimum(class_sizes, option.per_class or class_sizes).sum()),
        seconds=time.perf_counter() - began,
        confidence=confidence,
        failed=failed,
    )


def why_not_done(chain: Sequence[Unit], store: Store) -> str:
    """Why the last unit of a chain has no result: what the first one says that has none; empty if it has one.

    Args:
        chain: Units in the order in which they were tried.
        store: Where their records are.
    """
    records = [store.record(unit) for unit in chain]
    if records[-1]["status"] == DONE:
        return ""
    first = next(record for record in records if record["status"] != DONE)
    return str(first.get("error", first["status"]))


def _halves(name: str, metric: Mapping[str, Any], unit: Unit, store: Store) -> FloatArray:
    torch.set_num_threads(1)
    evidence = {key: value.numpy() for key, value in store.load(unit.inputs["evidence"]).items()}
    return half_scores(name, metric, unit.params["facts"], evidence)
