"""Sweeps, cells and units from overrides, without running any."""

from __future__ import annotations

from pgebench.plan.cell import Cell
from pgebench.plan.composing import composed, swept
from pgebench.plan.sweep import Sweep, cell_of
from pgebench.plan.units import LEVELS, plan
from pgebench.store.unit import Unit


def sweep(*overrides: str) -> Sweep:
    return swept(overrides)


def cell(*overrides: str) -> Cell:
    return cell_of(composed(overrides))


def units(*overrides: str) -> dict[str, list[Unit]]:
    return plan(cell(*overrides))


def every(found: dict[str, list[Unit]]) -> list[Unit]:
    return [unit for level in LEVELS for unit in found[level]]
