"""Parameters of a network, chosen by their names."""

from __future__ import annotations

from fnmatch import fnmatchcase

from torch import nn

from pgebench.core.errors import ConfigError


def chosen_parameters(network: nn.Module, pattern: str) -> dict[str, nn.Parameter]:
    """The trainable parameters whose names match a pattern.

    Args:
        network: Any network.
        pattern: As a shell writes patterns: ``*`` for all, ``layer4*`` for a part, ``conv1*|layer1*`` for either.

    Returns:
        The parameters by name, in the network's order.

    Raises:
        ConfigError: there is none.

    >>> [*chosen_parameters(nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1)), "0.weight|1.*")]
    ['0.weight', '1.weight', '1.bias']
    """
    named = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    patterns = pattern.split("|")
    chosen = {name: named[name] for name in named if any(fnmatchcase(name, one) for one in patterns)}
    if not chosen:
        raise ConfigError(
            f"gradient.parameters={pattern}: matches none of the backbone's parameters, "
            f"such as {', '.join([*named][:3])}"
        )
    return chosen
