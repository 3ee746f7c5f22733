"""The site leads where it says, loads nothing from elsewhere, and says of every public name what one must know."""

from __future__ import annotations

import html
import importlib
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlparse

import griffe
import pytest
import yaml

from pgebench.config import conf_dir

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs"))
make_site = importlib.import_module("make_site")

MODULES = [name for names in make_site.modules().values() for name in names]
METRICS = sorted(
    {str(yaml.safe_load(path.read_text())["function"]["_target_"]) for path in (conf_dir() / "metric").glob("*.yaml")}
)
CALLED = (
    "baselines",
    "pgebench.analysis",
    "pgebench.config",
    "pgebench.embedded",
    "pgebench.pge",
    "pgebench.published.records",
    "pgebench.published.compare",
    "pgebench.published.bounds",
    "pgebench.ranking.command",
    "pgebench.ranking.request",
    "pgebench.pge.count_sketch",
    "pgebench.ranking.standing",
    "pgebench.data.folder",
    "pgebench.data.npz",
    "pgebench.data.parquet",
    "pgebench.data.torchvision",
    "pgebench.data.voc",
    "pgebench.data.hugging_face",
    "pgebench.data.listing",
    "pgebench.data.reading",
    "pgebench.data.read",
    "pgebench.stages",
    "pgebench.core.identity",
    "pgebench.core.errors",
    "pgebench.store.store",
    "pgebench.store.unit",
)
"""What a researcher or a contributor calls: there a docstring also says what a function takes, gives and raises."""

OUTSIDE = {"arxiv.org", "hydra.cc"}
"""Hosts that our own pages link to."""


@cache
def code() -> griffe.ModulesCollection:
    """The code as it is read, not run."""
    loader = griffe.GriffeLoader(search_paths=[ROOT])
    for package in ("baselines", "pgebench"):
        loader.load(package)
    return loader.modules_collection


def within(value: griffe.Object) -> Iterator[griffe.Object]:
    """Public names that are defined in a module or class, and those in its classes."""
    for name, member in value.members.items():
        if name.startswith("_") or member.is_alias or member.is_module:
            continue
        yield member
        if member.is_class:
            yield from within(member)


def called() -> list[griffe.Object]:
    """Functions, classes and methods of ``CALLED``; private modules of the metrics are shown by their package."""
    exported = [alias.final_target for alias in code()["baselines"].members.values() if alias.is_alias]
    exported = [value for value in exported if value.path.startswith("baselines.")]
    defined = [value for name in MODULES if name.startswith(CALLED) for value in within(code()[name])]
    return [value for value in exported + defined if value.is_function or value.is_class]


def sections(value: griffe.Object) -> dict[str, set[str]]:
    """Headings of a docstring, with the names that stand under them."""
    parsed = griffe.parse_google(value.docstring) if value.docstring else []
    return {
        part.kind.value: {str(getattr(entry, "name", "")).lstrip("*") for entry in part.value}
        for part in parsed
        if part.kind.value != "text" and isinstance(part.value, list)
    }


def lacking(function: griffe.Function) -> list[str]:
    """What a reader of a function's docstring would miss."""
    said = sections(function)
    names = [parameter.name.lstrip("*") for parameter in function.parameters if not parameter.name.startswith("_")]
    missing = [name for name in names if name not in ("self", "cls") and name not in said.get("parameters", ())]
    gives = str(function.returns) not in ("None", "") if function.returns is not None else False
    if gives and not {"returns", "yields"} & set(said):
        missing.append("Returns")
    raises = re.search(r"(?m)^\s+raise [A-Z]", function.source)
    return missing + ["Raises"] * bool(raises and "raises" not in said)


def test_every_module_function_class_and_method_says_what_it_is() -> None:
    values = [value for name in MODULES for value in within(code()[name]) if value.is_function or value.is_class]
    assert [name for name in MODULES if not code()[name].docstring] == []
    assert [value.path for value in values if not value.docstring] == []


def test_what_is_called_says_what_it_takes_gives_and_raises() -> None:
    found = {value.path: lacking(value) for value in called() if isinstance(value, griffe.Function)}
    assert len(found) > 100
    assert {name: missing for name, missing in found.items() if missing} == {}


def test_every_field_of_a_dataclass_that_is_called_is_described() -> None:
    missing = {
        f"{value.path}.{name}"
        for value in called()
        if isinstance(value, griffe.Class) and "dataclass" in value.labels
        for name, member in value.members.items()
        if member.is_attribute and "instance-attribute" in member.labels and not name.startswith("_")
        if not re.search(rf"\b{name}\b", value.docstring.value if value.docstring else "") and not member.docstring
    }
    assert missing == set()


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_names_its_paper_or_says_that_it_is_a_control(metric: str) -> None:
    value = code()[metric]
    value = value.final_target if value.is_alias else value
    assert re.search(r"Papers?: |arXiv|A control, ", value.docstring.value)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The site, as ``make docs`` builds it, and what was said meanwhile."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "docs/make_site.py", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return folder / "docs", said


@pytest.fixture(scope="module")
def site(built: tuple[Path, str]) -> Path:
    return built[0]


def our_pages(site: Path) -> list[Path]:
    """Pages that are made here; the reports of runs are files that come along."""
    return [page for page in sorted(site.rglob("*.html")) if "md-content" in page.read_text()]


