"""What the README says is so: its commands compose, its tables are those of the reference results."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from PIL import Image
from plan.test_sweep import sweep

from pgebench.cli.main import OPTIONS, _options_first, _with_experiment, _with_group
from pgebench.cli.preflight import unknown_choice, wrong_value
from pgebench.config import conf_dir, register
from pgebench.core.errors import PgebenchError

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
LINES = README.replace("\\\n", " ")
COMMANDS = sorted(set(re.findall(r"^pgebench (.+?)(?: +#.*)?$", LINES, flags=re.MULTILINE)))
ELSEWHERE = ("is not installed", "cannot be downloaded", "/path/file")
"""What an error says where a command needs what this machine need not have."""


@pytest.fixture
def readers_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders of images that the README calls its reader's."""
    for name in ("photos", "plants", "birds"):
        for label, shade in (("one", 40), ("two", 200)):
            folder = tmp_path / "my" / name / label
            folder.mkdir(parents=True)
            for number in range(10):
                Image.new("RGB", (8, 8), (shade, number, len(name))).save(folder / f"{number}.png")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shown_is_a_sweep_that_can_be_planned(command: str, readers_folders: None) -> None:
    register()
    arguments = _options_first(_with_experiment([_with_group(argument) for argument in shlex.split(command)]))
    overrides = [argument for argument in arguments if "=" in argument]
    if "--config-dir" in arguments:
        pytest.skip("a folder of the reader's; test_plugin runs this command on the example's files")
    assert unknown_choice(overrides, [conf_dir()]) is None
    if (reason := wrong_value(overrides, [conf_dir()])) and any(part in reason for part in ELSEWHERE):
        pytest.skip(reason)
    assert reason is None
    chosen = [override for override in overrides if override.startswith(("experiment=", "suite="))]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        params = compose("config", chosen, return_hydra_config=True).hydra.sweeper.params
    try:
        # The first and the last of each list show what all would, in a tenth of the time.
        lists = {key: str(value).split(",") for key, value in params.items()}
        few = {key: ",".join(values[:: max(1, len(values) - 1)]) for key, values in lists.items()}
        assert sweep(*(f"{key}={value}" for key, value in few.items()), *overrides).cells
    except PgebenchError as error:
        if not any(part in str(error) for part in ELSEWHERE):
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize("line", re.findall(r"^pgebench-(?:pge|rank).*", README, flags=re.MULTILINE))
def test_every_option_shown_is_one_of_the_command(line: str) -> None:
    command, *arguments = shlex.split(line, comments=True)
    assert {argument.partition("=")[0] for argument in arguments} <= set(OPTIONS[command])


def test_the_plugin_shown_is_the_one_that_is_tested() -> None:
    example = (ROOT / "tests" / "example_plugin" / "class_spread.py").read_text()
    for line in re.search(r"# mine/class_spread.py\n(.*?)```", README, flags=re.DOTALL)[1].splitlines():
        assert line in example


@pytest.mark.parametrize("report", re.findall(r"<!-- league: (\S+) -->", README))
def test_the_league_shown_is_that_of_the_reference_report(report: str) -> None:
    shown = re.search(rf"<!-- league: {re.escape(report)} -->\n((?:\|.*\n)+)", README)
    assert shown is not None
    assert shown[1] in (ROOT / report).read_text()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert link.startswith("https://") or (ROOT / link).exists()
