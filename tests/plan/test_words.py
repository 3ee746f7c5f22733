"""Every key that the schema calls a text is taken as typed, whatever signs are in it."""

from __future__ import annotations

import shlex
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from pgebench.config import Config
from pgebench.core.errors import ConfigError
from pgebench.plan.composing import composed
from pgebench.plan.words import kind_of, literal, typed, unreadable

NASTY = (
    "2026_11", "1e5", "true", "nan", "josé/fotos", "ergebnis_ü", "a(b)", "out(1)", "epoch=3-step=10.ckpt", "[x]",
    "{a: b}", "a b", " lead", "it's", "a\\b", "end\\", "$x", "${x}", "\\${seed}", "%s", "#h", "~x", "-d", "--multirun",
    "a\nb", "a:b", "*?", "a;b&c|d", "!@^", "0x10", "None", "日本", "\t", "'q", 'q"', "x" * 300,
)  # fmt: skip

LITERAL = {
    "backbone.family", "backbone.model", "backbone.name", "backbone.reader", "backbone.weights", "backbone.weights_key",
    "backbone.weights_prefix", "box", "device", "experiment_name", "lock",
    "primary_truth", "progress", "question", "results", "reuse", "store", "tracking.entity", "tracking.mode",
    "tracking.project", "units",
    *(f"{role}.{key}" for role in ("source", "target")
      for key in ("collection", "lock", "name", "path", "store", "reading.depth", "reading.duplicates",
                  "reading.resize", "reading.unreadable")),
    *(f"recipe.{name}.precision" for name in ("checkpoint", "finetune", "linear_probe", "scratch")),
    "metric.NAME.gradient.branches", "metric.NAME.gradient.prototypes",
    "metric.NAME.gradient.loss", "metric.NAME.gradient.parameters", "metric.NAME.gradient.restart", "metric.NAME.kind",
    "metric.NAME.requires", "metric.NAME.term_of", "truth.NAME.protocol", "truth.NAME.table",
}  # fmt: skip
"""What the user may type as text; a new key of the schema stands here, or is a number, a list or a choice of groups."""


def texts(kind: Any, above: str = "") -> set[str]:
    """The keys of a dataclass whose values are texts, found without the code that is tested."""
    found: set[str] = set()
    for name, hint in get_type_hints(kind).items():
        options = {*get_args(hint), hint}
        if str in options and not getattr(hint, "__origin__", None):
            found.add(f"{above}{name}")
        for inner in options:
            if isinstance(inner, type) and is_dataclass(inner):
                beside = "NAME." if getattr(hint, "__origin__", None) is dict else ""
                found |= texts(inner, f"{above}{name}.{beside}")
    return found


def test_the_keys_that_are_taken_as_typed_are_all_texts_of_the_schema() -> None:
    assert texts(Config) == LITERAL
    assert all(kind_of(key).type is str for key in LITERAL)
    others = ("seed", "together", "force", "notes", "variations", "target.classes", "metric.pge.function.distance")
    assert all(kind_of(key).type is not str for key in others)


@given(st.sampled_from(NASTY) | st.text(min_size=1, max_size=8), st.sampled_from(sorted(LITERAL)))
@example("nan", "results")
def test_a_typed_value_reaches_hydra_and_comes_back_as_it_is(value: str, key: str) -> None:
    assume(value != "null" and value[0] not in "'\"" and "," not in value)
    (argument,) = literal(f"{key}={value}")
    assert unreadable(argument) is None
    assert typed([argument]) == [f"{key}={value}"]
    assert literal(argument) == [argument]


def test_a_typed_value_is_in_the_config_as_it_was_typed() -> None:
    keys = [key for key in sorted(LITERAL) if "NAME" not in key and not key.startswith("recipe")]
    for names in (NASTY[: len(keys)], NASTY[-len(keys) :]):
        pairs = list(zip(keys, names, strict=False))
        given = [part for key, value in pairs for part in literal(f"{key}={value}")]
        found = composed(["metric=[]", "truth=[]", *given])
        assert [(key, OmegaConf.select(found, key)) for key, _ in pairs] == pairs


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("results=2026_11", "results='2026_11'"),
        ("results=results/embedded", "results=results/embedded"),
        ("results='a b'", "results=a b"),
        ('results="1e5"', "results='1e5'"),
        ("results=null", "results='null'"),
        ("results=./null", "results=./null"),
        ("results=a,b", "results='a,b'"),
        ("+results=1e5", "results='1e5'"),
        ("++results=1e5", "results='1e5'"),
        ("reuse=null", "reuse=null"),
        ("reuse=", "reuse=null"),
        ("reuse='null'", "reuse='null'"),
        ("reuse=''", "reuse=''"),
        ("source.path=null", "source.path='null'"),
        ("source.path=", "source.path=''"),
        ("source.path=a,1e5, b", "source.path=a,'1e5',b"),
        ("source.path='a,b',c", "source.path='a,b',c"),
        ("backbone.model=resnet18,resnet34", "backbone.model=resnet18,resnet34"),
        ("seed=1,2", "seed=1,2"),
        ("notes=[a,b]", "notes=[a,b]"),
        ("metric=[pge]", "metric=[pge]"),
        ("~metric.pge", "~metric.pge"),
        ("hydra.launcher.name=a(b", "hydra.launcher.name=a(b"),
    ],
)
def test_what_hydra_reads(argument: str, expected: str) -> None:
    assert literal(argument) == [expected]


@pytest.mark.parametrize("argument", ["results=", "store=''", "backbone.model=,"])
def test_a_value_that_must_be_there_is_asked_for(argument: str) -> None:
    with pytest.raises(ConfigError, match=r"^\w[\w.]*= is empty: give a value, or leave it out$"):
        literal(argument)


@pytest.mark.parametrize("argument", ["seed=a(b", "metric.pge.function.distance=é", "notes=[it's]", "notes=a\n(b"])
def test_what_hydra_cannot_read_is_one_line_that_says_how_to_quote_it(argument: str) -> None:
    message = unreadable(argument)
    assert message is not None
    assert "\n" not in message
    line = message.rpartition("the shell: ")[2]
    (word,) = shlex.split(line)
    assert unreadable(word) is None


def test_a_name_that_no_table_can_hold_is_refused_before_anything_is_written() -> None:
    with pytest.raises(ConfigError, match=r"^results=caf\\udce9: the name is no UTF-8"):
        literal("results=caf\udce9")


def test_a_path_that_is_there_is_one_even_with_a_comma(tmp_path: Path) -> None:
    (tmp_path / "a,b(1)").mkdir()
    assert literal(f"target.path={tmp_path}/a,b(1)") == [f"target.path='{tmp_path}/a,b(1)'"]
