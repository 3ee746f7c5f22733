"""Where networks compute, and whether several are trained at once there."""

from __future__ import annotations

import pytest
import torch

from pgebench.core.errors import ConfigError
from pgebench.run.device import together_on

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("device", "value", "deterministic", "on"),
    [
        ("cpu", "auto", False, False),
        ("cuda", "auto", False, True),
        ("cuda", "auto", True, False),
        ("cuda", False, False, False),
        ("cpu", True, False, True),
    ],
)
def test_seeds_are_trained_together_on_a_gpu_or_on_demand(device: str, value: object, deterministic: bool, on: bool):
    assert together_on(torch.device(device), value, deterministic) is on


def test_another_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="together=yes: choose from auto, true, false"):
        together_on(CPU, "yes", False)
