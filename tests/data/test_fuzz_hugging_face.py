"""Hugging Face datasets of any columns: every row of the parts is read or accounted for, or all refused in one line."""

from __future__ import annotations

import numbered
import pytest
from fuzzing import fuzzed, in_one_line
from hypothesis import given
from hypothesis import strategies as st

from pgebench.core.errors import ConfigError, DataError
from pgebench.data import hugging_face

NAMES = st.lists(st.sampled_from(["ant", "bee", "cow", "fly"]), min_size=1, max_size=4, unique=True)
VALUES = {
    "string": st.text(max_size=3),
    "int64": st.integers(-2, 3),
    "float32": st.floats(width=32),
    "bool": st.booleans(),
    "binary": st.binary(max_size=3),
}


@st.composite
def a_part(draw: st.DrawFn) -> tuple[str, object, list[object], list[object]]:
    """Kind of the label, its names, labels and images."""
    rows = draw(st.integers(0, 5))
    kind = draw(st.sampled_from([*VALUES, "names", "list"]))
    names = draw(NAMES)
    values = {"names": st.integers(-1, len(names) - 1), "list": st.lists(st.integers(0, 2), max_size=2)} | VALUES
    stored = [(numbered.encoded(1), None), (b"x", "gone.png"), (None, "gone.png"), (None, "")]
    images = st.sampled_from([{"bytes": content, "path": path} for content, path in stored])
    several = {"min_size": rows, "max_size": rows}
    return (
        kind,
        names,
        draw(st.lists(values[kind] | st.none(), **several)),
        draw(st.lists(images | st.none(), **several)),
    )


@fuzzed
@given(drawn=st.dictionaries(st.sampled_from(["train", "val", "test"]), a_part(), min_size=1))
def test_any_parts_fuzzed(drawn: dict[str, tuple[str, list[str], list[object], list[object]]]) -> None:
    library = pytest.importorskip("datasets")
    parts = {}
    for part, (kind, names, labels, images) in drawn.items():
        label = {
            "names": lambda names=names: library.ClassLabel(names=names),
            "list": lambda: library.Sequence(library.Value("int64")),
        }.get(kind, lambda kind=kind: library.Value(kind))()
        features = library.Features({"image": library.Image(), "label": label})
        parts[part] = library.Dataset.from_dict({"image": images, "label": labels}, features=features)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(library, "load_dataset", lambda *_, **__: parts)
        try:
            found = hugging_face.listing("name", {part: part for part in parts})
        except (ConfigError, DataError) as error:
            return in_one_line(error)
        contents = list(found.contents())
    assert len(contents) == len(found.names) == len(found.labels) == len(found.given)
    rows = [f"{part} {row}" for part, one in parts.items() for row in range(len(one))]
    assert sorted([*found.names, *(line.split(":")[0] for line in found.refused)]) == sorted(rows)
    # A name is the class of the row, whatever its number was.
    for name, number in zip(found.names, found.labels, strict=True):
        part, row = name.split()
        kind, names, labels, _ = drawn[part]
        if kind == "names":
            assert found.class_names[number] == names[labels[int(row)]]  # type: ignore[call-overload]
