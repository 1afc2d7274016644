"""One line of the result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .problems import Contestant, Problem


@dataclass(frozen=True)
class Row:
    """One measured cost.

    Attributes:
        problem, title: what was measured.
        name: of whom.
        unit: of value, low and high: median, least and largest over the rounds; None where not measured.
        ratio, ratio_low, ratio_high: cost by sdesim's cost of the same round (for E to G: the figure that the
            target is about).
        target, least, met: the promise in words, the ratio it asks for at least, whether the median keeps it.
        note: what a reader must know.
        details: sizes and every single round.
    """

    problem: str
    title: str
    name: str
    unit: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    target: str = ""
    least: float | None = None
    met: bool | None = None
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def missing_row(problem: Problem, contestant: Contestant, reason: str) -> Row:
    """The row of a contestant that could not take part."""
    return Row(
        problem.key, problem.title, contestant.name, problem.unit, target=contestant.promise, note=reason
    )
