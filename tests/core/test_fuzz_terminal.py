"""Any text in any option, any text printed to any encoding: never a traceback, one line, and every letter of it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from fuzzing import fuzzed
from hypothesis import given
from hypothesis import strategies as st

from pgebench.core.say import say
from pgebench.core.terminal import command
from pgebench.core.text import all_storable, one_line, storable

ENCODINGS = ("utf-8", "ascii", "latin-1", "cp437", "cp1252", "koi8-r", "shift_jis", "gb18030", "utf-16", "utf-7")

anything = st.text(st.characters(), max_size=80)
"""Halves of surrogate pairs too, as a file whose name is no UTF-8 has them."""


@dataclass(frozen=True)
class Options:
    """Every kind of option there is.

    Attributes:
        results: A folder.
        words: Several.
        number: A whole one.
        share: Any.
        check: Or not.
        out: A file.
    """

    results: Path
    words: tuple[str, ...] = ()
    number: int = 1
    share: float = 0.5
    check: bool = False
    out: Path | None = None


@fuzzed
@given(lines=st.lists(anything, min_size=1, max_size=4), encoding=st.sampled_from(ENCODINGS))
def test_what_is_said_is_so_many_lines_in_every_encoding(lines: list[str], encoding: str) -> None:
    written = io.BytesIO()
    with patch.object(sys, "stdout", io.TextIOWrapper(written, encoding=encoding, errors="strict", newline="")):
        say(*lines)
        shown = written.getvalue().decode(encoding)
    assert shown.endswith("\n")
    assert len(shown.splitlines()) == len(lines)
    assert not any(letter < " " or "\x7f" <= letter < "\xa0" for letter in shown.replace("\n", ""))


@fuzzed
@given(text=anything)
def test_a_stored_text_is_the_same_where_it_can_be(text: str) -> None:
    storable(text).encode()
    assert storable(storable(text)) == storable(text)
    assert all_storable([{text: (text, 1, None)}]) == [{storable(text): [storable(text), 1, None]}]
    if not any("\ud800" <= letter <= "\udfff" for letter in text):
        assert storable(text) == text
    if text.isprintable():
        assert one_line(text) == text


@fuzzed
@given(
    given_options=st.lists(st.tuples(st.sampled_from([*Options.__annotations__, "--out", "--help2"]), anything)),
    bare=st.lists(anything, max_size=2),
)
def test_any_text_in_any_option_is_taken_or_refused_in_one_line(
    given_options: list[tuple[str, str]], bare: list[str]
) -> None:
    seen: list[Options] = []
    said = ending_of([f"{name}={text}" for name, text in given_options] + bare, seen.append)
    if {"-h", "--help"} & set(bare):
        assert (said, seen) == (None, [])
    elif said is None:
        assert str(seen[0].results) == str(Path(dict(given_options)["results"]))
    else:
        assert not seen
        assert len(said.splitlines()) == 1


@fuzzed
@given(text=anything)
def test_an_error_of_any_words_is_one_line(text: str) -> None:
    def fails(options: Options) -> None:
        raise ValueError(text)

    said = ending_of(["results=here"], fails)
    assert said is not None
    assert len(said.splitlines()) == 1


def ending_of(arguments: list[str], work: Callable[[Options], None]) -> str | None:
    """The message with which a command ends on a terminal of few letters; None if all went well."""
    with patch.object(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")):
        try:
            command("pgebench-x", Options, lambda options: (say(repr(options)), work(options))[1], arguments)
        except SystemExit as stop:
            message = str(stop.code)
            message.encode()
            return message
    return None
