"""Environment of the process that speaks to W&B: what the user's shell says of a run must not be said of ours.

A sweep has many runs. Variables that name one run (``WANDB_RUN_ID``), its place (``WANDB_DIR``), or the process of
another program (``WANDB_SERVICE``) would make them one: they share a folder, and all but one are lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MODES = ("disabled", "offline", "online")
"""From the one that says least to the one that says most."""

ALIASES = {"dryrun": "offline", "run": "online"}
"""What W&B still understands."""

OF_ONE_RUN = re.compile(
    r"WANDB_(RUN_\w+|NAME|JOB_TYPE|RESUME\w*|FORK_FROM|SWEEP_\w+|LAUNCH\w*|DIR|X_PRIMARY|X_LABEL|X_FILES_DIR"
    r"|REINIT|INITED|SERVICE|MODE|DISABLED)"
)
"""Variables that are not handed on; those of the account, the server, proxies, caches, notes and tags are."""


def mode(wanted: str, environment: Mapping[str, str]) -> str:
    """What happens: the lesser of what the config wants and the environment allows.

    Args:
        wanted: ``tracking.mode``.
        environment: Variables of the sweep's process.

    Returns:
        ``disabled``, ``offline`` or ``online``; a mode that is none of these as it was given.

    >>> mode("online", {"WANDB_MODE": "offline"}), mode("offline", {"WANDB_MODE": "online"})
    ('offline', 'offline')
    >>> mode("online", {"WANDB_DISABLED": "true"}), mode("online", {})
    ('disabled', 'online')
    """
    said = environment.get("WANDB_MODE", "").strip().lower()
    allowed = ALIASES.get(said, said)
    if environment.get("WANDB_DISABLED", "").strip().lower() in ("true", "1", "yes", "on"):
        allowed = "disabled"
    return min(wanted, allowed, key=MODES.index) if {wanted, allowed} <= set(MODES) else wanted


def handed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables for W&B's process.

    Args:
        environment: Those of the sweep's process.

    Returns:
        The same without those of another run.

    >>> handed_on({"WANDB_RUN_ID": "abc", "WANDB_API_KEY": "x", "WANDB_RESUME": "must"})
    {'WANDB_API_KEY': 'x'}
    """
    return {name: value for name, value in environment.items() if not OF_ONE_RUN.fullmatch(name)}
