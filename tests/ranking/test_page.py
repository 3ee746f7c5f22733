"""The page of an answer: its numbers are the answer's, and nothing in a name gets out of its place."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pgebench.ranking.answer import Answer, text
from pgebench.ranking.budget import Option
from pgebench.ranking.budgets import pareto_front, picks
from pgebench.ranking.data_sheet import DataSheet
from pgebench.ranking.half_samples import standing_of_scores
from pgebench.ranking.halving import Dropped, Halved
from pgebench.ranking.page import TargetShown, ranking_page
from pgebench.ranking.page.assemble import chosen
from pgebench.ranking.page.figures import cost_picture
from pgebench.ranking.page.target import sample_rows
from pgebench.ranking.reliability import reference
from pgebench.report.svg import LETTER, Text

EVIL = '"><script>alert(1)</script><img src=http://evil.example/x>'
VOID = {"meta", "link", "br", "img", "rect", "circle", "polyline", "hr"}


class Seen(HTMLParser):
    """Tables as text, elements that are left open, and addresses."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.scripts = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.scripts += tag == "script"
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset") and value]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data


def answer(
    number: int, question: str = "backbones", failed: dict[str, str] | None = None, first: str = "candidate_0"
) -> Answer:
    rng = np.random.default_rng(number)
    scores = rng.normal(0, 0.3, number)
    halves = scores[:, None, None] + rng.normal(0, 0.05, (number, 8, 2))
    names = (first, *(f"candidate_{i}" for i in range(1, number)))
    sheets = {
        name: DataSheet(
            parameters=float(rng.integers(500_000, 90_000_000)),
            gflops=float(rng.uniform(0.05, 20)),
            image_size=224,
            milliseconds=float(rng.uniform(2, 90)),
            images=50,
            accuracy=float(rng.uniform(0.5, 0.9)) if i % 3 else float("nan"),
            licence="mit" if i % 2 else "",
        )
        for i, name in enumerate(names)
    }
    known = reference(question)
    of_logme = known.of("logme")
    assert of_logme is not None
    return Answer(
        question=question,
        option=Option(of_logme, 1.0, 10),
        names=names,
        standing=standing_of_scores(scores, halves),
        reference=known,
        images=50,
        seconds=12.3,
        confidence=0.95,
        failed=failed or {},
        sheets=sheets,
    )


def page_of(*answers: Answer, classes: tuple[str, ...] = ("ant", "bee")) -> str:
    buffer = BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, "PNG")
    picture = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    shown = TargetShown(
        "my photos", 123, classes, tuple((name, picture) for name in classes), (("Folder", "my photos"),)
    )
    return ranking_page(answers, shown, "pgebench-rank 'target=my photos'", ["pgebench x"] * len(answers), 65.0)


@pytest.mark.parametrize("number", [1, 6, 40])
def test_the_numbers_of_the_page_are_those_of_the_answer(number: int) -> None:
    one = answer(number)
    page = page_of(one)
    (table, *_) = Seen(page).tables
    rows = one.rows()
    assert len(table) == 1 + number
    for cells, row in zip(table[1:], rows, strict=True):
        text = [cell.replace("\N{MINUS SIGN}", "-") for cell in cells]
        assert text[0] == row["name"]
        assert text[1].split()[0] == str(row["place"])
        assert ("*" in text[1]) == row["may_be_best"]
        assert [int(end) for end in text[2].split(" to ")] in ([row["places"][0]], row["places"])
        assert float(text[3]) == pytest.approx(row["score"], abs=6e-4)
        assert [float(end) for end in text[4].split(" to ")] == pytest.approx([row["low"], row["high"]], abs=6e-4)
        assert float(text[5]) == pytest.approx(row["parameters"] / 1e6, rel=6e-3)
        assert float(text[6]) == pytest.approx(row["gflops"], rel=6e-3)
        assert float(text[7]) == pytest.approx(row["ms_per_image"], rel=6e-3)
        accuracy = row.get("stated_accuracy")
        assert text[8] == ("" if accuracy is None else f"{100 * accuracy:.1f} %")
        assert text[9] == row.get("licence", "")
    taken = re.findall(r"<div><span>(?:Small|Medium|Any size)[^<]*</span><b>([^<]*)</b>", page)
    assert taken == [rows[pick.candidate]["name"] for pick in chosen(one)]
    assert taken[-1] == rows[0]["name"]


def test_what_failed_is_a_row_with_its_reason() -> None:
    page = page_of(answer(3, failed={"gated": "the weights cannot be downloaded", EVIL: "<b>no</b>"}))
    tables = Seen(page).tables
    assert tables[1][1:] == [["gated", "the weights cannot be downloaded"], [EVIL, "<b>no</b>"]]


