"""Work ahead: in order, no further than allowed, and no failure stops the others."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgebench.ranking.ahead import made_ready


@given(st.lists(st.booleans(), max_size=20), st.integers(1, 4))
def test_items_come_in_order_and_no_more_than_a_few_are_ready(fails: list[bool], ahead: int) -> None:
    ready, most_waiting, taken = [], 0, 0

    def prepare(number: int) -> None:
        nonlocal most_waiting
        ready.append(number)
        most_waiting = max(most_waiting, len(ready) - taken)
        if fails[number]:
            raise ValueError(str(number))

    found = []
    for number, error in made_ready(range(len(fails)), prepare, ahead):
        taken += 1
        found.append((number, None if error is None else str(error)))
    assert found == [(number, str(number) if fail else None) for number, fail in enumerate(fails)]
    assert ready == list(range(len(fails)))
    assert most_waiting <= ahead + 1


def test_the_next_is_made_ready_while_one_is_used() -> None:
    begun = [threading.Event() for _ in range(3)]
    for number, _ in made_ready(range(3), lambda number: begun[number].set(), ahead=1):
        if number < 2:
            assert begun[number + 1].wait(10)


def test_whoever_stops_leaves_no_work_behind() -> None:
    ready = []
    items = made_ready(range(100), ready.append, ahead=2)
    next(items)
    items.close()
    time.sleep(0.05)
    assert len(ready) <= 4


def test_a_program_that_ends_itself_in_the_thread_is_an_error_of_the_item() -> None:
    def prepare(number: int) -> None:
        raise OSError("gone")

    assert [type(error) for _, error in made_ready([1, 2], prepare)] == [OSError, OSError]
    with pytest.raises(StopIteration):
        next(made_ready([], prepare))