def words(page: Path) -> str:
    """What a reader sees of a page."""
    text = re.sub(r"(?s)<(script|style).*?</\1>", "", page.read_text())
    return html.unescape(re.sub(r"<[^>]+>", "", text))


def test_a_doctest_is_code_and_no_quotation() -> None:
    """Indented or not, up to the next empty line."""
    fenced = importlib.import_module("doctests").fenced
    doc = "One more.\n\n>>> 1 + 1\n2\n\nThe rest.\n    >>> f(\n    ...     1)\n    1"
    first, rest = fenced(doc).split("The rest.\n")
    assert first == "One more.\n\n```pycon\n>>> 1 + 1\n2\n```\n\n"
    assert fenced(first) == first
    assert rest == "    ```pycon\n    >>> f(\n    ...     1)\n    1\n    ```"


def test_no_docstring_describes_a_parameter_that_is_not_there(built: tuple[Path, str]) -> None:
    assert [line for line in built[1].splitlines() if line.startswith("griffe:")] == []


def test_every_public_module_is_on_the_page_of_its_package(site: Path) -> None:
    folders = {path.parent.name for path in (ROOT / "pgebench").glob("*/__init__.py")} - {"plugins"}
    assert folders <= {page.removeprefix("pgebench.") for page in make_site.modules()}
    for module in MODULES:
        page = site / Path(make_site.page_of(module)).with_suffix(".html")
        assert f'id="{module}"' in page.read_text(), module


def test_every_public_name_has_an_anchor(site: Path) -> None:
    anchors = {
        anchor for page in (site / "api").glob("*.html") for anchor in re.findall(r'id="([^"]+)"', page.read_text())
    }
    values = [value for name in MODULES for value in within(code()[name]) if value.is_function or value.is_class]
    assert [value.path for value in values if value.path not in anchors] == []
    assert [metric for metric in METRICS if metric.startswith("baselines.") and metric not in anchors] == []


@pytest.mark.parametrize("package", make_site.modules())
def test_nothing_of_a_docstring_is_lost_on_the_way_to_the_page(site: Path, package: str) -> None:
    """A formula with stars or a year at the beginning of a line can become emphasis or a list."""
    shown = Counter(re.findall(r"\w+", words(site / "api" / f"{package}.html")))
    names = make_site.modules()[package]
    values = [value for name in names for value in (code()[name], *within(code()[name]))]
    said = Counter(word for value in values if value.docstring for word in re.findall(r"\w+", value.docstring.value))
    assert set(said - shown) <= {"Args"}  # Parameters, on the page


def test_every_link_leads_somewhere(site: Path) -> None:
    pages = {page: page.read_text() for page in our_pages(site)}
    anchors = {page: set(re.findall(r'(?:id|name)="([^"]+)"', text)) for page, text in pages.items()}
    lost = []
    for page, text in pages.items():
        for link in re.findall(r'(?:href|src)="([^"]+)"', re.sub(r"(?s)<script[^>]*>.*?</script>", "", text)):
            address = urlparse(html.unescape(link))
            if address.scheme or not (address.path or address.fragment) or page.name == "404.html":
                continue
            place = (page.parent / unquote(address.path)).resolve() if address.path else page
            if not place.is_file() or (address.fragment and place in pages and address.fragment not in anchors[place]):
                lost.append((page.name, link))
    assert len(pages) > 30
    assert lost == []


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """So that a page opens from a file, without a network, as it does from a server."""
    outside = r'<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=["\']?((?:https?:)?//[^"\' >]+)'
    assert {place for page in our_pages(site) for place in re.findall(outside, page.read_text())} == set()
    sheets = [path.read_text() for path in site.rglob("*.css")]
    assert [place for sheet in sheets for place in re.findall(r"url\([\"']?((?:https?:)?//[^)]+)", sheet)] == []


def test_our_pages_link_to_known_hosts_only(site: Path) -> None:
    shown = [site / Path(page).with_suffix(".html") for page in make_site.MENU if page != "README.md"]
    links = [
        link
        for page in (site / "index.html", *shown)
        for link in re.findall(r'href="(https?:[^"]+)"', page.read_text())
    ]
    assert {urlparse(link).hostname for link in links} <= OUTSIDE


def test_the_search_works_from_a_file(site: Path) -> None:
    """A browser starts no worker from a file, so its text comes along as a blob."""
    (worker,) = (site / "assets" / "javascripts" / "workers").glob("search.*.js")
    shim = (site / "assets" / "worker.js").read_text()
    assert len(shim) > len(worker.read_text())
    assert 'src="../assets/worker.js"' in (site / "docs" / "using.html").read_text()
    assert (site / "search.js").read_text().startswith("var __index")


def test_pictures_of_the_reference_runs_are_on_it(site: Path) -> None:
    pages = " ".join(page.read_text() for page in (site / "index.html", *(site / "docs").glob("*.html")))
    pictures = set(re.findall(r'src="([^"]*results/reference/[^"]+\.png)"', pages))
    assert len(pictures) >= 5
    assert all((site / picture.removeprefix("../")).is_file() for picture in pictures)


def test_a_link_to_a_file_that_is_not_there_ends_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "README.md").write_text("[gone](docs/gone.csv)")
    monkeypatch.setattr(make_site, "ROOT", tmp_path)
    monkeypatch.setattr(make_site, "MENU", {"README.md": "pgebench"})
    with pytest.raises(SystemExit, match=r"README.md: the link docs/gone.csv leads to no file"):
        make_site.texts(tmp_path / "pages")
