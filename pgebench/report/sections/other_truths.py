"""Further truths: the same scores, judged by another definition of the transfer accuracy."""

from __future__ import annotations

from pgebench.report.section import Block, Findings, Heading, Report, Section, Table, Words
from pgebench.report.sections import league, verdict


def _page(report: Report) -> list[Block]:
    blocks: list[Block] = []
    for i, result in enumerate(report.results[1:], start=2):
        blocks += [
            Heading(f"Another truth: {result.name}", anchor=f"truth-{i}"),
            Words(f"The same scores, judged by {result.name} accuracy.", soft=True),
            Findings(verdict.in_short(report.analysis, result)),
            Table(report.said(league.league_grid(result))),
            league.key_of(result),
        ]
    return blocks


def _markdown(report: Report) -> list[Block]:
    blocks: list[Block] = []
    for result in report.results[1:]:
        said = Findings(verdict.in_short(report.analysis, result))
        blocks += [Heading(f"Second truth: {result.name}"), said, *league.markdown_of(report, result)]
    return blocks


SECTION = Section("other-truths", "", _page, _markdown)
