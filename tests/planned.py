"""Sweeps, cells and units from overrides, without running any."""

from __future__ import annotations

from pgebench.plan.cell import Cell
from pgebench.plan.composing import composed, swept
from pgebench.plan.sweep import Sweep, cell_of
from pgebench.plan.units import LEVELS, plan
from pgebench.store.unit import Unit


def sweep(*overrides: str) -> Sweep:
    return swept(overrides)


def cell(*overrides: str, common_classes: int | None = None) -> Cell:
    return cell_of(composed(overrides), common_classes)


def units(*overrides: str, common_classes: int | None = None) -> dict[str, list[Unit]]:
    return plan(cell(*overrides, common_classes=common_classes))


def every(found: dict[str, list[Unit]]) -> list[Unit]:
    return [unit for level in LEVELS for unit in found[level]]
