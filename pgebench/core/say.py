"""Saying: the one way in which pgebench prints. A name cannot break it, nor can a terminal that is gone.

A line is shown as one line whatever is in it, and at once. Nothing raises: what is said of a work is worth less than
the work. Inside a command, ``pgebench.core.terminal`` makes the streams of others as patient, and notes what was lost.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any, TextIO

from tqdm import tqdm

from pgebench.core.text import one_line

_LISTENER: ContextVar[Callable[[str], object] | None] = ContextVar("listener", default=None)


def say(*lines: str, error: bool = False, end: str = "\n") -> None:
    r"""Print lines; each is one line whatever is in it.

    Args:
        lines: Without ends of line; those are shown by their number.
        error: Whether standard error takes them.
        end: What follows the last one.

    >>> say("read photos", "  left out: a\nb.jpg")
    read photos
      left out: a\nb.jpg
    """
    text = "\n".join(map(one_line, lines))
    listener = _LISTENER.get()
    if listener is not None and not error:
        listener(text)
    else:
        write(sys.stderr if error else sys.stdout, text + end)


@contextlib.contextmanager
def heard_by(listener: Callable[[str], object]) -> Iterator[None]:
    """What is said in the block, errors apart, goes to a function instead of standard output.

    Args:
        listener: Takes lines, without the last end of line.
    """
    before = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(before)


def write(stream: TextIO | None, text: str, flush: bool = True) -> OSError | ValueError | None:
    """Write to a stream; a letter that it lacks is written by its number.

    Args:
        stream: None, where a process has none, takes everything.
        text: Anything.
        flush: Whether it must not wait for more.

    Returns:
        Why it could not be written, or None.
    """
    try:
        if stream is not None:
            try:
                stream.write(text)
            except UnicodeEncodeError:
                encoding = stream.encoding or "ascii"
                stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            if flush:
                stream.flush()
    except (OSError, ValueError) as error:  # its reader has gone, its disk is full, or it is closed
        return error
    return None


def progress_bar(items: Iterable[Any] | None = None, **options: Any) -> Any:
    """A bar of tqdm on standard error, if that is a terminal.

    Args:
        items: What is gone through, if the bar counts by itself.
        options: Those of tqdm.

    Returns:
        The bar: an iterator over the items, and a context.
    """
    return tqdm(items, disable=not on_terminal(), **options)


def say_above_bars(*lines: str, error: bool = False) -> None:
    """Like `say`, from a thread beside that of a bar, which is drawn again below the lines.

    Args:
        lines: Likewise.
        error: Likewise.
    """
    with tqdm.external_write_mode():
        say(*lines, error=error)


def on_terminal() -> bool:
    """Whether standard error is a terminal that somebody looks at."""
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # it is closed
        return False
