"""Fine-tuning of the first candidates: which one really won, and the winner as a file of weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save

from pgebench.core.files import write_atomically
from pgebench.core.quoting import escaped
from pgebench.core.text import all_storable, one_line, storable
from pgebench.plan.composing import composed
from pgebench.plan.sweep import plain
from pgebench.plan.units import in_order, plan
from pgebench.ranking.candidates import Candidates
from pgebench.ranking.stream import why_not_done
from pgebench.report.wording import percent
from pgebench.run.runner import run_chains
from pgebench.stages import truth
from pgebench.stages.base import Work
from pgebench.store.store import Store
from pgebench.store.unit import Unit

TRUTH = "finetune"


@dataclass(frozen=True)
class FineTuned:
    """One candidate after fine-tuning.

    Attributes:
        name: Of the candidate.
        place: By the metric.
        validation: Accuracy on the validation images, by which the learning rate and the winner are chosen.
        test: Accuracy on the test images, which nothing was chosen by.
        learning_rate: The best of the recipe's on validation.
        error: Why there is no result; "" if there is one.
        unit: The transfer.
    """

    name: str
    place: int
    validation: float
    test: float
    learning_rate: float
    error: str
    unit: Unit

    def as_json(self) -> dict[str, Any]:
        """What is told of it."""
        found: dict[str, Any] = {"name": self.name, "place": self.place}
        if self.error:
            return found | {"error": self.error}
        return found | {"validation": self.validation, "test": self.test, "learning_rate": self.learning_rate}


def fine_tune(
    candidates: Candidates,
    names: Sequence[str],
    experiment: str,
    store: Store,
    workers: int,
    say: Callable[[str], object] | None = None,
) -> list[FineTuned]:
    """Fine-tune candidates on all training images, with the recipe of a reference run; what is done stays done.

    Args:
        candidates: Among which they are.
        names: The first ones, in the order of the metric.
        experiment: Whose recipe is used.
        store: Where the results are kept.
        workers: Processes beside each other.
        say: Given a line per candidate that has come to its end; None for none.

    Returns:
        The one with the highest validation accuracy first, of equal ones that with the better place; failures last.
    """
    protocol = plain(composed([f"experiment={experiment}", f"truth=[{TRUTH}]"]).truth)
    settings = {"metric": {}, "truth": {TRUTH: {**protocol[TRUTH], "seeds": 1}}}
    chains = []
    for name in names:
        cell = candidates.with_images(None).cells[candidates.names.index(name)]
        chains.append(in_order(plan(replace(cell, settings={**cell.settings, **settings}))))
    run_chains(chains, store, workers, say)
    found = [
        _tried(name, place, chain, store) for place, (name, chain) in enumerate(zip(names, chains, strict=True), 1)
    ]
    return sorted(found, key=lambda one: (bool(one.error), -one.validation if not one.error else 0.0, one.place))


def _tried(name: str, place: int, chain: Sequence[Unit], store: Store) -> FineTuned:
    if reason := why_not_done(chain, store):
        return FineTuned(name, place, nan, nan, nan, reason, chain[-1])
    last = store.record(chain[-1])
    detail = last["detail"]
    return FineTuned(name, place, detail["val_accuracy"], last["value"], detail["learning_rate"], "", chain[-1])


def told(found: Sequence[FineTuned], metric: str) -> str:
    """Which candidate really won, as text.

    Args:
        found: From `fine_tune`.
        metric: That had put them in order.
    """
    width = max(len(one.name) for one in found) + 2
    lines = [f"Fine-tuned, the learning rate chosen on validation:\n{'':4}{'':{width}}validation    test   by {metric}"]
    for one in found:
        if one.error:
            lines.append(f"  - {one.name:{width}}failed: {one.error}")
        else:
            lines.append(
                f"    {one.name:{width}}{percent(one.validation, 1):>10}{percent(one.test, 1):>8}{one.place:7d}"
            )
    return "\n".join([*lines, "", verdict(found), ""])


def verdict(found: Sequence[FineTuned]) -> str:
    """Which one really won, in a sentence or two.

    Args:
        found: From `fine_tune`.
    """
    scored = [one for one in found if not one.error]
    if not scored:
        return "None could be fine-tuned."
    best = scored[0]
    equal = [one.name for one in scored[1:] if one.validation == best.validation]
    how = f"as good on validation as {', '.join(equal)}" if equal else "the best on validation"
    words = (
        f"{best.name} {'is kept' if equal else 'really won'}: {how}, {percent(best.test, 1)} of the test images right"
    )
    by_metric = "the metric's first, too" if best.place == 1 else f"the metric had it in place {best.place}"
    ahead = [one.name for one in scored[1:] if one.test > best.test]
    doubt = (
        f" On the test images {', '.join(ahead)} did better: the validation images did not settle it." if ahead else ""
    )
    return f"{words}; {by_metric}.{doubt}"


def keep(best: FineTuned, candidates: Candidates, store: Store, results: Path, target: str, question: str) -> Path:
    """Write the winner's weights beside a YAML with which pgebench takes them for a backbone.

    The network is trained again with the learning rate that was chosen: the store keeps accuracies, not networks.

    Args:
        best: The first of `fine_tune`.
        candidates: Among which it is.
        store: Where its checkpoint is.
        results: Folder of the files.
        target: Name of the target.
        question: ``sources`` or ``backbones``.

    Returns:
        Path of the YAML; the weights are the ``.safetensors`` of the same name.
    """
    work = Work(best.unit, store, torch.device("cpu"))
    network = truth.trained_again(work, best.learning_rate)
    classes = [storable(name) for name in work.task().class_names]
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    stem = results / f"fine_tuned_{question.removesuffix('s')}"
    weights, description = stem.with_suffix(".safetensors"), stem.with_suffix(".yaml")
    write_atomically(weights, save(tensors, metadata={"classes": json.dumps(classes)}))
    params = best.unit.params["backbone"]
    config = {
        "name": f"{best.name} fine-tuned on {target}",
        **{key: params[key] for key in ("model", "image_size", "mean", "std")},
        "weights": escaped(str(weights.resolve())),
        "source_accuracy": best.test,
    }
    head = [
        f"{best.name}, fine-tuned on {target}. The weights lie beside this file; their classes, in order, are",
        f"{', '.join(classes)}.",
    ]
    text = "".join(f"# {one_line(line)}\n" for line in head) + yaml.safe_dump(all_storable(config), sort_keys=False)
    write_atomically(description, storable(text).encode())
    return description
