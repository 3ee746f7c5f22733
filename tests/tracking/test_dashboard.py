"""The dashboard is built from its specification without a login."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pgebench.cli import commands
from pgebench.core.errors import ConfigError
from pgebench.tracking.dashboard import PANELS, league_names, load_specification, wandb_report, wandb_workspace

SECTION = "title: t\ntext: t\nsections:\n  - name: s\n    runs: report\n    panels: [{{{}}}]\n"


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, and a server that nobody may call."""
    pytest.importorskip("wandb_workspaces", reason="wandb-workspaces is not installed (extra `dashboard`)")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_BASE_URL", "http://localhost:9")


def keys_in(node: Any) -> set[str]:
    """Every string of a JSON value."""
    if isinstance(node, dict):
        return keys_in(list(node.values()))
    if isinstance(node, list):
        return set().union(*map(keys_in, node))
    return {node} if isinstance(node, str) else set()


@pytest.mark.parametrize("build", [wandb_workspace, wandb_report])
def test_what_would_be_sent_plots_every_key_of_the_specification(alone: None, build: Any) -> None:
    sent = keys_in(
        json.loads(build(load_specification(), "entity", "project")._to_model().model_dump_json(by_alias=True))
    )
    for section in load_specification().sections:
        for panel in section.panels:
            for key in panel.keys:
                assert key.replace("*", ".*") in sent or panel.panel == "table"
            assert panel.x is None or panel.x in sent
            assert panel.title in sent or panel.panel == "table"


def test_a_report_shows_each_section_the_runs_that_log_its_keys(alone: None) -> None:
    made = json.loads(
        wandb_report(load_specification(), "entity", "project")._to_model().model_dump_json(by_alias=True)
    )
    filters = [block["metadata"]["runSets"][0]["filters"] for block in made["spec"]["blocks"] if "metadata" in block]
    kinds = [entry["value"] for shown in filters for entry in shown["filters"]]
    assert kinds == [section.runs for section in load_specification().sections]


def test_check_prints_every_panel(
    alone: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["pgebench-dashboard", "check"])
    commands.dashboard()
    printed = capsys.readouterr().out
    assert all(panel.title in printed for section in load_specification().sections for panel in section.panels)


def test_creating_without_a_key_says_what_to_do(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["pgebench-dashboard", "entity=somebody"])
    with pytest.raises(SystemExit, match=r"entity=somebody project=pgebench .*wandb login"):
        commands.dashboard()


def test_without_the_package_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    with pytest.raises(ConfigError, match=r"pgebench\[dashboard\]"):
        wandb_workspace(load_specification(), "entity", "project")


def test_a_bar_plot_shows_every_metric_a_league_can_have() -> None:
    shown = load_specification().sections[0].panels[0].keys
    assert shown == [f"weighted_tau/{name}" for name in league_names()]
    assert {"pge", "ncti", "static"} <= set(league_names())
    assert "ncti_seli" not in league_names()


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        ("panel: bar, title: t, keys: [accuracy]", "no run logs accuracy"),
        ("panel: pie, title: t, keys: [league]", f"no panel pie; choose from {', '.join(PANELS)}"),
        ("panel: line, title: t, keys: [checkpoint/loss]", "has an x"),
        ("panel: bar, title: t, kyes: [league]", "kyes"),
        ("panel: bar, title: t", "keys"),
    ],
)
def test_a_mistake_in_a_specification_is_named(tmp_path: Path, panel: str, message: str) -> None:
    (tmp_path / "mine.yaml").write_text(SECTION.format(panel))
    with pytest.raises(ConfigError, match=message):
        load_specification(tmp_path / "mine.yaml")
