"""The one place where a config becomes an object."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import get_method, instantiate

from pgebench.core.errors import ConfigError, PgebenchError
from pgebench.core.quoting import escaped_all


def build(config: Mapping[str, Any] | str) -> Any:
    """Call the ``_target_`` of a config with its other fields.

    Args:
        config: a mapping, or its JSON text, with plain values: a ``${`` in them is that and no interpolation.

    Raises:
        ConfigError: there is no such target, or it does not take these fields.
        PgebenchError: what the target raises itself.

    >>> build({"_target_": "builtins.divmod", "_args_": [7, 2]})
    (3, 1)
    """
    fields = json.loads(config) if isinstance(config, str) else dict(config)
    try:
        # Twice, for Hydra resolves the config that it makes of them, and what it then reads from it.
        return instantiate({"_convert_": "all", **escaped_all(escaped_all(fields))})
    except InstantiationException as error:
        cause = error.__cause__ or error
        if isinstance(cause, PgebenchError):
            raise cause from error
        raise ConfigError(f"cannot build {fields.get('_target_', fields)}: {cause}") from error


def function(config: Mapping[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The function that ``_target_`` names, and the arguments that the config fixes.

    Raises:
        ConfigError: ``_target_`` is missing or names nothing that can be imported.
    """
    fields = dict(config)
    target = fields.pop("_target_", None)
    if not isinstance(target, str):
        raise ConfigError("a metric's `function` needs a `_target_`, for example `_target_: baselines.leep`")
    try:
        return get_method(target), fields
    except (ImportError, ValueError) as error:
        raise ConfigError(f"cannot import the function '{target}': {error}") from error
