"""Crossings of the threshold while training goes on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sdesim.errors import RunError
from sdesim.estimators import Estimate, detect_transitions, probability
from sdesim.kinds.numbers import one_of
from sdesim.kinds.spelling import short
from sdesim.training.monitor.measurement import Measurement

DETECTIONS = ("confident-crossing", "crossing")


@dataclass(frozen=True)
class Crossing:
    """A crossing of the threshold that was found to have happened.

    Attributes:
        before: the last measurement on the old side. after: the first on the new side.
        found: the measurement that confirmed it (`after` itself in the literal form).
        direction: "up" or "down".
        threshold: of p, at `after`.
        method: "confident-crossing" or "crossing" (literal).
    """

    before: Measurement
    after: Measurement
    found: Measurement
    direction: str
    threshold: float
    method: str

    def __str__(self) -> str:
        values = ", ".join(
            f"{name} {_number(self._value(self.before, name))} → {_number(self._value(self.after, name))}"
            for name in ("p", "C_alpha", "I")
        )
        sign = "literal, " if self.method == "crossing" else ""
        return (
            f"p crossed {self.threshold:.3g} {self.direction}wards between steps {self.before.step} and "
            f"{self.after.step} ({sign}seen at step {self.found.step}): {values}"
        )

    def _value(self, measurement: Measurement, name: str) -> Estimate | None:
        if self.method == "crossing":
            return measurement.literal.get(name)
        found: Estimate | None = getattr(measurement, name)
        return found


def _number(estimate: Estimate | None) -> str:
    return "not measured" if estimate is None else f"{estimate.value:.3g}"


class CrossingDetector:
    """`estimators.detect_transitions` on the measurements so far; each crossing is told once.

    Args:
        threshold: a number that p is held against, or "C_star": p against C*/(1+C*), which is C against C*.
        method: "confident-crossing": ``confirm`` intervals in a row exclude the threshold on the new side;
            after a crossing the old side counts again from 0.05 beyond it. "crossing": as in the source
            (§11.2), literal p was ≤ the threshold and is above it.
        confirm: m.

    Raises:
        RunError: an unknown threshold or method, confirm below 1, or "crossing" against C_star.
    """

    def __init__(
        self, threshold: float | str = 0.5, method: str = "confident-crossing", confirm: int = 3
    ) -> None:
        one_of(method, DETECTIONS, "detection", RunError)
        if threshold != "C_star" and not (isinstance(threshold, int | float) and 0 < threshold < 1):
            raise RunError(f'threshold must be a number between 0 and 1 or "C_star", got {short(threshold)}')
        if method == "crossing" and threshold == "C_star":
            raise RunError('detection "crossing" is the source\'s, against a number: give threshold=0.5')
        if confirm < 1:
            raise RunError(f"confirm must be at least 1, got {confirm}")
        self.threshold, self.method, self.confirm = threshold, method, confirm
        self._told = 0

    def update(self, history: Sequence[Measurement]) -> list[Crossing]:
        """Crossings that the last measurement confirms."""
        if self.method == "crossing":
            series = [(e.value, math.nan, math.nan) for e in (_missing(m.literal.get("p")) for m in history)]
        else:
            series = [(e.value, e.low, e.high) for e in (_missing(m.p) for m in history)]
        values, low, high = zip(*series, strict=True)
        threshold = [self._threshold(m) for m in history]
        found = detect_transitions(values, low, high, threshold, self.method, self.confirm)
        new, self._told = found[self._told :], len(found)
        made = []
        for t in new:
            assert t.index is not None
            before = t.index if t.low is None or self.method == "crossing" else t.low
            made.append(
                Crossing(
                    history[before - 1], history[t.index], history[-1], t.direction, threshold[t.index],
                    self.method,
                )
            )  # fmt: skip
        return made

    def _threshold(self, measurement: Measurement) -> float:
        if isinstance(self.threshold, int | float):
            return float(self.threshold)
        star = _missing(measurement.C_star).value
        return float(probability(star)) if star > -1 else math.nan


def _missing(estimate: Estimate | None) -> Estimate:
    return Estimate(math.nan, math.nan, math.nan, 0.95, "", 0) if estimate is None else estimate
