"""Dashboard: a W&B workspace and report from a specification, through wandb-workspaces.

Reading, checking and building them needs no login; only creating does.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pgebench.core.errors import ConfigError
from pgebench.core.metric_facts import metric_facts
from pgebench.core.text import unfolded
from pgebench.tracking.keys import FINAL, LIVE, RANKING, known

SPECIFICATION = Path(__file__).with_name("dashboard.yaml")


@dataclass
class PanelSpec:
    """A panel: its kind, what it plots, and for a line plot its axis and whether it is logarithmic."""

    panel: str
    title: str
    keys: list[str]
    x: str | None = None
    log: bool = False


@dataclass
class SectionSpec:
    """Panels under a heading, and the type of runs that the report shows in them."""

    name: str
    runs: str
    panels: list[PanelSpec]
    text: str = ""


@dataclass
class DashboardSpec:
    """The workspace and the report, which have the same sections."""

    title: str
    text: str
    sections: list[SectionSpec] = field(default_factory=list)


def load_specification(path: Path = SPECIFICATION) -> DashboardSpec:
    """Read a specification; ``*`` in a bar plot becomes the metrics of pgebench.

    Raises:
        ConfigError: a field is unknown or missing, there is no such panel, or no run logs a key.
    """
    try:
        merged = OmegaConf.merge(OmegaConf.structured(DashboardSpec), OmegaConf.load(path))
        spec: DashboardSpec = OmegaConf.to_object(merged)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        raise ConfigError(f"{path.name}: {unfolded(error)}") from error
    for section in spec.sections:
        if section.runs not in (LIVE, FINAL, RANKING):
            raise ConfigError(
                f"{path.name}: {section.name}: runs={section.runs}; choose from {LIVE}, {FINAL}, {RANKING}"
            )
        section.panels = [_checked(panel, f"{path.name}: {section.name}: {panel.title}") for panel in section.panels]
    return spec


def _checked(panel: PanelSpec, where: str) -> PanelSpec:
    if panel.panel not in PANELS:
        raise ConfigError(f"{where}: no panel {panel.panel}; choose from {', '.join(PANELS)}")
    if (panel.x is None) == (panel.panel == "line"):
        raise ConfigError(f"{where}: a line plot, and nothing else, has an x")
    for key in (*panel.keys, *filter(None, [panel.x])):
        if not any(fnmatch.fnmatchcase(key, pattern) for pattern in known()):
            raise ConfigError(f"{where}: no run logs {key}; they log {', '.join(known())}")
    if panel.panel != "bar":
        return panel
    expanded = [[key.replace("*", name) for name in league_names()] if "*" in key else [key] for key in panel.keys]
    return replace(panel, keys=[key for keys in expanded for key in keys])


def league_names() -> list[str]:
    """Every metric that a league table of pgebench can have."""
    from pgebench.analysis.composites import composites
    from pgebench.analysis.judge import STATIC

    facts = metric_facts({})
    made = composites(facts)
    return sorted(set(facts).difference(*made.values()) | set(made) | {STATIC})


def outline(spec: DashboardSpec) -> str:
    """What would be created, one line per panel."""
    lines = [f"Workspace and report: {spec.title}"]
    for section in spec.sections:
        lines.append(f"  {section.name}")
        for panel in section.panels:
            shown = ", ".join(panel.keys[:3]) + (f" and {len(panel.keys) - 3} more" if len(panel.keys) > 3 else "")
            lines.append(f"    {panel.panel:6}{panel.title}: {shown}")
    return "\n".join(lines)


def wandb_workspace(spec: DashboardSpec, entity: str, project: str) -> Any:
    """The ``wandb_workspaces.workspaces.Workspace``, not saved."""
    ws, wr = _packages()
    sections = [
        ws.Section(name=section.name, panels=_panels(wr, section.panels), is_open=True) for section in spec.sections
    ]
    return ws.Workspace(entity=entity, project=project, name=spec.title, sections=sections)


def wandb_report(spec: DashboardSpec, entity: str, project: str) -> Any:
    """The ``wandb_workspaces.reports.v2.Report``, not saved."""
    _, wr = _packages()
    blocks: list[Any] = [wr.P(spec.text), wr.TableOfContents()]
    for section in spec.sections:
        blocks.append(wr.H1(section.name))
        if section.text:
            blocks.append(wr.P(section.text))
        runs = wr.Runset(name=f"{section.runs} runs", filters=f"JobType = '{section.runs}'")  # of the report's project
        blocks.append(wr.PanelGrid(runsets=[runs], panels=_panels(wr, section.panels)))
    return wr.Report(
        entity=entity, project=project, title=spec.title, description=spec.text, blocks=blocks, width="fluid"
    )


def create_dashboard(spec: DashboardSpec, entity: str, project: str) -> tuple[str, str]:
    """Save a workspace and a report; returns their addresses.

    Raises:
        ConfigError: the package is missing, or W&B refuses.
    """
    made = [build(spec, entity, project) for build in (wandb_workspace, wandb_report)]
    try:
        for thing in made:
            thing.save()
    except Exception as error:  # the package raises bare exceptions, too
        raise ConfigError(
            f"W&B did not take entity={entity} project={project} ({error}); log in with `wandb login`"
        ) from error
    return made[0].url, made[1].url


def _packages() -> tuple[Any, Any]:
    try:
        import wandb_workspaces.reports.v2 as wr
        import wandb_workspaces.workspaces as ws
    except ImportError as error:
        raise ConfigError("a dashboard needs wandb-workspaces: pip install 'pgebench[dashboard]'") from error
    return ws, wr


COLUMNS, WIDTH, HEIGHT = 2, 12, 8
"""Panels beside each other in a report, and their size; a report is 24 wide."""


def _panels(wr: Any, specs: Sequence[PanelSpec]) -> list[Any]:
    made = []
    for number, spec in enumerate(specs):
        panel = PANELS[spec.panel](wr, spec)
        x, y = WIDTH * (number % COLUMNS), HEIGHT * (number // COLUMNS)
        panel.layout = wr.Layout(x=x, y=y, w=WIDTH, h=HEIGHT)
        made.append(panel)
    return made


def _line(wr: Any, spec: PanelSpec) -> Any:
    patterns = [re.escape(key).replace(r"\*", ".*") for key in spec.keys]
    several = any("*" in key for key in spec.keys)
    return wr.LinePlot(
        title=spec.title,
        x=spec.x,
        y=[] if several else spec.keys,
        metric_regex="|".join(patterns) if several else None,
        log_y=spec.log or None,
    )


def _media(wr: Any, spec: PanelSpec) -> Any:
    return wr.MediaBrowser(title=spec.title, media_keys=spec.keys, num_columns=1)


PANELS: dict[str, Callable[[Any, PanelSpec], Any]] = {
    "bar": lambda wr, spec: wr.BarPlot(title=spec.title, metrics=spec.keys, max_bars_to_show=len(spec.keys)),
    "line": _line,
    "image": _media,
    "html": _media,
    "table": lambda wr, spec: wr.WeavePanelSummaryTable(table_name=spec.keys[0]),
}
"""What a specification can ask for; the functions take the package, so that reading one needs no package."""
