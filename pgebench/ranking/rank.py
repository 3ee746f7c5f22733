"""`rank`: what ``pgebench-rank`` answers, for a notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pgebench.core.machine import available_cores
from pgebench.core.say import heard_by
from pgebench.ranking.answer import Answer
from pgebench.ranking.command import run
from pgebench.ranking.request import Wish
from pgebench.store.format import open_store


def rank(
    folder: str | Path,
    *,
    budget: float = Wish.budget,
    question: str = Wish.question,
    sources: Sequence[str | Path] = Wish.sources,
    backbones: Sequence[str | Path] = Wish.backbones,
    image_size: int | None = Wish.image_size,
    most: int = Wish.most,
    keep: str = Wish.keep,
    backbone: str = Wish.backbone,
    episodes: int = Wish.episodes,
    finetune: int = Wish.finetune,
    confidence: float = Wish.confidence,
    sketch: int = Wish.sketch,
    results: str | Path | None = Wish.results,
    store: str | Path = Wish.store,
    workers: int | None = None,
    tracking: str = Wish.tracking,
    project: str = Wish.project,
    entity: str | None = Wish.entity,
    say: Callable[[str], None] | None = None,
) -> list[Answer]:
    """Which source, and which pretrained backbone, to fine-tune for a folder of images.

    Args:
        folder: One folder of images per class, or name of an embedded dataset.
        budget: Minutes that it may take.
        question: ``sources``, ``backbones`` or ``both``.
        sources: Folders and names of datasets, ``hf:NAME`` of the Hugging Face Hub, ``torchvision:CLASS``; the sixteen
            embedded ones if empty.
        backbones: Pretrained networks: names of timm and patterns of them, suites such as ``suite:mobile``, names in
            ``conf/backbone``, YAML files, files of weights (``ARCHITECTURE@FILE``); those that are installed if empty.
        image_size: Pixels a side of the pictures for all backbones; None for the own size of each.
        most: How many backbones patterns and suites may bring.
        keep: How much of the weights that are downloaded here may stay in the cache, such as ``20GB`` or ``0``; what
            was there before stays.
        backbone: Name in ``conf/backbone``, of the network that is trained on the sources.
        episodes: Most gradients of the target at each of eight initialisations.
        finetune: How many of the first candidates are fine-tuned after the ranking, beyond the budget; 0 for none. The
            winner's weights are kept in ``results``, as ``.safetensors`` with a YAML.
        confidence: Of the set of candidates that may be the best, between 0 and 1.
        sketch: Buckets of a count sketch of the sources' gradients; 0 for whole gradients.
        results: Folder for ``ranking.html``, ``ranking.json`` and ``ranking.png``; None to write none.
        store: Folder where images, gradients, checkpoints and scores are kept.
        workers: Processes beside each other; None for as many as there are cores.
        tracking: Weights & Biases, of what is written to ``results``: ``wandb`` without a network, ``wandb_online`` or
            ``none``.
        project: In Weights & Biases.
        entity: Owner of the project; None for that of the key.
        say: Told what is done and each answer as text, such as ``print``; None for silence.

    Returns:
        The best answer to each question that the minutes bought; ``rows()`` of it is the ranking, the best first.

    Raises:
        ConfigError: No such folder, dataset or backbone, a number out of its range, or nothing to rank.
        DataError: The folder cannot be used.

    >>> import pgebench
    >>> pgebench.rank("photos", budget=0)
    Traceback (most recent call last):
    ...
    pgebench.core.errors.ConfigError: budget=0: give minutes above 0
    """
    wish = Wish(
        target=str(folder),
        budget=budget,
        question=question,
        sources=tuple(map(str, sources)),
        backbones=tuple(map(str, backbones)),
        image_size=image_size,
        most=most,
        keep=keep,
        backbone=backbone,
        episodes=episodes,
        finetune=finetune,
        confidence=confidence,
        sketch=sketch,
        results=None if results is None else Path(results),
        store=Path(store),
        workers=available_cores() if workers is None else workers,
        tracking=tracking,
        project=project,
        entity=entity,
    )
    kept = open_store(wish.store)
    listener = _nobody if say is None else say
    # What was found in a folder that is read for the first time is said as commands say it.
    with heard_by(listener):
        return run(wish, kept, wish.results, listener)


def _nobody(text: str) -> None:
    """Listen to nothing."""
