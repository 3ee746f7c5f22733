"""Every command explains itself, quickly, on a terminal of 80 columns."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
from typing import Any

import pytest
from cli import processes
from omegaconf import OmegaConf

from pgebench.cli.options import COMMANDS
from pgebench.config import conf_dir
from pgebench.core.options import explanation, read, typed_key
from pgebench.embedded.build import BuildOptions
from pgebench.published.__main__ import PublishedOptions
from pgebench.studies.statistics.__main__ import StatisticsOptions

OPTIONS: dict[str, type[Any]] = {
    **COMMANDS,
    "pgebench.published": PublishedOptions,
    "pgebench.embedded.build": BuildOptions,
    "pgebench.studies.statistics": StatisticsOptions,
}
TERMINAL = os.environ | {"COLUMNS": "80"}
LIGHT = "print([name for name in ('torch', 'wandb', 'matplotlib') if name in sys.modules], file=sys.stderr)"


def test_no_command_is_forgotten() -> None:
    assert {"pgebench", *COMMANDS} == set(processes.SCRIPTS)
    assert {*COMMANDS, *processes.MODULES} == set(OPTIONS)


@pytest.mark.parametrize("name", OPTIONS)
def test_help_says_what_a_command_is_for_its_options_and_an_example(name: str) -> None:
    shown = processes.run(name, "--help", env=TERMINAL, afterwards=LIGHT)
    assert (shown.returncode, shown.stderr) == (0, "[]\n")
    words = " ".join(shown.stdout.split())
    said = explanation(OPTIONS[name])
    assert said.purpose.split("\n\n")[0].replace("\n", " ") in words
    assert {field.name for field in dataclasses.fields(OPTIONS[name])} == set(said.meanings)
    for field in dataclasses.fields(OPTIONS[name]):
        assert re.search(rf"(?m)^  {re.escape(typed_key(field))}=", shown.stdout)
        assert said.meanings[field.name] in words
    assert said.examples
    assert all(f"  {line}\n" in shown.stdout for line in said.examples)
    assert max(map(len, shown.stdout.splitlines())) <= 80


@pytest.mark.parametrize("name", OPTIONS)
def test_examples_of_the_help_can_be_typed(name: str) -> None:
    for line in explanation(OPTIONS[name]).examples:
        words = shlex.split(line)
        start = ["python", "-m", name] if name in processes.MODULES else [name]
        assert words[: len(start)] == start
        read(OPTIONS[name], name, words[len(start) :])


def test_help_is_help_wherever_it_stands() -> None:
    first, last = (processes.run("pgebench-rank", *words) for words in (["-h"], ["target=x", "nonsense=1", "--help"]))
    assert (first.returncode, last.returncode) == (0, 0)
    assert first.stdout == last.stdout


def test_help_of_the_sweep_names_settings_groups_and_the_other_commands() -> None:
    shown = processes.run("pgebench", "--help", env=TERMINAL, afterwards=LIGHT)
    assert (shown.returncode, shown.stderr) == (0, "[]\n")
    explained = (conf_dir() / "config.yaml").read_text()
    for key in OmegaConf.load(conf_dir() / "config.yaml"):
        if re.search(rf"(?m)^{key}: .* # ", explained):
            assert re.search(rf"(?m)^  {key}=", shown.stdout)
    assert re.search(r"(?m)^  results=results/\$\{experiment_name\}$", shown.stdout)
    for group in ("backbone", "dataset", "metric", "truth", "experiment", "launch"):
        assert re.search(rf"(?m)^{group}: \w+, ", shown.stdout)
    assert all(re.search(rf"(?m)^  {name} +[A-Z]", shown.stdout) for name in COMMANDS)
    assert len(shown.stdout.splitlines()) < 100


def test_the_shell_completes_a_choice() -> None:
    line = "pgebench experiment=sm"
    asked = os.environ | {"COMP_LINE": line, "COMP_POINT": str(len(line))}
    shown = processes.run("pgebench", "-sc", "query=bash", env=asked)
    assert (shown.returncode, shown.stdout.split()) == (0, ["experiment=smoke"])
