"""``python docs/make_site.py FOLDER``: README, docs/ and the docstrings as a site in ``FOLDER/docs`` (``make docs``).

Pages and the files that they link to are laid out in ``FOLDER/pages`` as they lie in the repository, so that a link
that is right there is right on the site. What leads elsewhere on the site is decided here: a report to its HTML twin, a
module to its docstrings. Zensical then builds the site, and any broken link or anchor is an error.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
MENU = {
    "README.md": "pgebench",
    "docs/using.md": "Using",
    "docs/data.md": "Data",
    "docs/inputs.md": "Odd inputs",
    "docs/backbones.md": "Backbones",
    "docs/metrics.md": "Metrics",
    "docs/pge.md": "PGE",
    "docs/rank.md": "Rank for my images",
    "docs/faults.md": "Resume and faults",
    "docs/clusters.md": "Clusters and GPUs",
    "docs/tracking.md": "Weights & Biases",
    "docs/caveats.md": "Caveats",
    "docs/architecture.md": "Architecture",
    "docs/index.md": "All pages",
    "CONTRIBUTING.md": "Contributing",
}
"""Pages and their names in the menu; others are reached by links."""

HIDDEN = ("pgebench.plugins", "pgebench.embedded.build", "pgebench.embedded.builder")
"""What nobody imports: glue for Hydra, and the builder of the pack."""

SHIM = "https://unpkg.com/iframe-worker/shim"
WORKER = """if (location.protocol === "file:") {
  const place = URL.createObjectURL(new Blob([TEXT], { type: "text/javascript" }));
  window.Worker = class extends Worker { constructor() { super(place); } };
}
"""
"""What Zensical's pages load for the search from a file, and what they load here."""

LINK = re.compile(r"""(?P<before>\]\(|(?:src|href)=")(?P<target>[^)"#\s]+)(?P<rest>#[^)"\s]*)?""")


def modules() -> dict[str, list[str]]:
    """Packages and their public modules, in alphabetical order; a module beside the packages stands alone."""
    found: dict[str, list[str]] = {}
    for top in ("baselines", "pgebench"):
        for path in sorted((ROOT / top).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            parts = name.split(".")
            if name.startswith(HIDDEN) or any(part.startswith("_") for part in parts):
                continue
            page = ".".join(parts[: 1 + (top == "pgebench")])
            found.setdefault(page, []).append(name)
    return found


def page_of(module: str) -> str:
    """Path of the page that a module is on, from the root of the repository."""
    return f"api/{next(page for page, names in modules().items() if module in names)}.md"


def texts(folder: Path) -> None:
    """Lay out the pages under ``folder``, with everything that they link to."""
    todo, known = [Path(page) for page in MENU], set()
    while todo:
        page = todo.pop()
        if page in known:
            continue
        known.add(page)
        place = folder / page
        place.parent.mkdir(parents=True, exist_ok=True)
        if page.suffix != ".md":
            shutil.copyfile(ROOT / page, place)
            continue
        text = (ROOT / page).read_text(encoding="utf-8")
        for match in LINK.finditer(text):
            target = _target(page, match["target"])
            if target is None or target.parts[0] == "api":
                continue
            if not (ROOT / target).is_file():
                raise SystemExit(f"{page}: the link {match['target']} leads to no file")
            todo.append(target)
        place.write_text(LINK.sub(partial(_relinked, page), text), encoding="utf-8")


def references(folder: Path) -> None:
    """Write a page for each package, with the docstrings of its public modules."""
    (folder / "api").mkdir(parents=True, exist_ok=True)
    for page, names in modules().items():
        (folder / "api" / f"{page}.md").write_text("\n".join(_reference(page, names)), encoding="utf-8")


def settings() -> dict[str, Any]:
    """What Zensical reads: ``site.yml``, and the menu."""
    fixed: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "site.yml").read_text(encoding="utf-8"))
    (plugin,) = (plugin for plugin in fixed["plugins"] if "mkdocstrings" in plugin)
    plugin["mkdocstrings"]["handlers"]["python"]["options"]["extensions"] = [str(ROOT / "docs" / "doctests.py")]
    pages = [{name: page} for page, name in MENU.items()]
    return fixed | {"nav": [*pages, {"Reference": [{page: f"api/{page}.md"} for page in modules()]}]}


def build(folder: Path) -> int:
    """Make the site.

    Args:
        folder: Where ``pages``, ``site.yml`` and the site itself, ``docs``, shall be.

    Returns:
        The exit code of Zensical: 0 if every link and anchor leads somewhere.
    """
    for name in ("pages", "docs", ".cache"):
        shutil.rmtree(folder / name, ignore_errors=True)
    pages = folder / "pages"
    texts(pages)
    references(pages)
    shutil.copyfile(ROOT / "docs" / "site.css", pages / "docs" / "site.css")
    config = folder / "site.yml"
    config.write_text(yaml.safe_dump(settings(), sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(config)]
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    code = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, check=False).returncode
    if code == 0:
        offline(folder / "docs")
    return code


def offline(site: Path) -> None:
    """Let the search work from a file without a network.

    A browser starts no worker from a file, only from a blob; Zensical's pages load a script from elsewhere that gets
    around it, and these load one that holds the worker's text.
    """
    (worker,) = (site / "assets" / "javascripts" / "workers").glob("search.*.js")
    text = json.dumps(worker.read_text(encoding="utf-8")).replace("</", "<\\/")
    (site / "assets" / "worker.js").write_text(WORKER.replace("TEXT", text), encoding="utf-8")
    for page in site.rglob("*.html"):
        place = os.path.relpath(site / "assets" / "worker.js", page.parent)
        page.write_text(page.read_text(encoding="utf-8").replace(SHIM, place), encoding="utf-8")


def _reference(page: str, names: list[str]) -> Iterator[str]:
    """Lines of the page of a package."""
    yield f"# {page}\n"
    for name in names:
        yield f"::: {name}"
        initial = ROOT.joinpath(*name.split("."), "__init__.py")
        if name not in ("baselines", "pgebench") and initial.is_file():
            # What a package passes on stands under the module that defines it; these two have the names that one types.
            yield f"    options:\n      members: {json.dumps(_defined(initial))}"
        yield ""


def _defined(file: Path) -> list[str]:
    """Names of the functions, classes and annotated values that a file defines."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    values = [node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
    return [*values, *(node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef))]


def _target(page: Path, link: str) -> Path | None:
    """The file of the site that a link of a page leads to, from the root of the repository."""
    if re.match(r"\w+:", link):
        return None
    target = Path(os.path.normpath(page.parent / link))
    twin = target.with_suffix(".html")
    if target.suffix == ".md" and (ROOT / twin).is_file():
        return twin
    name = ".".join(target.with_suffix("").parts)
    if target.suffix == ".py" and any(name in names for names in modules().values()):
        return Path(page_of(name))
    return target


def _relinked(page: Path, match: re.Match[str]) -> str:
    """A link as it is on the site."""
    target = _target(page, match["target"])
    if target is None:
        return match[0]
    anchor = match["rest"] or ""
    if target.parts[0] == "api":
        anchor = "#" + ".".join(Path(os.path.normpath(page.parent / match["target"])).with_suffix("").parts)
    return match["before"] + os.path.relpath(target, page.parent) + anchor


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python docs/make_site.py FOLDER, for example python docs/make_site.py build")
    code = build(Path(sys.argv[1]).resolve())
    print(f"Pages: {Path(sys.argv[1]) / 'docs' / 'index.html'}" if code == 0 else "A page has a fault: see above.")
    raise SystemExit(code)
