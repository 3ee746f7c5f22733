"""Weights & Biases for a ranking: one run of type ``rank``, as a sweep has one of type ``report``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from pgebench.config import conf_dir
from pgebench.core.conf import names_in
from pgebench.core.errors import ConfigError
from pgebench.ranking.dataset_names import read_yaml
from pgebench.ranking.request import SILENT, Wish
from pgebench.store.store import Store
from pgebench.tracking import Tracker
from pgebench.tracking.keys import RANKING


def ranking_tracker(wish: Wish, store: Store, results: Path | None) -> Tracker:
    """The tracker of a ranking; nothing is started before it is entered.

    Args:
        wish: What is asked for.
        store: Of the ranking.
        results: Folder of ``ranking.html``; without one there is nothing to show, and no run.

    Raises:
        ConfigError: There is no such tracking.
    """
    known = names_in("tracking")
    if wish.tracking not in known:
        raise ConfigError(f"tracking={wish.tracking}: choose from {', '.join(known)}")
    chosen = read_yaml(conf_dir() / "tracking" / f"{wish.tracking}.yaml")
    tracking = {**chosen, "project": wish.project, "entity": wish.entity}
    if results is None:
        tracking["mode"] = "disabled"
    asked = {name: value for name, value in asdict(wish).items() if name not in SILENT}
    config = {**asked, "experiment_name": Path(wish.target).name, "command": wish.command()}
    return Tracker(tracking, [], store, results or Path(), config, kind=RANKING)
