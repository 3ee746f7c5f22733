"""How the numbers came to be: command, machine, versions and configuration."""

from __future__ import annotations

import json

from pgebench.analysis.judge import BESIDE, RESAMPLES, SHUFFLES
from pgebench.report.section import Block, Bullets, Code, Details, Facts, Heading, Report, Section, Words

TITLE = Heading("How these numbers came to be")


def _facts(report: Report) -> list[tuple[str, str]]:
    """Machine and versions as rows of text."""
    found = []
    for name in ("machine", "versions"):
        facts = report.meta.get(name)
        found += [(str(key), str(value)) for key, value in facts.items()] if isinstance(facts, dict) else []
    return found


def _config(report: Report) -> str:
    return json.dumps(report.meta.get("config") or {}, indent=2, sort_keys=True, default=str)


def _page(report: Report) -> list[Block]:
    created = str(report.meta.get("created", ""))
    shuffles = f"p-values from {SHUFFLES} shuffles, beside the league {BESIDE}"
    intervals = f"{RESAMPLES} resamples; {shuffles}; seed {report.meta.get('seed', 0)}"
    facts = [("records of", created)] if created else []
    return [
        TITLE,
        *([Code(report.command)] if report.command else []),
        Facts([*facts, ("intervals", intervals), *_facts(report)]),
        Details("Configuration", [Code(_config(report))]),
    ]


def _markdown(report: Report) -> list[Block]:
    created = str(report.meta.get("created", ""))
    words = f"Records of {created}. " if created else ""
    words += f"Intervals: {RESAMPLES} resamples; p-values: {SHUFFLES} shuffles, beside the league {BESIDE}; "
    words += f"seed {report.meta.get('seed', 0)}."
    return [
        TITLE,
        *([Code(report.command)] if report.command else []),
        Words(words),
        Bullets([f"{key}: {value}" for key, value in _facts(report)]),
        Details("Configuration", [Code(_config(report), "json")]),
    ]


SECTION = Section("origin", "Origin", _page, _markdown)
