"""Work ahead: the next items are made ready by a thread while the one before is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")

AHEAD = 2
"""Items that are ready, or being made ready, before they are asked for."""


def made_ready(
    items: Iterable[T], prepare: Callable[[T], object], ahead: int = AHEAD
) -> Iterator[tuple[T, Exception | None]]:
    """The items in their order, each once it is ready; the next ones are made ready meanwhile, one after the other.

    Args:
        items: Any number; so many are looked at as are needed.
        prepare: Makes an item ready, in a thread of its own.
        ahead: How many may be ready or under way beyond the one that is given.

    Yields:
        An item, and what ``prepare`` raised for it, which stops none of the others.

    >>> [(item, str(error)) for item, error in made_ready([2, 0, 1], lambda number: 1 / number)]
    [(2, 'None'), (0, 'division by zero'), (1, 'None')]
    """
    orders: SimpleQueue[tuple[T, Future[None]] | None] = SimpleQueue()
    # A daemon: what is interrupted must not wait for the end of a download.
    Thread(target=_work, args=(orders, prepare), daemon=True).start()
    waiting: deque[tuple[T, Future[None]]] = deque()
    rest = iter(items)
    try:
        while True:
            for item in islice(rest, ahead + 1 - len(waiting)):
                waiting.append((item, Future()))
                orders.put(waiting[-1])
            if not waiting:
                return
            # It is awaited before it leaves the queue, so that no more than `ahead` wait behind it.
            error = waiting[0][1].exception()
            item, _ = waiting.popleft()
            yield item, error if isinstance(error, Exception) else None
    finally:
        for _, future in waiting:
            future.cancel()
        orders.put(None)


def _work(orders: SimpleQueue[tuple[T, Future[None]] | None], prepare: Callable[[T], object]) -> None:
    while (order := orders.get()) is not None:
        item, future = order
        if not future.set_running_or_notify_cancel():
            continue
        try:
            prepare(item)
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(None)
