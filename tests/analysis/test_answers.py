"""The same table asked different questions."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pgebench.analysis.alike import beside
from pgebench.analysis.answers import answers
from pgebench.analysis.build_table import table_of
from pgebench.analysis.question import BACKBONES, SOURCES, TARGETS, ask
from pgebench.analysis.table import Table


def table(score: np.ndarray, truth: np.ndarray) -> Table:
    names = [tuple(f"{axis}{i}" for i in range(n)) for axis, n in zip("bst", score.shape, strict=True)]
    return table_of(*names, {"finetune": truth[..., None]}, {"mine": score})


def naive(score: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    def tau(a: np.ndarray, b: np.ndarray) -> float:
        there = np.isfinite(a) & np.isfinite(b)
        return float(stats.weightedtau(a[there], b[there]).statistic)

    backbones, sources, targets = score.shape
    return {
        "sources": np.mean([tau(score[b, :, t], truth[b, :, t]) for b in range(backbones) for t in range(targets)]),
        "backbones": np.mean([tau(score[:, s, t], truth[:, s, t]) for s in range(sources) for t in range(targets)]),
        "targets": np.mean([tau(score[b, s], truth[b, s]) for b in range(backbones) for s in range(sources)]),
        "pairs": np.mean([tau(score[b].ravel(), truth[b].ravel()) for b in range(backbones)]),
    }


def test_each_question_ranks_along_its_own_axis() -> None:
    rng = np.random.default_rng(0)
    score, truth = rng.normal(size=(2, 3, 6, 5))
    score[0, 2, 3] = np.nan
    found = answers(table(score, truth), "finetune", resamples=20).set_index("question").weighted_tau
    assert found.to_dict() == pytest.approx(naive(score, truth))


def test_a_question_that_the_league_has_drawn_is_not_drawn_again() -> None:
    rng = np.random.default_rng(1)
    score, truth = rng.normal(size=(2, 3, 6, 5))
    given = table(score, truth).with_score("other", -score)
    plain = answers(given, "finetune", resamples=20)
    # The league has its own order.
    turned = given.without_scores(["mine"]).with_score("mine", score)
    of_league = beside(turned, given.truths["finetune"]).resampled(("weighted_tau",), resamples=20, seed=0)
    known = {"sources": (list(turned.replicates), of_league["weighted_tau"])}
    pd.testing.assert_frame_equal(answers(given, "finetune", known, resamples=20), plain)


def test_a_score_may_know_good_targets_and_no_good_source() -> None:
    rng = np.random.default_rng(1)
    easy, suits = rng.normal(size=12), 0.1 * rng.normal(size=(1, 10, 12))
    found = answers(table(easy + 0 * suits, easy + suits), "finetune", resamples=50).set_index("question")
    assert found.weighted_tau["targets"] > 0.8
    assert found.weighted_tau["pairs"] > 0.8
    assert found.weighted_tau["sources"] == 0


def test_the_interval_of_all_pairs_holds_the_population_value_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)

    def world(sources: int, targets: int) -> tuple[np.ndarray, np.ndarray]:
        def noise() -> np.ndarray:
            return rng.normal(size=(sources, 1)) + rng.normal(size=(1, targets)) + rng.normal(size=(sources, targets))

        truth = noise()
        return (truth + 1.2 * noise())[None], truth[None]

    # Weighted tau depends on the length of the list, so the population is made of worlds of the same size.
    others = [
        stats.weightedtau(score.ravel(), truth.ravel()).statistic
        for score, truth in (world(10, 10) for _ in range(300))
    ]
    held = []
    for _ in range(80):
        row = answers(table(*world(10, 10)), "finetune", resamples=100).set_index("question").loc["pairs"]
        held.append(row.low <= np.mean(others) <= row.high)
    assert 0.88 <= np.mean(held) <= 1, np.mean(held)


def test_asking_permutes_axes_and_names_alike() -> None:
    score = np.arange(24.0).reshape(2, 3, 4)
    before = table(score, score)
    for question, shape in ((SOURCES, (2, 3, 4)), (BACKBONES, (3, 2, 4)), (TARGETS, (2, 4, 3))):
        asked = ask(before, question)
        assert asked.scores["mine"].shape == shape
        assert (len(asked.backbones), len(asked.sources), len(asked.targets)) == shape
    asked = ask(before, TARGETS)
    assert asked.scores["mine"][1, asked.sources.index("t3"), asked.targets.index("s2")] == score[1, 2, 3]
