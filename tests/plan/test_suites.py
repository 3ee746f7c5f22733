"""Suites: the sources and targets of experiments, each list written once."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from pgebench.cli.preflight import unknown_choice, wrong_value
from pgebench.config import conf_dir, register

SUITES = sorted(path.stem for path in (conf_dir() / "suite").glob("*.yaml"))
EXPERIMENTS = sorted(path.stem for path in (conf_dir() / "experiment").glob("*.yaml"))
LISTS = ("dataset@source", "dataset@target")


def composed(*overrides):
    register()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("config", list(overrides), return_hydra_config=True)


def lists(config):
    return [config.hydra.sweeper.params[key] for key in LISTS]


def own_lists(suite):
    params = OmegaConf.load(conf_dir() / "suite" / f"{suite}.yaml").hydra.sweeper.params
    return [params[key] for key in LISTS]


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_a_suite_replaces_the_lists_of_any_experiment_and_nothing_else(experiment, suite):
    chosen, before = composed(f"experiment={experiment}", f"suite={suite}"), composed(f"experiment={experiment}")
    assert lists(chosen) == own_lists(suite)
    for config in (chosen, before):
        OmegaConf.set_struct(config, False)
        config.pop("hydra")
    assert chosen == before
    assert "suite" not in chosen


@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_names_datasets_that_are_there(suite):
    names = {name for text in own_lists(suite) for name in text.split(",")}
    assert names <= {path.stem for path in (conf_dir() / "dataset").glob("*.yaml")}


def test_no_list_of_datasets_is_written_twice():
    texts = [path.read_text() for group in ("experiment", "suite") for path in (conf_dir() / group).glob("*.yaml")]
    long = [line for text in texts for line in text.splitlines() if line.count(",") > 3 and "dataset@source" in line]
    assert len(long) == len(set(long))


def test_a_suite_that_is_not_there_is_an_error_with_those_that_are():
    assert unknown_choice(["suite=view"], [conf_dir()]) == (
        f"suite=view: no such suite; did you mean views? choose from {', '.join(SUITES)}"
    )
    assert wrong_value(["suite=views"], [conf_dir()]) is None


def test_an_experiment_of_the_user_with_lists_of_its_own_keeps_them(tmp_path: Path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ndefaults: [embedded]\nhydra: {sweeper: {params: {dataset@source: 'mnist,emoji'}}}\n"
    )
    mine = composed("experiment=mine", f"hydra.searchpath=['file://{tmp_path}']")
    assert lists(mine) == ["mnist,emoji", own_lists("views")[1]]
