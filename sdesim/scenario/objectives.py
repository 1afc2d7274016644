"""Model of several objectives that a real arm trains on together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sdesim.scenario.base import NotNegative, Strict


class Objective(Strict):
    """One of several losses on the same outputs; its share is its weight over the sum of all.

    class: cross-entropy of the label; parity: of whether the label is even; uniform: cross-entropy of equal
    probabilities for all classes.
    """

    target: Literal["class", "parity", "uniform"]
    weight: NotNegative


def _mixture(objectives: list[Objective]) -> list[Objective]:
    targets = [o.target for o in objectives]
    if len(set(targets)) < len(targets):
        raise ValueError(f"found {', '.join(targets)}, allowed: every target once")
    if not any(o.weight > 0 for o in objectives):
        raise ValueError("at least one weight must be above 0")
    return objectives


Objectives = Annotated[list[Objective], Field(min_length=1), AfterValidator(_mixture)]
