"""Terminals that are hard on what is printed to them."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

FULL = Path("/dev/full")


@contextlib.contextmanager
def gone() -> Iterator[None]:
    """Standard output is a pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w")
    with patch.object(sys, "stdout", stream):
        yield
    with contextlib.suppress(BrokenPipeError):  # of what was left in its buffer
        stream.close()


def strict(monkeypatch: pytest.MonkeyPatch, encoding: str) -> io.BytesIO:
    """Standard output that refuses what its encoding lacks."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding, errors="strict"))
    return written


@contextlib.contextmanager
def full() -> Iterator[None]:
    """Standard output is a file on a full disk."""
    with FULL.open("w") as stream, patch.object(sys, "stdout", stream):
        yield
