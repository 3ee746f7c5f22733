"""Words of the user: quoting for Hydra, for OmegaConf, and lists with commas."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from pgebench.core.instantiate import build
from pgebench.core.quoting import QUOTED, quoted, unquoted
from pgebench.core.words import nowhere, one, several, type_one, type_several

SIGNS = st.text("'\"\\${}, =ab\n", max_size=8)
PARSER = OverridesParser.create()


def as_hydra_reads(value: str) -> str:
    """The text that a config holds after an override, interpolations resolved."""
    read: str = OmegaConf.create({"key": PARSER.parse_override(f"key={value}").value()}).key
    return read


@given(SIGNS | st.text(max_size=8))
@example("\\\n")  # `$` of a pattern is before an end of line too
@example("a\\${b}\\")
def test_a_quoted_text_is_itself_to_hydra_and_back(text: str) -> None:
    assert as_hydra_reads(quoted(text)) == text
    assert QUOTED.fullmatch(quoted(text))
    assert unquoted(quoted(text)) == text


@settings(max_examples=20)
@given(SIGNS)
@example("it's ${x}")
def test_a_text_is_itself_to_what_a_config_builds(text: str) -> None:
    made = build({"_target_": "builtins.dict", "text": text, "inside": {"text": text}})
    assert (made["text"], made["inside"]["text"]) == (text, text)


@given(st.text("'\"\\,a ", max_size=6), st.sampled_from("'\""))
def test_what_a_user_of_hydra_quotes_is_what_hydra_makes_of_it(inner: str, mark: str) -> None:
    text = f"{mark}{inner}{mark}"
    if QUOTED.fullmatch(text):
        assert one(text, nowhere) == as_hydra_reads(text)


@given(st.lists(SIGNS.filter(bool), min_size=1, max_size=3), st.booleans())
def test_what_is_shown_to_be_typed_is_read_as_what_it_was(words: list[str], there: bool) -> None:
    def exists(text: str) -> bool:
        return there

    assert several(type_several(words, nowhere), nowhere) == words
    assert one(type_one(words[0], nowhere), nowhere) == words[0]
    assert one(type_one(words[0], exists), exists) == words[0]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        ("a, b", ["a", "b"]),
        ("a,,b,", ["a", "b"]),
        ("'a,b',c", ["a,b", "c"]),
        ('"a,b","it\'s"', ["a,b", "it's"]),
        ("it's,'tis", ["it's", "'tis"]),
        (" a ", [" a "]),
        ("' a',b", [" a", "b"]),
        ("a\\,b", ["a\\", "b"]),
        ("", []),
        ("''", [""]),
    ],
)
def test_commas_separate_outside_of_quotes(typed: str, expected: list[str]) -> None:
    assert several(typed, nowhere) == expected


def test_a_path_that_is_there_is_one_path_whatever_signs_are_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a,b", "'quoted'", "a"):
        (tmp_path / name).mkdir()
    assert several("a,b") == ["a,b"]
    assert several("'a','b'") == ["a", "b"]
    assert several("a,c") == ["a", "c"]
    assert one("'quoted'") == "'quoted'"
    assert several("'quoted'") == ["'quoted'"]
    assert type_several(["a", "b"]) == "'a','b'"


@settings(max_examples=20)
@given(st.text(max_size=300))
def test_any_text_can_be_asked_for_as_a_path(text: str) -> None:
    assert one(text) in (text, one(text, nowhere))
