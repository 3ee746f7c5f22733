"""The page of the three words says what the tables of the runs say, and nothing else."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from pgebench.core.errors import ConfigError
from pgebench.studies.claims.measured import CHEAPER, measured
from pgebench.studies.claims.page import answers, page

REFERENCE = Path("results/reference")
EMBEDDED, STABILITY = REFERENCE / "embedded", REFERENCE / "stability"


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    return measured([EMBEDDED], STABILITY)


def test_the_numbers_are_those_of_the_league(found):
    league = pd.read_csv(EMBEDDED / "summary.csv")
    league = league[league["truth"] == "finetune"].set_index("metric")
    rows = found[(found["word"] == "reliable") & (found["quantity"] == "all sources")].set_index("metric")
    assert {"pge", "leep", "logme", "nce"} <= {*rows.index}
    for metric, row in rows.iterrows():
        assert row["value"] == pytest.approx(league.loc[metric, "weighted_tau"])
        assert row["low"] == pytest.approx(league.loc[metric, "weighted_tau_low"])


def test_the_price_of_a_target_is_that_of_its_units(found):
    """PGE pays one gradient per target and one comparison per pair; LEEP a pass of the target through every model."""
    records = pd.read_parquet(EMBEDDED / "records.parquet")
    gradients = {
        (row.backbone, row.target or row.source): row.cpu_s
        for row in records[records["stage"] == "gradient"].itertuples()
        if row.key in _read_by(records, "pge") and isinstance(row.target, str)
    }
    scores = records[(records["stage"] == "score") & (records["metric"] == "pge") & (records["seed"] == 0)]
    own = sum(gradients.values()) / len(gradients)
    pair = scores["cpu_s"].mean()
    prices = found[found["metric"] == "pge"].set_index("quantity")["value"]
    assert prices["processor time: one more target, 100 sources"] == pytest.approx(own + 100 * pair, rel=0.02)


def _read_by(records: pd.DataFrame, metric: str) -> set[str]:
    scores = records[(records["metric"] == metric) & (records["seed"] == 0)]
    return {key for text in scores["inputs"] for key in (json.loads(text) if isinstance(text, str) else text)}


def test_the_page_names_who_is_ahead_and_where_pge_gets_cheaper(found):
    text = page(found)
    rows = found[(found["word"] == "reliable") & (found["quantity"] == "all sources")].set_index("metric")["value"]
    for metric in ("leep", "logme", "nce"):
        said = f"`{metric}`" in answers(found, "reliable", "all sources", lambda one, pge: one > pge)
        assert said == (rows[metric] > rows["pge"])
    crossing = found[found["quantity"] == f"FLOPs: {CHEAPER}"].set_index("metric")["value"]
    assert f"with `logme` from {crossing['logme']:.0f} sources on" in text


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"league=.*summary\.csv"):
        measured([tmp_path], STABILITY)
    with pytest.raises(ConfigError, match="no variations"):
        measured([EMBEDDED], EMBEDDED)
    shutil.copy(EMBEDDED / "summary.csv", tmp_path)
    table = pd.read_csv(tmp_path / "summary.csv")
    table[table["kind"] != "metric"].to_csv(tmp_path / "summary.csv", index=False)
    with pytest.raises(ConfigError, match="no metric"):
        measured([tmp_path], STABILITY)
