"""How long the readers are fuzzed: a glance in every run of the tests, hours where somebody asks for them.

``PGEBENCH_FUZZ=5000 pytest tests -k fuzz`` tries 5,000 inputs of each kind.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Files are written for each input: slow, and the fixture of the folder is the same for all inputs of a test.
fuzzed = settings(
    max_examples=int(os.environ.get("PGEBENCH_FUZZ", "8")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
"""Decorator of a fuzzing test."""


def in_one_line(error: Exception) -> None:
    """A refusal is one line, which is not empty."""
    assert len(str(error).splitlines()) == 1, error
