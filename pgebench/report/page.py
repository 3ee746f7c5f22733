"""The two pages of a report: its sections in their order, as HTML and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pgebench.analysis.correlation import PRIMARY
from pgebench.core.records import DONE, SO_FAR
from pgebench.report.claims import beats_chance, real_metrics
from pgebench.report.criterion import in_words_of
from pgebench.report.repetitions import checkpoints_of, transfers_of
from pgebench.report.section import Block, Report, Section
from pgebench.report.sections import SECTIONS
from pgebench.report.style import page_css
from pgebench.report.svg import Picture, inline
from pgebench.report.tops import tops
from pgebench.report.wording import counted

TEMPLATES = Path(__file__).parent / "templates"


def rich(text: str) -> Markup:
    """Plain text to HTML: escaped, then back-ticks to code.

    >>> rich("`a` < b")
    Markup('<code>a</code> &lt; b')
    """
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def table_text(text: str) -> str:
    r"""Text that does not break a Markdown table.

    >>> print(table_text("a | b"))
    a \| b
    """
    return " ".join(text.replace("|", "\\|").split())


def html(report: Report, files: Collection[str]) -> str:
    """The page for a browser, whole in one file.

    Args:
        report: What to tell.
        files: Names of the figures that were written; the page links to no others.
    """
    sections = [(section, in_words_of(report.criterion, section.page(report))) for section in SECTIONS]
    shown = [(section, blocks) for section, blocks in sections if blocks]
    return _render("report.html.j2", _context(report, files) | {"sections": shown, "page_css": page_css()})


def markdown(report: Report, files: Collection[str]) -> str:
    """The same for a reader of plain text, with the figures as files.

    Args:
        report: What to tell.
        files: Names of the figures that were written; others are left out.
    """
    sections = [(section, in_words_of(report.criterion, section.markdown(report))) for section in SECTIONS]
    return _render("report.md.j2", _context(report, files) | {"sections": sections}).rstrip() + "\n"


def document(
    template: str,
    folder: Path,
    title: str,
    tiles: Sequence[tuple[str, str]],
    sections: Sequence[tuple[Section, Sequence[Block]]],
) -> str:
    """A page about something else than an experiment, in the style of the report and whole in one file.

    Args:
        template: Name of a template that extends ``report.html.j2``.
        folder: Where it is.
        title: Of the page.
        tiles: Number and caption of the facts at the top.
        sections: With their blocks.
    """
    nothing = {"so_far": "", "notes": (), "failed": 0, "files": ()}
    context = {"experiment": title, "tiles": tiles, "page_css": page_css(), **nothing}
    return _render(template, context | {"sections": sections}, folder)


def _context(report: Report, files: Collection[str]) -> dict[str, Any]:
    """What stands above the sections."""
    return {
        "experiment": str(report.meta.get("experiment", "unnamed")),
        "so_far": _so_far(report),
        "tiles": _tiles(report),
        "notes": [str(note) for note in report.meta.get("notes") or []],
        "failed": len(report.analysis.failures),
        "files": files,
    }


def _render(template: str, context: Mapping[str, Any], *folders: Path) -> str:
    environment = Environment(
        loader=FileSystemLoader([TEMPLATES, *folders]),
        autoescape=template.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(rich=rich, table_text=table_text, inline=_inline, safe_svg=Markup)
    return environment.get_template(template).render(context)


def _inline(picture: Picture, css: str = "") -> Markup:
    return Markup(inline(picture, css))


def _so_far(report: Report) -> str:
    """What stands above all else while a sweep runs; "" for a finished one."""
    if not report.meta.get(SO_FAR):
        return ""
    done, total = _done(report)
    when = f" ({report.meta['created']})" if report.meta.get("created") else ""
    return (
        f"So far: {done} of {counted(total, 'unit')}{when}. These are the numbers of an unfinished sweep; "
        "the page is made anew while it runs, and when it ends."
    )


def _done(report: Report) -> tuple[int, int]:
    """How many units are done, and how many there are."""
    return report.analysis.units.get(DONE, 0), sum(report.analysis.units.values())


def _tiles(report: Report) -> list[tuple[str, str]]:
    """Number and caption of the facts at the top."""
    analysis = report.analysis
    table = analysis.table
    tiles = [
        (f"{len(table.sources)} \N{MULTIPLICATION SIGN} {len(table.targets)}", report.say("sources, targets")),
        (str(len(table.backbones)), report.say("backbone" if len(table.backbones) == 1 else "backbones")),
    ]
    if analysis.results:
        result = analysis.results[0]
        metrics = real_metrics(result.league)
        checkpoints, transfers = checkpoints_of(result), transfers_of(result)
        noun = "transfer" if transfers == "1" else "transfers"
        tiles.append((str(checkpoints), f"{'checkpoint' if checkpoints == 1 else 'checkpoints'} per source model"))
        tiles.append((transfers, f"{result.name} {noun} from each"))
        tiles.append((f"{len(beats_chance(metrics))} of {len(metrics)}", "metrics beat chance"))
        known = [(f"{top.repeat[PRIMARY]:.2f}", f"noise ceiling, {top.name}") for top in tops(result)]
        tiles += known or [("unknown", "noise ceiling")]
    done, total = _done(report)
    tiles.append((str(done), f"of {counted(total, 'unit')} done"))
    return tiles
