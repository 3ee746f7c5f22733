"""What the shell says of W&B: of an account, a server or a mode it counts, of a run it does not."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from tracked import track

from pgebench.tracking.environment import handed_on, mode
from pgebench.tracking.tracker import subprocess


@pytest.mark.parametrize(
    ("wanted", "variables", "expected"),
    [
        ("offline", {}, "offline"),
        ("online", {}, "online"),
        ("online", {"WANDB_MODE": "offline"}, "offline"),
        ("online", {"WANDB_MODE": "dryrun"}, "offline"),
        ("offline", {"WANDB_MODE": "online"}, "offline"),
        ("disabled", {"WANDB_MODE": "online"}, "disabled"),
        ("offline", {"WANDB_MODE": "disabled"}, "disabled"),
        ("online", {"WANDB_MODE": "disabled"}, "disabled"),
        ("online", {"WANDB_MODE": "DISABLED "}, "disabled"),
        ("offline", {"WANDB_DISABLED": "true"}, "disabled"),
        ("offline", {"WANDB_DISABLED": "false"}, "offline"),
        ("offline", {"WANDB_MODE": ""}, "offline"),
        ("offline", {"WANDB_MODE": "nonsense"}, "offline"),
    ],
)
def test_the_lesser_of_what_is_wanted_and_what_is_allowed_happens(
    wanted: str, variables: dict[str, str], expected: str
) -> None:
    assert mode(wanted, variables) == expected


OF_ANOTHER_RUN = (
    "RUN_ID", "RESUME", "RESUME_FROM", "FORK_FROM", "NAME", "RUN_GROUP", "RUN_NAME", "JOB_TYPE", "RUN_DIR", "DIR",
    "SWEEP_ID", "SWEEP_PARAM_PATH", "LAUNCH", "LAUNCH_CONFIG_PATH", "SERVICE", "MODE", "DISABLED", "REINIT",
)  # fmt: skip
OF_THE_USER = (
    "API_KEY", "BASE_URL", "ENTITY", "PROJECT", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR", "TAGS", "NOTES", "SILENT",
    "HTTP_TIMEOUT", "IDENTITY_TOKEN_FILE",
)  # fmt: skip


def test_variables_of_another_run_are_not_handed_on_and_those_of_the_user_are() -> None:
    kept = {"PATH": "/bin", "https_proxy": "x", **{f"WANDB_{name}": "x" for name in OF_THE_USER}}
    assert handed_on(kept | {f"WANDB_{name}": "abc" for name in OF_ANOTHER_RUN}) == kept


def test_the_process_is_started_with_what_is_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, str]] = []

    def start(command: list[str], env: dict[str, str], **_: object) -> None:
        seen.append(env)

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setenv("WANDB_RUN_ID", "abc")
    monkeypatch.setenv("WANDB_API_KEY", "x")
    with track(tmp_path, []):
        pass
    (env,) = seen
    assert "WANDB_RUN_ID" not in env
    assert env["WANDB_API_KEY"] == "x"


def test_a_run_that_is_less_than_it_was_asked_for_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with track(tmp_path, [], mode="offline"):
        assert caplog.text == ""
    with track(tmp_path, [], mode="online"):
        assert "tracking.mode=online, but the environment says disabled" in caplog.text
