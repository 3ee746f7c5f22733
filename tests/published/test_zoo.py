"""Model Spider's zoo: 66 models as sources, with the numbers of learnware_info.py (d2a53e4) typed in again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import weightedtau, zscore

from pgebench.analysis.league import analyse
from pgebench.analysis.static_ranker import static_scores
from pgebench.analysis.table import within_target_z
from pgebench.published import load
from pgebench.published.expected import candidate_share, figures, places_of
from pgebench.published.records import records

ZOO = load("model_spider_zoo")
NETWORKS = ("densenet201", "inception_v3", "resnet50")


@pytest.mark.parametrize(
    ("backbone", "source", "target", "percent"),
    [
        ("densenet201", "aid", "stl10", 92.38),
        ("densenet201", "aircraft", "aircraft", 88.33),
        ("densenet201", "imagenet", "stl10", 98.1),
        ("inception_v3", "aid", "aircraft", 79.51),
        ("inception_v3", "svhn", "cub2011", 55.61),
        ("resnet50", "aid", "cub2011", 77.51),
        ("resnet50", "nabirds", "cub2011", 85.86),
        ("resnet50", "vlcs", "dtd", 75.32),
        ("resnet50", "vlcs", "aircraft", 86.86),
    ],
)
def test_values_are_those_of_the_repository(backbone: str, source: str, target: str, percent: float) -> None:
    assert ZOO.accuracy.loc[(backbone, source), target] == pytest.approx(percent / 100, abs=1e-12)


def test_every_network_comes_from_the_same_22_sources_and_goes_to_7_targets() -> None:
    assert ZOO.accuracy.shape == (66, 7)
    assert not ZOO.accuracy.isna().to_numpy().any()
    by_network = {name: set(rows.index.get_level_values("source")) for name, rows in ZOO.accuracy.groupby("backbone")}
    assert tuple(by_network) == NETWORKS
    assert all(len(sources) == 22 and set(ZOO.accuracy.columns) < sources for sources in by_network.values())
    assert (ZOO.accuracy.min().min(), ZOO.accuracy.max().max()) == (0.5561, 0.9819)


def test_a_source_is_not_judged_on_its_own_target() -> None:
    rows = records(ZOO)
    assert (rows["source"] != rows["target"]).all()
    assert (rows["stage"] == "truth").sum() == 66 * 7 - 3 * 7


def test_no_scores_are_published_and_the_rankers_need_none() -> None:
    metrics = set(records(ZOO)["metric"].dropna())
    assert metrics == {"number_of_classes", "parameter_count", "random", "static_standardised"}


@pytest.mark.parametrize("figure", [*figures(ZOO)], ids=lambda one: one.backbone)
def test_a_mean_of_z_scores_reaches_what_was_expected_of_it(figure) -> None:
    values = ZOO.accuracy.loc[figure.backbone]
    z, taus = zscore(values.to_numpy(), axis=0), []
    for t, target in enumerate(values):
        others = values.index != target
        taus.append(weightedtau(np.delete(z, t, 1).mean(1)[others], values[target][others]).statistic)
    assert np.mean(taus) == pytest.approx(figure.expected, abs=1e-3)
    assert np.mean(taus) == pytest.approx(figure.scipy, abs=1e-9)


def test_the_league_of_each_network_is_scipys_for_the_same_ranker() -> None:
    result = analyse(records(ZOO), {}, primary_truth=ZOO.truth, resamples=2, shuffles=2).results[0]
    found = result.by_backbone.set_index(["backbone", "metric"])["weighted_tau"]
    for network in NETWORKS:
        truth = ZOO.transfers.loc[network].to_numpy()
        score = static_scores(within_target_z(truth[None])[..., None])[0]
        there = np.isfinite(truth)
        taus = [weightedtau(score[there[:, t], t], truth[there[:, t], t]).statistic for t in range(7)]
        assert found[network, "static_standardised"] == pytest.approx(np.mean(taus), abs=1e-9)


def test_imagenet_is_nearly_always_among_the_first_two_sources() -> None:
    places = places_of(ZOO, "imagenet")
    by_hand = [
        1 + sum(values[source] > values["imagenet"] for source in values.index if source != target)
        for network in NETWORKS
        for target, values in ZOO.accuracy.loc[network].items()
    ]
    assert sorted(places) == sorted(by_hand)
    assert (sum(place <= 2 for place in places), len(places)) == (17, 21)


def test_three_quarters_of_what_makes_sources_differ_is_being_good_for_all() -> None:
    shares = []
    for network in NETWORKS:
        values = ZOO.accuracy.loc[network].to_numpy()
        centred = values - values.mean(0)
        shares.append(7 * (centred.mean(1) ** 2).sum() / (centred**2).sum())
    assert np.mean(shares) == pytest.approx(0.74, abs=0.01)
    ours = [candidate_share(rows) for _, rows in ZOO.accuracy.groupby(level="backbone")]
    assert ours == pytest.approx(shares, abs=1e-9)
