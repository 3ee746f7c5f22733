"""The one reader of command lines: from words to a typed dataclass."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pgebench.core.errors import ConfigError
from pgebench.core.options import UsageError, explanation, help_text, read


@dataclass(frozen=True)
class Bake:
    """Bake a cake.

    It may take a while.

    Attributes:
        cake: Which one, ``plain``
            or not.
        minutes: In the oven.
        eggs: How many.
        layers: Names, with commas.
        oven: A folder; none if empty.
        cold: Serve it cold.
        guests: At the table.

    Raises:
        ConfigError: Too many eggs.

    Examples:
        ``bake cake=plain``

        ``bake cake=cheese eggs=4``
    """

    cake: str = field(metadata={"shown": "NAME"})
    minutes: float = 30.0
    eggs: int = 3
    layers: tuple[str, ...] = ("cream", "jam")
    oven: Path | None = None
    cold: bool = False
    guests: int = field(default=2, metadata={"key": "table.guests"})

    def __post_init__(self) -> None:
        if self.eggs > 12:
            raise ConfigError(f"eggs={self.eggs}: a dozen at most")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("cake=plain", Bake("plain")),
        ("cake=a=b", Bake("a=b")),
        ("cake=plain minutes=2.5 eggs=4", Bake("plain", minutes=2.5, eggs=4)),
        ("cake=plain layers=lemon", Bake("plain", layers=("lemon",))),
        ("cake=plain layers=a,,b,", Bake("plain", layers=("a", "b"))),
        ("cake=plain layers=", Bake("plain", layers=())),
        ("cake=plain oven=my/oven", Bake("plain", oven=Path("my/oven"))),
        ("cake=plain oven=", Bake("plain")),
        ("cake=plain cold=true", Bake("plain", cold=True)),
        ("cake=plain cold", Bake("plain", cold=True)),
        ("cake=plain cold=false", Bake("plain")),
        ("eggs=1 cake=plain eggs=2", Bake("plain", eggs=2)),
        ("cake=plain table.guests=5", Bake("plain", guests=5)),
        ("--cake plain --eggs=5 --cold", Bake("plain", eggs=5, cold=True)),
    ],
)
def test_words_become_values_of_the_field_s_type(words: str, expected: Bake) -> None:
    assert read(Bake, "bake", words.split()) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("cake=plain egs=4", r"^bake: error: no option egs; with their defaults: cake=NAME .* did you mean eggs\?$"),
        ("cake=plain zzz=4", r"^bake: error: no option zzz; .* cold=false table.guests=2$"),
        ("cake=plain guests=4", r"no option guests; .* did you mean table.guests\?$"),
        ("cake=plain table.guests=few", r"table.guests=few: give a number .*, as in table.guests=2$"),
        ("cake=plain egs=4 mintes=3", r"no option egs, mintes; .*; did you mean eggs, minutes\?$"),
        ("cake=plain eggs=many", r"^bake: error: eggs=many: give a number \(whole numbers only\), as in eggs=3$"),
        ("cake=plain eggs=2.5", r"eggs=2.5: give a number"),
        ("cake=plain eggs", r"eggs=: give a number"),
        ("cake=plain minutes=long", r"^bake: error: minutes=long: give a number, as in minutes=30.0$"),
        ("cake=plain cold=maybe", r"^bake: error: cold=maybe: give true or false, as in cold=false$"),
        ("cake=plain eggs=13", r"^bake: error: eggs=13: a dozen at most$"),
    ],
)
def test_a_wrong_option_is_one_line_that_says_what_would_be_right(words: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(Bake, "bake", words.split())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("words", ["", "eggs=4", "cake=", "cake"])
def test_what_must_be_given_is_asked_for_with_an_example(words: str) -> None:
    with pytest.raises(UsageError, match=r"^usage: bake cake=NAME \[option=value ...\]; for example bake cake=plain;"):
        read(Bake, "bake", words.split())


def test_help_says_each_option_once_with_default_and_meaning() -> None:
    shown = help_text(Bake, "bake")
    assert shown.startswith("usage: bake cake=NAME [option=value ...]\n\nBake a cake.\n\nIt may take a while.\n")
    rows = [
        r"  cake=NAME +Which one, plain or not\. Must be given\.",
        r"  minutes=30\.0 +In the oven\.",
        r"  eggs=3 +How many\.",
        r"  layers=cream,jam +Names, with commas\.",
        r"  oven= +A folder; none if empty\.",
        r"  cold=false +Serve it cold\.",
        r"  table\.guests=2 +At the table\.",
    ]
    for row in rows:
        assert len(re.findall(f"(?m)^{row}$", shown)) == 1
    assert shown.endswith("examples:\n  bake cake=plain\n  bake cake=cheese eggs=4")
    assert "Raises" not in shown


def test_help_keeps_to_the_terminal() -> None:
    meanings = explanation(Bake).meanings
    narrow = help_text(Bake, "bake", width=40)
    assert max(map(len, narrow.splitlines())) <= 40
    words = " ".join(narrow.split())
    assert all(meaning in words for meaning in meanings.values())
