"""The request of ``pgebench-rank``, which is also its options. Imports nothing heavy."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, fields
from pathlib import Path

from pgebench.core.errors import ConfigError
from pgebench.core.machine import available_cores
from pgebench.core.options import typed_key, typed_value
from pgebench.ranking.disk_size import bytes_of

BUCKETS = 4096
"""Size of the count sketches that come with the package."""


MOST = 200
"""Backbones that patterns and suites may bring unless more are asked for."""

KEEP = "20GB"
"""Downloaded weights that stay on the disk unless more or less is asked for."""

SILENT = ("results", "store", "workers", "keep", "tracking", "project", "entity")
"""Options that decide where and how fast, not which answer."""


@dataclass(frozen=True)
class Wish:
    """Which source and which pretrained backbone to fine-tune for a folder of images.

    A first answer comes within half a minute, then the best one that the minutes buy. Each says how sure it is, and how
    often the metric behind it was right in the reference runs. What was trained is kept in the store.

    Attributes:
        target: Folder with one folder of images per class, parquet file or folder of them, ``.npz`` archive, or name of
            an embedded dataset.
        budget: Minutes that it may take.
        question: ``sources``, ``backbones`` or ``both``.
        sources: Datasets, with commas between them: folders, names of embedded and well-known ones (emoji, cifar10),
            hf:NAME of the Hugging Face Hub, torchvision:CLASS; the sixteen embedded ones if empty.
        backbones: Pretrained networks, with commas between them: names of timm (resnet18.a1_in1k) and patterns of them
            ('*resnet*.a1_in1k'), suite:mobile, suite:popular or suite:mixed, names in ``conf/backbone``, YAML files,
            files of weights (ARCHITECTURE@FILE); those that are installed if empty.
        image_size: Pixels a side of the pictures for all backbones; each has its own if empty.
        most: How many backbones patterns and suites may bring.
        keep: How much of the weights that are downloaded here may stay in the cache, such as 20GB or 0: beyond it the
            oldest are removed once they are used. What was there before stays.
        backbone: Name in ``conf/backbone``, of the network that is trained on the sources.
        episodes: Most gradients of the target at each of eight initialisations.
        finetune: How many of the first candidates are fine-tuned after the ranking, beyond the budget; 0 for none. The
            winner's weights are kept beside the page, as ``.safetensors`` with a YAML.
        confidence: Of the set of candidates that may be the best, between 0 and 1.
        sketch: Buckets of a count sketch of the sources' gradients; 0 for whole gradients.
        results: Folder for ``ranking.html``, ``ranking.json`` and ``ranking.png``; ``results/rank/TARGET`` if empty.
        store: Folder where images, gradients, checkpoints and scores are kept.
        workers: Processes beside each other.
        tracking: Weights & Biases: wandb writes a run of the page and its tables without a network, into the folder
            wandb of the results; wandb_online sends it, none leaves it out.
        project: In Weights & Biases.
        entity: Owner of the project; that of the key if empty.

    Raises:
        ConfigError: A number is out of its range.

    Examples:
        ``pgebench-rank target=path/to/photos``

        ``pgebench-rank target=path/to/photos budget=20 sources=my/birds,my/plants,emoji``

        ``pgebench-rank target=my/photos question=backbones backbones=suite:mobile``
    """

    target: str = field(metadata={"shown": "FOLDER"})
    budget: float = 5.0
    question: str = "both"
    sources: tuple[str, ...] = ()
    backbones: tuple[str, ...] = ()
    image_size: int | None = None
    most: int = MOST
    keep: str = KEEP
    backbone: str = "test_resnet"
    episodes: int = 40
    finetune: int = 0
    confidence: float = 0.95
    sketch: int = BUCKETS
    results: Path | None = None
    store: Path = Path("results/store")
    workers: int = field(default_factory=available_cores)
    tracking: str = "wandb"
    project: str = field(default="pgebench", metadata={"key": "tracking.project"})
    entity: str | None = field(default=None, metadata={"key": "tracking.entity"})

    def __post_init__(self) -> None:
        if not self.budget > 0:
            raise ConfigError(f"budget={self.budget}: give minutes above 0")
        if not 0 < self.confidence < 1:
            raise ConfigError(f"confidence={self.confidence}: give a number between 0 and 1")
        bytes_of(self.keep, "keep")
        for name, least in (("workers", 1), ("most", 1), ("image_size", 8), ("finetune", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"{name}={value}: give {least} or more")

    @property
    def kept_bytes(self) -> int:
        """``keep`` in bytes."""
        return bytes_of(self.keep, "keep")

    def command(self) -> str:
        """What to type for the same answer.

        Returns:
            A shell command with the options that are not at their defaults, but for ``SILENT``.

        >>> Wish("my photos", budget=2.0, sources=("emoji", "faces")).command()
        "pgebench-rank 'target=my photos' budget=2.0 sources=emoji,faces"
        """
        given = []
        for each in fields(self):
            value = getattr(self, each.name)
            if value != each.default and each.name not in SILENT:
                given.append(f"{typed_key(each)}={typed_value(value)}")
        return shlex.join(["pgebench-rank", *given])
