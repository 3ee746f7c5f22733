"""``pgebench-rank``: which source, and which pretrained backbone, to fine-tune for a folder of images."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pgebench.core.errors import ConfigError, DataError
from pgebench.core.files import write_atomically
from pgebench.core.machine import versions
from pgebench.data.task import Task, dataset_params, open_task
from pgebench.networks.checkpoint_file import first
from pgebench.ranking.answer import Answer, answers_png, text
from pgebench.ranking.budget import STEPS, Option, better, choose, evidence_options
from pgebench.ranking.by_gradient import METRIC, GradientRanker, gradient_ranker, rank_by_gradient
from pgebench.ranking.by_score import rank_by_score
from pgebench.ranking.candidates import Candidates, of_backbones, of_sources
from pgebench.ranking.data_sheet import data_sheets
from pgebench.ranking.dataset_names import is_a_heap
from pgebench.ranking.fine_tune import fine_tune_command
from pgebench.ranking.finetuned import fine_tune, keep, told, verdict
from pgebench.ranking.label_free import without_labels
from pgebench.ranking.page import TargetShown, ranking_page, target_shown
from pgebench.ranking.reliability import RUNS, Reference, reference
from pgebench.ranking.request import Wish
from pgebench.ranking.tracked import ranking_tracker
from pgebench.ranking.watched import Watched
from pgebench.ranking.weights_kept import WeightsKept
from pgebench.ranking.within_reach import within_reach
from pgebench.store.format import open_store
from pgebench.store.store import Store

FIRST_MINUTES = 0.4
"""What the first answer to a question may take."""

DOWNLOADED = "downloaded.json"
"""File of the store with the names of the weights that rankings have downloaded."""

WORTH_TIMING = 2.0
"""Seconds from which on an answer tells how fast this machine is."""


@dataclass
class _Question:
    """One question under way."""

    candidates: Candidates
    reference: Reference
    gradients: GradientRanker | None
    shown: TargetShown
    answer: Answer | None = None


def run(wish: Wish, store: Store, results: Path | None, say: Callable[[str], None]) -> list[Answer]:
    """Rank, tell and write a page, JSON and a picture: a quick answer first, then the best one for the budget.

    Args:
        wish: What is asked for.
        store: Where images, gradients, checkpoints and scores are kept.
        results: Folder for ``ranking.html``, ``ranking.json`` and ``ranking.png``; None to write none.
        say: Told what is done, and each answer as text.

    Returns:
        The last answer to each question.

    Raises:
        ConfigError: No such folder, dataset or backbone, or nothing to rank.
        DataError: The folder cannot be used.
    """
    began = time.perf_counter()
    tracker = ranking_tracker(wish, store, results)
    questions, class_sizes = _questions(wish, store, say)
    # Only now is anything written but decoded images: a target that cannot be read leaves nothing behind.
    store = open_store(store.root, create=True)
    with tracker:
        answers = _answers(wish, questions, class_sizes, store, results, say, began)
        tracker.report()
    where = "" if results is None else f" Written to {results}: ranking.html, ranking.json and ranking.png."
    say(f"{time.perf_counter() - began:.0f} s in all.{where}")
    return answers


def _answers(
    wish: Wish,
    questions: Sequence[_Question],
    class_sizes: np.ndarray,
    store: Store,
    results: Path | None,
    say: Callable[[str], None],
    began: float,
) -> list[Answer]:
    """Answer the questions, first quickly and then as well as the budget allows, and write each answer."""
    pace, kept = 1.0, WeightsKept(wish.kept_bytes, store.root / DOWNLOADED)
    for limit in (min(FIRST_MINUTES, wish.budget), wish.budget):
        for asked in questions:
            left = limit if asked.answer is None else limit - (time.perf_counter() - began) / 60
            options = _options(asked, wish, class_sizes, store)
            # A first answer looks at as few images as the reference runs did: it must come soon.
            open_ones = [one for one in options if asked.answer or one.per_class in (None, STEPS[0])]
            option = choose([one.at_pace(pace) for one in open_ones], left)
            if asked.answer is not None and not _improves(option, asked.answer.option, left):
                continue
            if option.minutes > FIRST_MINUTES:
                say(f"Now {option.metric} for the {asked.candidates.question}: about {option.minutes:.1f} minutes.")

            def write(answer: Answer, asked: _Question = asked) -> None:
                if results is not None:
                    so_far = [replace(one, answer=answer) if one is asked else one for one in questions]
                    _write(wish, so_far, results, time.perf_counter() - began)

            asked.answer = _answer(asked, option, wish, class_sizes, store, kept, write)
            if asked.answer.seconds > WORTH_TIMING and option.minutes * 60 > WORTH_TIMING:
                pace *= asked.answer.seconds / 60 / option.minutes
            more = better([one.at_pace(pace) for one in options], option)
            say(text(asked.answer, more))
            if results is not None:
                _write(wish, questions, results, time.perf_counter() - began)
    for asked in questions if wish.finetune else ():
        _fine_tune(asked, wish, store, results, kept, say)
    if results is not None and wish.finetune:
        _write(wish, questions, results, time.perf_counter() - began)
    return [one.answer for one in questions if one.answer is not None]


def _questions(wish: Wish, store: Store, say: Callable[[str], None]) -> tuple[list[_Question], np.ndarray]:
    """The questions that can be asked, and the training images of each class of the target."""
    if wish.question not in (*RUNS, "both"):
        raise ConfigError(f"question={wish.question}: choose from {', '.join(RUNS)} and both")
    found: list[_Question] = []
    task: Task | None = None
    asked = tuple(RUNS) if wish.question == "both" else (wish.question,)
    no_labels = is_a_heap(wish.target)
    if no_labels:
        if "backbones" not in asked:
            raise ConfigError(f"question={wish.question}: images without classes rank backbones alone, not sources")
        say(f"{wish.target} has no classes: its backbones are ranked by a metric that looks at no labels.")
        asked = ("backbones",)
    for name in asked:
        known = reference(name)
        if name == "sources":
            candidates = of_sources(wish.target, wish.backbone, wish.sources, known.run, store.root)
        else:
            candidates = of_backbones(wish.target, wish.backbones, known.run, store.root, wish.image_size, wish.most)
            candidates = within_reach(candidates, store, say)
        if no_labels:
            candidates, known = without_labels(candidates, known)
        for line in candidates.left_out:
            say(f"Left out of the {name}: {line}.")
        if not candidates.cells:
            say(f"There are no {name} to rank.")
            for reason in sorted(set(candidates.failed.values())):
                names = [one for one, why in candidates.failed.items() if why == reason]
                say(f"  {first(names)}: {reason}.")
            continue
        if task is None:
            config = {**candidates.cells[0].target.config, "train_per_class": None}
            task = open_task(wish.target, dataset_params(config), store.root)
            classes = "" if no_labels else f" in {task.classes} classes"
            say(f"{wish.target}: {len(task.indices('train'))} training images{classes}.")
        gradients = _gradients(candidates, task, wish, say) if name == "sources" else None
        shown = target_shown(Path(wish.target).name, task, labelled=not no_labels)
        found.append(_Question(candidates, known, gradients, shown))
    if task is None:
        raise ConfigError(f"question={wish.question}: nothing can be ranked; install or name candidates")
    return found, np.bincount(task.labels[task.indices("train")])


def _gradients(candidates: Candidates, task: Task, wish: Wish, say: Callable[[str], None]) -> GradientRanker | None:
    """What PGE needs, if it can be used: without it the other metrics still answer."""
    try:
        return gradient_ranker(candidates, task, wish.sketch)
    except DataError as error:
        say(f"Without {METRIC}: {error}.")
        return None


def _options(asked: _Question, wish: Wish, class_sizes: np.ndarray, store: Store) -> list[Option]:
    options = evidence_options(asked.candidates, asked.reference, class_sizes, store, wish.workers)
    if asked.gradients is not None:
        by_gradient = asked.gradients.option(asked.reference, wish.episodes, store, wish.workers)
        options += [by_gradient] if by_gradient else []
    return options


def _improves(option: Option, before: Option, left: float) -> bool:
    """Whether another answer is worth its time: by a better metric, or by the same one on more images."""
    if option.minutes > left:
        return False
    rank = option.reliability.rank, option.per_class or 0
    return rank > (before.reliability.rank, before.per_class or 0)


def _answer(
    asked: _Question,
    option: Option,
    wish: Wish,
    class_sizes: np.ndarray,
    store: Store,
    kept: WeightsKept,
    write: Callable[[Answer], None],
) -> Answer:
    def known(answer: Answer) -> Answer:
        return replace(
            answer,
            sheets=data_sheets(asked.candidates, option.metric, answer.looked_at, store),
            facts=dict(zip(asked.candidates.names, asked.candidates.facts, strict=False)),
        )

    how = store, wish.workers, wish.confidence
    if option.metric == METRIC and asked.gradients is not None:
        return known(rank_by_gradient(asked.gradients, option, asked.reference, wish.episodes, *how))
    with Watched(lambda answer: write(known(answer))) as watched:
        return known(rank_by_score(asked.candidates, option, asked.reference, class_sizes, *how, kept, watched))


def _fine_tune(
    asked: _Question, wish: Wish, store: Store, results: Path | None, weights: WeightsKept, say: Callable[[str], None]
) -> None:
    """Fine-tune the first candidates of an answer, and put into it which one really won."""
    answer = asked.answer
    if answer is None:
        return
    if answer.label_free:
        say("Not fine-tuned: that needs classes.")
        return
    names = [answer.names[one] for one in answer.standing.order[: wish.finetune]]
    say(f"Fine-tuning {len(names)} {asked.candidates.question}: {', '.join(names)}.")
    with weights.at_hand([asked.candidates.cells[asked.candidates.names.index(name)] for name in names]):
        found = fine_tune(asked.candidates, names, asked.reference.run, store, wish.workers, say)
        say(told(found, answer.option.metric))
        detail: dict[str, Any] = {"fine_tuned": [one.as_json() for one in found], "verdict": verdict(found)}
        if results is not None and not found[0].error:
            kept = keep(found[0], asked.candidates, store, results, Path(wish.target).name, answer.question)
            say(f"The winner is kept: {kept} and {kept.with_suffix('.safetensors').name}.")
            detail["kept"] = kept.name
    asked.answer = replace(answer, detail={**answer.detail, **detail})


def _write(wish: Wish, questions: Sequence[_Question], results: Path, seconds: float) -> None:
    answered = [(asked, asked.answer) for asked in questions if asked.answer is not None]
    answers = [answer for _, answer in answered]
    summary: dict[str, Any] = {
        "command": wish.command(),
        "target": wish.target,
        "budget_minutes": wish.budget,
        "backbone": wish.backbone,
        "seconds": round(seconds, 1),
        "answers": [answer.as_json() for answer in answers],
        "versions": versions(),
    }
    fine_tune = [
        fine_tune_command(asked.candidates, answer.names[answer.standing.order[0]], wish.target)
        for asked, answer in answered
    ]
    page = ranking_page(answers, questions[0].shown, wish.command(), fine_tune, seconds)
    write_atomically(results / "ranking.json", json.dumps(summary, indent=1).encode())
    write_atomically(results / "ranking.png", answers_png(Path(wish.target).name, answers))
    write_atomically(results / "ranking.html", page.encode())
