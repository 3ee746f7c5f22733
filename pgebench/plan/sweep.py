"""From the overrides of a multirun to cells: few compositions, however many cells.

Hydra composes a config in tens of milliseconds, so a sweep of ten thousand cells cannot compose each. The subtrees
``backbone``, ``source`` and ``target`` are composed once for each of their choices, and cells are put together from
them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from pgebench.core.errors import ConfigError
from pgebench.core.words import nowhere, one
from pgebench.plan import unavailable
from pgebench.plan.cell import Cell, Named
from pgebench.plan.unavailable import not_installed, usable
from pgebench.plan.units import counts, void_metrics
from pgebench.plan.variation import Compose, put_in, remembered, split
from pgebench.plan.words import literal

GROUPS = ("backbone", "source", "target")
SETTINGS = ("metric", "truth", "recipe", "checkpoints", "seed", "transfer_seed", "metric_seed")


@dataclass(frozen=True)
class Choice:
    """One combination of the swept values of a group, as overrides, with what tells it apart in the table."""

    overrides: tuple[str, ...]
    suffix: str = ""


@dataclass(frozen=True)
class Sweep:
    """All cells of a multirun, the composed config of the first, and the pairs and metrics left out with the reason."""

    cells: list[Cell]
    config: DictConfig
    skipped: list[str]
    left_out: list[str]


def group_of(key: str) -> str:
    """The subtree that an override touches: ``backbone``, ``source``, ``target`` or ``settings``.

    >>> group_of("dataset@source"), group_of("target.classes"), group_of("budget.episodes")
    ('source', 'target', 'settings')
    """
    root = key.lstrip("+~").removeprefix("dataset@").split(".")[0].split("@")[0]
    return root if root in GROUPS else "settings"


def choices(overrides: Sequence[Override]) -> dict[str, list[Choice]]:
    """The combinations of each group; a later override of a key replaces an earlier one."""
    axes: dict[str, tuple[list[str], bool]] = {}
    for override in overrides:
        key = override.get_key_element()
        if override.is_sweep_override():
            if not override.is_discrete_sweep():
                raise ConfigError(f"{override.input_line}: only lists of values can be swept, such as {key}=1,2,3")
            axes[key] = [f"{key}={value}" for value in override.sweep_string_iterator()], True
        else:
            axes[key] = [f"{key}={override.get_value_element_as_str()}"], False
    result = {}
    for group in (*GROUPS, "settings"):
        own = [(key, values, swept) for key, (values, swept) in axes.items() if group_of(key) == group]
        result[group] = [
            Choice(chosen, _suffix(chosen, own)) for chosen in itertools.product(*(values for _, values, _ in own))
        ]
    return result


def expand(overrides: Sequence[Override], compose: Compose) -> Sweep:
    """Every cell that the overrides ask for, without overlapping pairs and metrics that need what is not installed.

    The cells of the experiment itself come first, then those of its ``variations``, one factor at a time.

    Raises:
        ConfigError: no pair is left, one explicit pair is impossible, or two levels of a variation have one name.
    """
    compose = remembered(compose)
    subtrees: dict[tuple[Any, ...], dict[str, Any]] = {}
    found = _product(overrides, compose, subtrees)
    for factor, levels in plain(found.config.variations).items():
        for level in levels:
            if not level.split():
                raise ConfigError(f"variations.{factor}: '{level}' holds no override; write key=value")
            changed = OverridesParser.create().parse_overrides([part for one in level.split() for part in literal(one)])
            variant = f"{factor}: {_level_name(level)}"
            if any(cell.variant == variant for cell in found.cells):
                raise ConfigError(f"variations.{factor}: two of the lists change '{_level_name(level)}'; leave one out")
            choosing, values = split(changed, overrides)
            varied = _product([*overrides, *choosing], put_in(values, compose), {} if values else subtrees, variant)
            found.cells.extend(varied.cells)
            found.left_out.extend(line for line in varied.left_out if line not in found.left_out)
    return found


def _level_name(level: str) -> str:
    """What a level changes; its truths and budgets only go with that.

    >>> _level_name("target.train_per_class=2 target.draw=1 truth=[]"), _level_name("budget.draws=2")
    ('target.train_per_class=2 target.draw=1', 'budget.draws=2')
    """
    parts = level.split()
    return " ".join([one for one in parts if not one.startswith(("truth=", "budget."))] or parts)


def _product(
    overrides: Sequence[Override],
    compose: Compose,
    subtrees: dict[tuple[Any, ...], dict[str, Any]],
    variant: str | None = None,
) -> Sweep:
    """The cells of one product of lists; ``subtrees`` keeps what was composed, for the next product."""
    found = choices(overrides)
    first = {group: options[0].overrides for group, options in found.items()}
    cells: list[Cell] = []
    skipped: list[str] = []
    without: set[str] = set()
    config: DictConfig | None = None
    for setting in found["settings"]:
        whole = compose(list(itertools.chain.from_iterable((first | {"settings": setting.overrides}).values())))
        config = whole if config is None else config
        for key in ("metric", "truth", "recipe"):
            _check_independent(whole[key], key, found)
        settings = settings_of(whole)
        without.update(not_installed(plain(whole["metric"])))
        others = _without_metrics(setting.overrides)
        _compose_subtrees(found, others, compose, subtrees)
        composed: dict[str, list[Named]] = {group: [] for group in GROUPS}
        for group in GROUPS:
            for choice in found[group]:
                subtree = subtrees[group, others, choice.overrides]
                if subtree.get("path") == "":
                    raise ConfigError(f"{group}.path is empty: say where the data are with {group}.path=...")
                name = subtree["name"] + choice.suffix + (setting.suffix if group == "backbone" else "")
                composed[group].append(Named(name, subtree))
        named = [*composed["source"], *composed["target"]]
        named = [name for name in named if not unavailable.is_pretrained(name.config)]
        _check_names(named)
        common = min(counts(name)["classes"] for name in named) if named else None
        several = len(composed["source"]) * len(composed["target"]) > 1
        for backbone, source, target in itertools.product(*(composed[group] for group in GROUPS)):
            cell = Cell(backbone, source, target, settings, common, variant)
            if several and (reason := cell.overlap()):
                if backbone is composed["backbone"][0]:
                    skipped.append(f"{source.name} -> {target.name}: {reason}")
                continue
            cells.append(cell)
    if not cells or config is None:
        raise ConfigError(f"no source can be transferred to a target: {'; '.join(skipped)}. Choose other datasets")
    shipped = [cell for cell in cells if unavailable.is_pretrained(cell.source.config)]
    trained = [cell for cell in cells if not unavailable.is_pretrained(cell.source.config)]
    if shipped and trained and any(cell.settings["checkpoints"] != 1 for cell in trained):
        raise ConfigError(
            "source=pretrained stands beside sources that are trained here, and weights as they were shipped have no "
            "second checkpoint: set checkpoints=1, or leave pretrained out"
        )
    without.update(unavailable.void_lines(map(void_metrics, trained)))
    without.update(unavailable.void_lines(map(void_metrics, shipped), alone=not trained))
    return Sweep(cells, config, sorted(set(skipped)), sorted(without))


def _compose_subtrees(
    found: Mapping[str, Sequence[Choice]],
    others: tuple[str, ...],
    compose: Compose,
    subtrees: dict[tuple[Any, ...], dict[str, Any]],
) -> None:
    """Compose what ``subtrees`` lacks. A subtree follows from its own overrides, so one config serves all groups."""
    lacking = [[one for one in found[group] if (group, others, one.overrides) not in subtrees] for group in GROUPS]
    for row in itertools.zip_longest(*lacking):
        chosen = {group: choice or found[group][0] for group, choice in zip(GROUPS, row, strict=True)}
        whole = compose([*(text for choice in chosen.values() for text in choice.overrides), *others])
        for group, choice in chosen.items():
            _check_independent(whole[group], group, found)
            subtrees[group, others, choice.overrides] = plain(whole[group])


def _check_independent(node: DictConfig, key: str, found: Mapping[str, Sequence[Choice]]) -> None:
    """Refuse a value that follows a group of which there are several: planned here, it would be that of one of them."""
    for reference, other in re.findall(r"(?<!\\)(\$\{(backbone|source|target)[.\[][^}]*\})", OmegaConf.to_yaml(node)):
        if other != key and len(found[other]) > 1:
            raise ConfigError(
                f"{key}: a value is {reference}, and there are {len(found[other])} of {other}: write the value itself, "
                f"or sweep one {other} at a time"
            )


def _check_names(datasets: Sequence[Named]) -> None:
    """One name in the table must not stand for two paths."""
    paths: dict[str, str | None] = {}
    for named in datasets:
        path = named.config.get("path")
        if paths.setdefault(named.name, path) != path:
            raise ConfigError(
                f"{paths[named.name]} and {path} are both called {named.name}: rename one, or name it with "
                "source.name=... or target.name=..."
            )


def _without_metrics(overrides: Sequence[str]) -> tuple[str, ...]:
    """The same settings without metrics and truths, which take most of the time of a composition."""
    kept = [text for text in overrides if not re.match(r"[+~]*(metric|truth)\b", text)]
    return (*kept, "metric=[]", "truth=[]")


def cell_of(config: DictConfig, common_classes: int | None = None) -> Cell:
    """The cell of one composed config; ``common_classes`` as in ``Cell``."""
    backbone, source, target = (Named(config[group].name, plain(config[group])) for group in GROUPS)
    return Cell(backbone, source, target, settings_of(config), common_classes)


def settings_of(config: DictConfig) -> dict[str, Any]:
    """The settings of a composed config, with those of its metrics that can be computed here."""
    settings = {key: plain(config[key]) for key in SETTINGS}
    return settings | {"metric": usable(settings["metric"])}


def plain(node: Any) -> Any:
    """A config node as plain Python values, interpolations resolved."""
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


def _suffix(chosen: Sequence[str], own: Sequence[tuple[str, list[str], bool]]) -> str:
    """What tells a choice from the others beyond its option's name: ``[image_size=16]``.

    A path is not shown: the name of its last part names the dataset.
    """
    parts = []
    for text, (key, _, swept) in zip(chosen, own, strict=True):
        if swept and not key.endswith(".path") and (group_of(key) == "settings" or "." in key):
            name = key if group_of(key) == "settings" else key.split(".", 1)[1]
            parts.append(f"{name}={one(text.partition('=')[2], nowhere)}")
    return f"[{', '.join(parts)}]" if parts else ""
