"""Configs of ``conf/`` composed as the command line does, where no command runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from pgebench.config import conf_dir, register
from pgebench.plan.sweep import Sweep, expand
from pgebench.plan.words import spelled


@contextmanager
def composing() -> Iterator[None]:
    """Inside, Hydra's ``compose`` reads ``conf/`` with the schema and the resolvers of pgebench; one at a time."""
    register()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        yield


def composed(overrides: Sequence[str], hydra: bool = False) -> DictConfig:
    """The config of one job.

    Args:
        overrides: ``key=value``, with one value each.
        hydra: whether Hydra's own settings are there too, under ``hydra``.

    >>> composed(["experiment=smoke"]).experiment_name
    'smoke'
    """
    with composing():
        return compose("config", list(overrides), return_hydra_config=hydra)


def lists_of(experiment: str) -> dict[str, str]:
    """The keys that an experiment in ``conf/experiment`` sweeps over, each with its values between commas.

    >>> lists_of("smoke")["dataset@source"]
    'mnist_0_4,fashion_tops,emoji'
    """
    params = composed([f"experiment={spelled(experiment)}"], hydra=True).hydra.sweeper.params
    return {str(key): str(values) for key, values in (params or {}).items()}


def sweep_of(experiment: str, *overrides: str) -> Sweep:
    """The sweep of an experiment in ``conf/experiment``, over its own lists.

    Args:
        experiment: Its name.
        overrides: ``key=value`` for all of it.

    >>> len(sweep_of("smoke", "metric=[]").cells)
    6
    """
    lists = [f"{key}={values}" for key, values in lists_of(experiment).items()]
    return swept([f"experiment={spelled(experiment)}", *overrides, *lists])


def swept(overrides: Sequence[str]) -> Sweep:
    """The sweep over these lists and no others.

    Args:
        overrides: ``key=value`` or ``key=value,value``.

    >>> [cell.source.name for cell in swept(["dataset@source=emoji,faces", "dataset@target=mnist"]).cells]
    ['emoji', 'faces']
    """
    return expand(OverridesParser.create().parse_overrides(list(overrides)), composed)