def test_who_was_dropped_stands_below_with_the_round_and_how_sure_it_is() -> None:
    dropped = (
        Dropped("seventh", 10, 7, 9, 0.125, -0.25, 0.5),
        Dropped(EVIL, 10, 9, 9, -1.0, float("nan"), float("nan")),
    )
    under_way = {"under_way": {"told": "Under way: round 2 of 3."}}
    halved = replace(answer(6), dropped=dropped, halved=(Halved(10, 9, 6, 3, 16),), detail=under_way)
    page = page_of(halved)
    rows = Seen(page).tables[1][1:]
    assert rows[0][:5] == ["seventh", "10", "7 of 9", "0.125", "\N{MINUS SIGN}0.250 to 0.500"]
    assert rows[1][0] == EVIL
    assert "Under way: round 2 of 3." in page
    assert "at 10 images a class 3 of 16 (19%)" in page
    told = json.loads(json.dumps(halved.as_json(), allow_nan=False))
    assert told["halving"] == [{"per_class": 10, "scored": 9, "kept": 6, "wrong": 3, "rankings": 16}]
    assert [row["dropped"]["place"] for row in told["ranking"][6:]] == [7, 9]
    assert "\n".join(text(halved).split("\n")[8:9]).endswith("dropped: place 7 of 9 on 10 images a class")


@pytest.mark.parametrize("name", [EVIL, "x" * 5000, "br\udce9ken", "two\nlines", "`code`", "{{ 7 * 7 }}"])
def test_names_stay_in_their_place_whatever_they_hold(name: str) -> None:
    page = page_of(answer(4, first=name), answer(5, "sources", first=name), classes=("ant", name))
    page.encode()
    seen = Seen(page)
    assert seen.open == []
    assert seen.scripts == 1
    assert "\n" not in name or "two\\nlines" in page
    assert "49" not in name


def test_the_page_asks_no_other_machine() -> None:
    page = page_of(answer(6), answer(4, "sources"))
    assert all(address.startswith(("#", "data:")) or address == "ranking.json" for address in Seen(page).addresses)
    assert not re.search(r"url\(|@import|https?://", page)


def test_the_front_is_that_of_a_double_loop() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        number = int(rng.integers(1, 12))
        # Few values, so that ties are common; some costs are not known.
        costs = np.where(rng.random(number) < 0.1, np.nan, rng.integers(1, 6, number).astype(float))
        scores = rng.integers(0, 6, number).astype(float)
        naive = [
            i
            for i in range(number)
            if np.isfinite(costs[i])
            and not any(
                (costs[j] <= costs[i] and scores[j] > scores[i]) or (costs[j] < costs[i] and scores[j] >= scores[i])
                for j in range(number)
            )
        ]
        assert sorted(pareto_front(costs.tolist(), scores.tolist())) == naive


def test_a_budget_takes_the_best_of_what_it_pays_for() -> None:
    rng = np.random.default_rng(1)
    for number in (1, 2, 3, 7, 40):
        costs, scores = rng.random(number), rng.random(number)
        found = {pick.budget: pick for pick in picks(costs.tolist(), scores.tolist())}
        assert list(found) == ["small", "medium", "any"]
        assert found["any"].candidate == int(scores.argmax())
        for budget, share in (("small", 1 / 3), ("medium", 2 / 3)):
            within = np.flatnonzero(costs <= found[budget].most)
            assert number * share <= len(within) + 1e-9 < number * share + 1
            assert found[budget].candidate == max(within, key=lambda one: scores[one])
    assert [pick.budget for pick in picks([float("nan")] * 3, [1.0, 2.0, 3.0])] == ["any"]


def test_samples_are_training_images_of_as_many_classes_as_there_is_room_for() -> None:
    labels = np.repeat(np.arange(5), [50, 3, 3, 1, 20])
    train = np.flatnonzero(np.arange(len(labels)) % 4 != 1)
    rows = sample_rows(labels, train)
    assert len(set(rows)) == len(rows) == 12
    assert set(rows) <= set(train.tolist())
    assert set(labels[rows[:4]]) | set(labels[rows[4:5]]) == set(labels[train])
    assert rows == sample_rows(labels, train)
    assert len(sample_rows(labels, train[:3])) == 3


def test_a_place_is_within_its_interval_as_often_as_promised() -> None:
    """Scores of known order, measured with noise: each end of the interval of a place is wrong in 5 % at most."""
    rng = np.random.default_rng(2)
    true = np.array([0.0, 0.3, 0.6, 0.65, 1.2])
    places = 1 + (true[:, None] < true).sum(axis=1)
    missed = np.zeros((5, 2))
    for _ in range(400):
        # Half of the difference of two halves has the variance of the score on all images.
        halves = true[:, None, None] + rng.normal(0, 0.15, (5, 8, 2)) * np.sqrt(2)
        found = standing_of_scores(true + rng.normal(0, 0.15, 5), halves)
        missed += np.stack([found.places[:, 0] > places, found.places[:, 1] < places], axis=1)
    assert (missed / 400 <= 0.05).all()
    assert missed.any()
    assert (found.places[:, 0] <= found.places[:, 1]).all()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("level", [-0.74, 0.0, 0.5, -3000.0])
def test_no_word_of_the_scatter_leaves_the_picture(level: float, scale: float) -> None:
    """A minus that is cut off makes another number of a score."""
    rows = [
        {"place": place + 1, "name": f"net{place}", "score": level + scale * score, "gflops": 0.5 + place,
         "low": None, "may_be_best": True}
        for place, score in enumerate((0.009, 0.005, -0.004))
    ]  # fmt: skip
    drawn = cost_picture(rows, "gflops", "GFLOP")
    assert drawn is not None
    ends = [mark for mark in drawn.marks if isinstance(mark, Text) and mark.anchor == "end"]
    assert ends
    assert all(mark.x - LETTER * len(mark.text) >= 0 for mark in ends)
