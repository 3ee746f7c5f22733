"""Registers pgebench's sweeper with Hydra, which admits plugins from this namespace alone."""

from hydra_plugins.pgebench_sweeper.sweeper import PgebenchSweeper

__all__ = ["PgebenchSweeper"]
