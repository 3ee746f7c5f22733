"""The sections of a report in their order. This list is the only one: pages, navigation and figures follow it."""

from pgebench.report.section import Section
from pgebench.report.sections import (
    budget_curve,
    cost,
    criteria,
    data,
    failures,
    headroom,
    influence,
    league,
    maps,
    origin,
    other_truths,
    pairs,
    questions,
    relatedness,
    scale,
    stability,
    truth,
    verdict,
)

SECTIONS: tuple[Section, ...] = (
    verdict.SECTION,
    league.SECTION,
    pairs.SECTION,
    influence.SECTION,
    scale.SECTION,
    truth.SECTION,
    headroom.SECTION,
    relatedness.SECTION,
    budget_curve.SECTION,
    stability.SECTION,
    questions.SECTION,
    maps.SECTION,
    cost.SECTION,
    other_truths.SECTION,
    criteria.SECTION,
    data.SECTION,
    failures.SECTION,
    origin.SECTION,
)
