"""The API pages say of every public name what one must know to call it, and are built without a warning."""

from __future__ import annotations

import dataclasses
import html
import importlib
import inspect
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from pgebench.config import conf_dir

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs"))
pdoc = pytest.importorskip("pdoc", reason="pdoc, which makes the API pages, is not installed (pip install -e '.[dev]')")
api = importlib.import_module("api")
from pdoc import docstrings, render_helpers  # noqa: E402

METRICS = {
    str(yaml.safe_load(path.read_text())["function"]["_target_"]) for path in (conf_dir() / "metric").glob("*.yaml")
}
SECTION = r"(?m)^{}:$"


def shown(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Public functions and classes of a module, as the pages show them, and the methods of the classes."""
    for name in getattr(module, "__all__", vars(module)):
        value = getattr(module, name)
        if name.startswith("_") or not (inspect.isfunction(value) or inspect.isclass(value)):
            continue
        if "__all__" not in vars(module) and value.__module__ != module.__name__:
            continue
        yield f"{module.__name__}.{name}", value
        for part, member in vars(value).items() if inspect.isclass(value) else ():
            if not part.startswith("_"):
                yield f"{module.__name__}.{name}.{part}", getattr(member, "__func__", member)


EVERYTHING = {name: value for module in api.modules() for name, value in shown(importlib.import_module(module))}
FUNCTIONS = {name: value for name, value in EVERYTHING.items() if inspect.isfunction(value)}


def text(value: object) -> str:
    return inspect.getdoc(value) or ""


def described(doc: str, section: str) -> str:
    """What a docstring says under a heading."""
    found = re.search(SECTION.format(section) + r"\n((?:[ \t].*\n?|\n)+)", doc)
    return found[1] if found else ""


def lacking(function: Callable[..., object]) -> list[str]:
    """What a reader of a function's docstring would miss."""
    doc, signature = text(function), inspect.signature(function)
    names = [name for name in signature.parameters if not name.startswith("_") and name not in ("self", "cls")]
    missing = [name for name in names if not re.search(rf"(?m)^\s+{name}: ", described(doc, "Args"))]
    gives = signature.return_annotation not in (None, "None", inspect.Signature.empty)
    if gives and not (described(doc, "Returns") or described(doc, "Yields")):
        missing.append("Returns")
    raises = re.search(r"(?m)^\s+raise [A-Z]", inspect.getsource(function))
    return missing + ["Raises"] * bool(raises and not described(doc, "Raises"))


def test_every_module_class_and_method_says_what_it_is() -> None:
    modules = [name for name in api.modules() if not importlib.import_module(name).__doc__]
    values = [
        name
        for name, value in EVERYTHING.items()
        if (callable(value) or isinstance(value, property)) and not text(value)
    ]
    assert (modules, values) == ([], [])


def test_every_function_says_what_it_takes_gives_and_raises() -> None:
    found = {name: lacking(function) for name, function in FUNCTIONS.items()}
    assert {name: missing for name, missing in found.items() if missing} == {}


def test_every_field_of_a_dataclass_is_described() -> None:
    classes = {
        name: value for name, value in EVERYTHING.items() if inspect.isclass(value) and dataclasses.is_dataclass(value)
    }
    missing = {
        f"{name}.{field.name}"
        for name, value in classes.items()
        for field in dataclasses.fields(value)
        if not re.search(rf"\b{field.name}\b", text(value)) and not field.name.startswith("_")
    }
    assert missing == set()


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_every_metric_names_its_paper_or_says_that_it_is_a_control(metric: str) -> None:
    assert re.search(r"Papers?: |arXiv|A control, ", text(EVERYTHING[metric]))


@pytest.mark.parametrize("name", api.modules())
def test_nothing_of_a_docstring_is_lost_on_the_way_to_the_page(name: str) -> None:
    """A formula with stars or a year at the beginning of a line can become emphasis or a list."""
    values = [importlib.import_module(name), *(value for full, value in EVERYTHING.items() if full.startswith(name))]
    for doc in {text(value) for value in values} - {""}:
        page = html.unescape(re.sub(r"<[^>]+>", "", render_helpers.to_html(docstrings.convert(doc, "google", None))))
        lost = Counter(re.findall(r"\w+", doc)) - Counter(re.findall(r"\w+", page))
        assert set(lost) <= {"Args"}, doc  # pdoc writes Arguments


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, as ``make api`` builds them."""
    folder = tmp_path_factory.mktemp("api")
    places = os.pathsep.join([str(ROOT), str(ROOT / "pgebench" / "plugins"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "error::UserWarning:pdoc", "docs/api.py", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": places}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_there_is_a_page_for_every_module_and_for_nothing_else(pages: Path) -> None:
    found = {str(path.relative_to(pages).with_suffix("")).replace("/", ".") for path in pages.rglob("*.html")}
    assert found == {*api.modules(), *api.TEXTS}
    page = (pages / "baselines.html").read_text()
    assert "<strong>source_probabilities:</strong>" in page
    assert 'id="leep"' in page


@pytest.mark.parametrize("page", sorted(api.TEXTS))
def test_every_link_of_the_start_pages_leads_somewhere(pages: Path, page: str) -> None:
    content = re.sub(r"(?s)<script.*?</script>", "", (pages / f"{page}.html").read_text())
    anchors = set(re.findall(r'id="([^"]+)"', content))
    for link in re.findall(r'(?:href|src)="([^"]+)"', content):
        place, _, anchor = link.partition("#")
        if not place:
            assert anchor in anchors
        elif not re.match(r"\w+:", place):
            assert (pages / place).exists(), link
