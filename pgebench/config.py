"""The schema of a config: a typo or a wrong type is an error before anything runs.

The values are in ``conf/``; this file says which keys exist and what they mean.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

from pgebench.core.conf import conf_dir as conf_dir
from pgebench.core.machine import available_cores, jobs_at_once, memory_bytes, share, whole_gpus
from pgebench.core.metric_facts import TIE
from pgebench.core.settings import FisherSettings, GradientSettings, Reading, TripletSettings
from pgebench.core.text import one_line


@dataclass
class BackboneConfig:
    """An architecture, how images are made ready for it, and its pretrained weights, if it has any.

    ``name`` is the one in the table; images are resized to ``image_size`` pixels a side.
    ``model`` is a timm name, with or without a pretrained tag, or the dotted name of a function of ``num_classes`` that
    returns a network with the methods of timm's. ``mean`` and ``std`` are per channel, for pixels in [0, 1]; null takes
    those that timm states for the model.

    ``pretrained`` takes timm's weights (needs a network or a filled cache); ``weights`` is a file of weights instead:
    a path, or ``pkg://package/path`` inside an installed package. ``reader`` is the dotted name of a function of the
    file and the network that returns a state dict, for files that are neither safetensors nor a state dict.
    Of a file that holds several networks, ``weights_key`` is the dotted path of the state dict to take (``student``,
    ``checkpoint.model_ema``) and ``weights_prefix`` what stands before the names to take (``encoder_q.``, '' for
    nothing); null takes the only one that fits the model.
    ``head: false`` says that the weights have no classifier, or none whose outputs are classes.
    With ``source=pretrained`` the weights are used as they are; ``source_accuracy`` is then the accuracy that is stated
    for them on the data they were trained on. With another source its training starts from them.
    ``family`` is that of the architecture, left out as one where the report asks what a number hangs on; null is none
    but its own. It is no part of a unit's identity.
    """

    name: str = MISSING
    model: str = MISSING
    image_size: int = 32
    mean: list[float] | None = None
    std: list[float] | None = None
    pretrained: bool = False
    weights: str | None = None
    weights_key: str | None = None
    weights_prefix: str | None = None
    reader: str | None = None
    head: bool = True
    source_accuracy: float | None = None
    family: str | None = None


@dataclass
class DatasetConfig:
    """A dataset, seen as a task; ``name`` is the one in the table.

    ``collection`` names the data that it is a view of, for those who ask which datasets are alike; null is ``name``. It
    is no part of a unit's identity.
    ``loader`` is instantiated and gives images, labels and a fixed split; null stands for the unknown data that
    pretrained weights were trained on. With a ``path`` it lists the images there, which are decoded as ``reading`` says
    and kept in ``store`` under its ``lock``; their content is part of a unit's identity, the path is not. The other
    keys make a view: ``classes`` keeps these class indices, ``train_per_class`` keeps at most that many training images
    of each class (the validation and test splits stay whole), ``image_size`` resamples the pictures to that many pixels
    a side before the backbone's own preprocessing, ``permute_labels`` renumbers the classes by the permutation with
    that seed, ``draw`` takes other images for ``train_per_class``, ``class_draw`` keeps three quarters of the classes,
    drawn with that seed.
    """

    name: str = MISSING
    collection: str | None = None
    loader: Any = MISSING
    path: str | None = None
    reading: Reading = field(default_factory=Reading)
    store: str = "${store}"
    lock: str = "${lock}"
    classes: list[int] | None = None
    train_per_class: int | None = None
    image_size: int | None = None
    permute_labels: int | None = None
    draw: int | None = None
    class_draw: int | None = None


@dataclass
class RecipeConfig:
    """A training run: AdamW, linear warm-up, cosine decay; the learning rate is the best of a grid on validation.

    ``steps`` are batches of ``batch_size`` images, ``learning_rates`` is the grid, ``weight_decay`` that of AdamW.
    ``head_factor`` multiplies the learning rate of the classifier, ``shift`` is the most pixels by which a batch is
    moved at random in each direction. ``precision`` is that of the forward passes, in training and evaluation:
    ``float32``, or ``bfloat16`` where torch allows (autocast; loss, weights and optimiser stay float32). A linear probe
    takes its features in it too.
    """

    steps: int = MISSING
    batch_size: int = MISSING
    learning_rates: list[float] = MISSING
    head_factor: float = 1.0
    weight_decay: float = 0.05
    shift: int = 0
    precision: str = "float32"


@dataclass
class RecipesConfig:
    """Every training run of an experiment.

    ``checkpoint`` trains a source model; ``finetune``, ``linear_probe`` and ``scratch`` are the truths of these names.
    """

    checkpoint: RecipeConfig = field(default_factory=RecipeConfig)
    finetune: RecipeConfig = field(default_factory=RecipeConfig)
    linear_probe: RecipeConfig = field(default_factory=RecipeConfig)
    scratch: RecipeConfig = field(default_factory=RecipeConfig)


@dataclass
class MetricConfig:
    """A transferability metric.

    ``function`` is a function of evidence; it gets the evidence that its parameter names ask for, and the other
    parameters from this YAML. ``gradient`` says which principal gradients to hand over, if it asks for any, and
    ``fisher`` which Fisher information, ``triplets`` how gradient norms of a triplet loss are taken. ``requires`` is
    the PyPI name of a distribution that the function needs: where it is not installed, the metric is left out of the
    experiment.
    Raise ``version`` when the function changes its results. ``seeds`` scores are taken with different seeds.
    ``kind`` is ``metric`` or ``control``, which a league shows as a yardstick. ``term_of`` names a composite: metrics
    that name the same one are scaled over the candidates and added. Scores of two candidates that differ by less than
    the share ``tie`` are equal; 0 says that the score is exact.
    """

    function: Any = MISSING
    gradient: GradientSettings | None = None
    fisher: FisherSettings | None = None
    triplets: TripletSettings | None = None
    requires: str | None = None
    seeds: int = 1
    version: int = 1
    kind: str = "metric"
    term_of: str | None = None
    tie: float = TIE


@dataclass
class TruthConfig:
    """A definition of accuracy: ``finetune`` all weights, ``linear_probe`` on frozen features, ``scratch`` no transfer.

    ``protocol`` is one of these, repeated with so many ``seeds`` from every checkpoint of the source; a list says how
    many from the first, the second ...
    ``recipe`` refers to one of ``recipe.*`` (the schema lets no interpolation stand for a dataclass, so it is free).
    The protocol ``published`` takes the accuracies of a paper instead, those of ``table`` in ``pgebench.published``.
    """

    protocol: str = MISSING
    recipe: Any = MISSING
    seeds: Any = 1
    table: str | None = None


@dataclass
class BudgetConfig:
    """Sizes that experiments set and that the metric and truth YAMLs refer to.

    ``truth_seeds`` repetitions of a truth from every checkpoint, or a list of as many numbers as there are checkpoints;
    ``draws`` disjoint principal gradients of each dataset, each of so many ``restarts`` and ``episodes`` with ``shot``
    support images per class, or
    ``official_episodes`` for the authors' procedure.
    """

    truth_seeds: Any = 2
    draws: int = 1
    shot: int = 5
    restarts: int = 4
    episodes: int = 50
    official_episodes: int = 40_000


@dataclass
class TrackingConfig:
    """Weights & Biases: ``mode`` is ``offline``, ``online`` (needs a key) or ``disabled``; ``WANDB_MODE`` may say less.

    Runs go to ``project`` of ``entity``; null is the entity of the key.
    """

    mode: str = "offline"
    project: str = "pgebench"
    entity: str | None = None


@dataclass
class JobConfig:
    """What a job of the launcher may use, and how much it does.

    ``cores``, ``gpus`` (a part of one, 0.5, where the launcher can share), ``memory_gb`` (null: what the cluster gives)
    and ``minutes`` (SLURM alone) are asked of the launcher. ``cells`` are run by one job, one after another or
    ``together``: more of them where it takes long until a job starts, or for a GPU.
    """

    cores: int = 1
    gpus: int | float = 0
    memory_gb: int | None = None
    minutes: int = 60
    cells: int = 1


@dataclass
class Config:
    """One cell of an experiment, and the settings of the whole.

    ``experiment_name`` names the folder of results. A cell is a ``backbone``, a ``source`` and a ``target``, with every
    ``metric`` and ``truth`` of the experiment; ``recipe`` says how networks are trained and ``budget`` how much is
    spent. ``primary_truth`` is the one of the league table, ``question`` what the league ranks (``sources``,
    ``backbones``, ``targets``). ``contrasts`` are pairs of metrics whose difference the report tests; ``best`` is the
    best of those that are no controls, and a name that the league lacks is left out with its pair. ``variations`` are
    overrides under which the same scores are taken again, by factor; a level is named by all of them that are neither
    truths nor budgets. The factor ``images per class`` makes the budget curve of the report.
    ``checkpoints`` are trained on each source, from ``seed`` on; ``transfer_seed`` is the first one of the heads and
    batches of truths, ``metric_seed`` that of all that metrics draw: three other numbers, further off than there are
    repetitions, make another run of the same.
    ``results`` is the folder of table and report, ``store`` that of finished units, shared by all experiments,
    ``reuse`` a results folder whose truths are taken over, ``box`` a finished study with its evidence, on which metrics
    are scored without any training. ``device`` is ``auto``, ``cpu``, ``cuda`` or ``cuda:1``,
    ``job`` what a launcher gives a job. ``tracking`` is Weights & Biases, ``progress`` is ``auto``, ``lines`` or
    ``none``, ``notes`` are printed in the report. While a sweep runs its report is made anew every ``report_every``
    minutes, the first times sooner; 0 or null makes it in the end alone. ``workers`` is the number of jobs beside each
    other on this machine, null where a cluster decides; ``threads`` are those of one job. ``fail_fast`` starts no
    further unit after the first failure, ``retry`` tries a failed unit so many times again, ``time_limit`` is in
    minutes per unit, ``force`` names stages whose results are computed again, with all that reads them, ``together``
    trains seeds and sources of a job at once (``auto``: on a GPU, unless ``deterministic``), ``lock`` is how processes
    that share the store keep out of each other's way (``auto``, ``flock``, ``soft``). ``deterministic`` admits
    deterministic algorithms alone on a GPU; the CPU gives the same numbers in any case. ``units`` is set by the sweep:
    the file of what a job computes.
    """

    experiment_name: str = MISSING
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    source: DatasetConfig = field(default_factory=DatasetConfig)
    target: DatasetConfig = field(default_factory=DatasetConfig)
    metric: dict[str, MetricConfig] = field(default_factory=dict)
    truth: dict[str, TruthConfig] = field(default_factory=dict)
    primary_truth: str = "finetune"
    question: str = "sources"
    contrasts: list[Any] = field(default_factory=list)
    variations: dict[str, list[str]] = field(default_factory=dict)
    recipe: RecipesConfig = field(default_factory=RecipesConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    checkpoints: int = 1
    seed: int = 0
    transfer_seed: int = 0
    metric_seed: int = 0
    results: str = MISSING
    store: str = MISSING
    reuse: str | None = None
    box: str | None = None
    device: str = "auto"
    job: JobConfig = field(default_factory=JobConfig)
    workers: int | None = 1
    threads: int = 1
    fail_fast: bool = False
    retry: int = 0
    time_limit: float | None = None
    together: Any = "auto"
    force: Any = field(default_factory=list)
    lock: str = "auto"
    deterministic: bool = False
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    progress: str = "auto"
    report_every: float | None = 10
    notes: list[str] = field(default_factory=list)
    units: str | None = None


def register() -> None:
    """Make the schema and the resolvers known to Hydra; may be called more than once."""
    ConfigStore.instance().store(name="schema", node=Config)
    for resolver in (share, jobs_at_once, whole_gpus, memory_bytes):
        OmegaConf.register_new_resolver(resolver.__name__, resolver, replace=True)
    OmegaConf.register_new_resolver("file_name", lambda path: one_line(Path(path).name), replace=True)
    OmegaConf.register_new_resolver("cores", available_cores, replace=True)
    OmegaConf.register_new_resolver("join", os.path.join, replace=True)
