"""What several tests share: a real experiment of a few seconds, run in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import fault_page
import pytest
import torch
from hydra.core.global_hydra import GlobalHydra
from hypothesis import settings

from pgebench.cli import main

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["WANDB_MODE"] = "offline"
os.environ["WANDB_SILENT"] = "true"

# A shared machine may be slow; a property does not become false by it.
settings.register_profile("pgebench", deadline=None)
settings.load_profile("pgebench")

TINY = (
    "experiment=smoke",
    "launch=serial",
    "threads=1",
    "tracking=none",
    "progress=none",
    "report_every=0",
    "source=mnist_0_4,fashion_tops",
    "target=mnist_5_9,fashion_rest",
    "recipe.checkpoint.steps=4",
    "recipe.finetune.steps=3",
    "recipe.linear_probe.steps=3",
    "budget.restarts=2",
    "budget.episodes=2",
    "budget.official_episodes=2",
)
"""An experiment with every stage, every metric and both truths, as small as they can be."""

Run = Callable[..., int]


def run_pgebench(*arguments: str) -> int:
    """Run the command in this process; returns its exit code."""

    GlobalHydra.instance().clear()
    before, sys.argv = sys.argv, ["pgebench", *arguments]
    try:
        main.main()
        return 0
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
            return 1
        return int(stop.code or 0)
    finally:
        sys.argv = before
        GlobalHydra.instance().clear()


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """Every test computes with one thread, as a worker of the default launcher on two cores does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def pgebench(tmp_path: Path) -> Run:
    """Runs the tiny experiment, with further overrides, in a results folder of the test's own."""

    def run(*arguments: str) -> int:
        return run_pgebench(*TINY, f"results={tmp_path}/results", f"store={tmp_path}/store", *arguments)

    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Digits as files: a folder with a space in its name, PNG and JPEG, two classes."""
    from photos import write

    from pgebench import embedded

    pack, root = embedded.load("digits"), tmp_path / "my photos"
    for name, label in (("zero", 0), ("one", 1)):
        for number, image in enumerate(pack.images[pack.labels == label][:12]):
            write(root / name / f"{number}.{'png' if number % 2 else 'JPG'}", image)
    return root


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished tiny experiment, with ``results`` and ``store``; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    torch.set_num_threads(1)
    assert run_pgebench(*TINY, f"results={folder}/results", f"store={folder}/store") == 0
    return folder


@pytest.fixture(scope="session")
def injected() -> fault_page.Injected:
    """Notes a line of the page of faults: which fault, how often, and what came of it."""
    return fault_page.note


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the page of faults, if it was asked for and every test ran and passed: a run cut short has no page."""
    page = session.config.getoption("--faults-page")
    if page and exitstatus == pytest.ExitCode.OK:
        fault_page.write(Path(page))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Folders of a user's own metrics for the contract tests, and a file for the fault suite."""
    parser.addoption("--faults-page", help="a file for what was injected and what came of it")
    parser.addoption("--metric-dir", action="append", default=[], help="a --config-dir with metrics to put to the test")
