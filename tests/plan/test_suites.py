"""Suites: the sources and targets of experiments, each list written once."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from pgebench.cli.preflight import unknown_choice, wrong_value
from pgebench.config import conf_dir, register

SUITES = sorted(path.stem for path in (conf_dir() / "suite").glob("*.yaml"))
EXPERIMENTS = sorted(path.stem for path in (conf_dir() / "experiment").glob("*.yaml"))
LISTS = ("dataset@source", "dataset@target", "backbone")
WITH_BACKBONES = {"sfda", "mixed"}


def composed(*overrides):
    register()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("config", list(overrides), return_hydra_config=True)


def lists(config):
    return {key: config.hydra.sweeper.params.get(key) for key in LISTS}


def stated(group, name):
    params = OmegaConf.select(OmegaConf.load(conf_dir() / group / f"{name}.yaml"), "hydra.sweeper.params") or {}
    return {key: params[key] for key in LISTS if key in params}


def own_lists(suite):
    return (stated("suite", "field") if suite in WITH_BACKBONES else {}) | stated("suite", suite)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_a_suite_replaces_the_lists_of_any_experiment_and_nothing_else(experiment, suite):
    chosen, before = composed(f"experiment={experiment}", f"suite={suite}"), composed(f"experiment={experiment}")
    # Backbones belong to the experiment: where it names some, they stay.
    kept = before.hydra.sweeper.params.get("backbone") if experiment != "standard" else None
    backbones = {"backbone": kept or own_lists(suite).get("backbone")}
    assert lists(chosen) == own_lists(suite) | backbones
    for config in (chosen, before):
        OmegaConf.set_struct(config, False)
        config.pop("hydra")
    assert chosen == before
    assert "suite" not in chosen


@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_names_what_is_there(suite):
    for key, text in own_lists(suite).items():
        group = "backbone" if key == "backbone" else "dataset"
        assert set(text.split(",")) <= {path.stem for path in (conf_dir() / group).glob("*.yaml")}
    assert ("backbone" in own_lists(suite)) == (suite in WITH_BACKBONES)


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
    assert lists(mine) == own_lists("views") | {"dataset@source": "mnist,emoji", "backbone": None}
