"""Run of a ranking: the page, the candidates of each question as a table, and what the folder holds as an Artifact."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgebench.core.text import all_storable
from pgebench.tracking import keys
from pgebench.tracking.checkpoints import artifact_name
from pgebench.tracking.report_run import Row, table_of

if TYPE_CHECKING:
    from wandb import Artifact, Run

PAGE, FACTS, PICTURE = "ranking.html", "ranking.json", "ranking.png"
"""What `pgebench-rank` writes."""


def log_ranking(run: Run, results: Path, name: str) -> None:
    """Log a ranking, what matters most first.

    Args:
        run: The open run.
        results: A folder in which ``pgebench-rank`` has been.
        name: Of the target, for the Artifact.
    """
    import wandb

    found = all_storable(json.loads((results / FACTS).read_text()))  # W&B takes UTF-8 alone
    run.summary.update(headline(found["answers"]))
    for answer in found["answers"]:
        run.log({keys.candidates(answer["question"]): table_of(candidate_rows(answer))})
    run.log({keys.figure(Path(PICTURE).stem): wandb.Image(str(results / PICTURE))})
    run.log({keys.RANKING_PAGE: wandb.Html(str(results / PAGE), inject=False)})
    run.log_artifact(_artifact(results, found, name))


def headline(answers: list[Row]) -> dict[str, float]:
    """What a workspace plots across rankings, by key; values that are unknown are left out.

    Args:
        answers: As ``ranking.json`` has them.

    >>> rows = [{"score": 0.5}, {"score": 0.1, "dropped": {}}, {"error": "gated"}]
    >>> headline([{"question": "backbones", "seconds": 3.0, "reference": {"weighted_tau": None}, "ranking": rows}])
    {'best_score/backbones': 0.5, 'unscored/backbones': 1, 'answer_s/backbones': 3.0}
    """
    found: dict[str, float | None] = {}
    for answer in answers:
        question, ranking = answer["question"], answer["ranking"]
        found[keys.best_score(question)] = ranking[0]["score"]
        found[keys.reference_tau(question)] = answer["reference"]["weighted_tau"]
        found[keys.unscored(question)] = sum("error" in row for row in ranking)
        found[keys.answer_seconds(question)] = answer["seconds"]
    return {key: value for key, value in found.items() if value is not None}


def candidate_rows(answer: Mapping[str, Any]) -> list[Row]:
    """A row per candidate, each with the same columns; what is unknown is None.

    Args:
        answer: As ``ranking.json`` has it.

    >>> rows = [{"place": 1, "name": "a", "places": [1, 2]}, {"place": None, "name": "b", "error": "gated"}]
    >>> for row in candidate_rows({"ranking": rows, "candidates": {"a": {"family": "resnet"}}}):
    ...     print(row)
    {'place': 1, 'name': 'a', 'first_place': 1, 'last_place': 2, 'family': 'resnet', 'error': None}
    {'place': None, 'name': 'b', 'first_place': None, 'last_place': None, 'family': None, 'error': 'gated'}
    """
    facts = answer.get("candidates", {})
    wide = []
    for row in answer["ranking"]:
        own = dict(row)
        if "places" in own:
            own["first_place"], own["last_place"] = own.pop("places")
        if "dropped" in own:
            own["dropped_on_images_per_class"] = own.pop("dropped")["images_per_class"]
        wide.append({**own, **{name: value for name, value in facts.get(row["name"], {}).items() if name not in own}})
    columns = dict.fromkeys(name for row in wide for name in row)
    return [{name: row.get(name) for name in columns} for row in wide]


def _artifact(results: Path, found: Mapping[str, Any], name: str) -> Artifact:
    """The page and its numbers as a version; fine-tuned weights stay where they are, and are named."""
    import wandb

    kept = [answer["kept"] for answer in found["answers"] if "kept" in answer]
    metadata = {key: found[key] for key in ("command", "target", "versions")} | {"kept": kept}
    made = wandb.Artifact(artifact_name("ranking", name), type="ranking", metadata=metadata)
    for file in (PAGE, FACTS, PICTURE, *kept):
        made.add_file(str(results / file))
    return made
