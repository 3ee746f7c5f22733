"""Failures of a run: causes come before what only waits for them."""

import pandas as pd

from pgebench.analysis.failures import causes_first, waits_for_another

WAITS = "needs gradient emoji, which has no result: no such file"


def failed(error, **columns):
    return pd.DataFrame([{"stage": "score", "key": "k", "error": error, **columns}])


def test_a_record_says_in_a_field_that_an_input_has_no_result():
    assert waits_for_another(failed("whatever it says", detail='{"upstream": true}')).tolist() == [True]


def test_in_a_table_of_before_the_message_says_it():
    assert waits_for_another(failed(WAITS)).tolist() == [True]
    assert waits_for_another(failed(WAITS, detail="{}")).tolist() == [True]


def test_a_metric_that_needs_something_itself_is_a_cause():
    assert waits_for_another(failed("needs two classes with two images each", detail="{}")).tolist() == [False]


def test_a_unit_without_a_message_is_no_waiting_one():
    assert waits_for_another(failed(None, detail=None)).tolist() == [False]


def test_causes_stand_before_what_waits_for_them():
    rows = pd.concat(
        [
            failed(WAITS, key="a", detail='{"upstream": true}'),
            failed("no such file", key="c", detail="{}"),
            failed("no such file", key="b", detail="{}", stage="checkpoint"),
        ]
    )
    assert causes_first(rows)["key"].tolist() == ["b", "c", "a"]
