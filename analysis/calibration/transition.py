"""Cases of transitions: series of C, each from its own draws of gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdesim import estimators as est
from sdesim.estimators import Estimate

from .case import Case, Event, bare, register

Array = NDArray[np.float64]
_STEPS, _JUMP, _DIM = 100, 50, 20


@dataclass(frozen=True)
class Series:
    """Debiased C with its interval at each of 100 steps."""

    value: Array
    low: Array
    high: Array


def _series(before: float, after: float) -> Callable[[np.random.Generator, int], Series]:
    """C = `before` up to step 50, `after` from there; n white Gaussian gradients in 20 dimensions a step."""
    c = np.where(np.arange(_STEPS) < _JUMP, before, after)

    def draw(rng: np.random.Generator, n: int) -> Series:
        g = (rng.standard_normal((_STEPS, n, _DIM)) + np.sqrt(c)[:, None, None]) / math.sqrt(_DIM)
        dot = np.einsum("tnd,td->tn", g, g.mean(axis=1))
        return Series(*est.jackknife_consolidation((g**2).sum(axis=2), dot))

    return draw


def _detect(method: str) -> Callable[[Series], Estimate]:
    def estimate(s: Series) -> Estimate:
        found = est.detect_transition(s.value, s.low, s.high, threshold=1.0, method=method)
        if found.index is None:
            return bare(math.nan, method, _STEPS)
        assert found.low is not None
        assert found.high is not None
        return bare(found.index, method, _STEPS, found.low, found.high)

    return estimate


def _cases() -> Iterator[Case]:
    for method, most in (("crossing", None), ("confident-crossing", 0.01), ("changepoint", 0.01)):
        for c in (0.9, 1.0):
            yield Case(
                "detect_transition", method, f"constant C = {c:g}, threshold 1, 100 steps", _series(c, c),
                _detect(method), math.nan, (20,), replications=200, size_name="draws a step",
                events=(Event("false alarm in 100 steps", lambda e, truth: not math.isnan(e.value), most),),
            )  # fmt: skip
        for before, after in ((0.3, 3.0), (0.7, 1.4)):
            yield Case(
                "detect_transition", method, f"C from {before:g} to {after:g} at step 50, threshold 1",
                _series(before, after), _detect(method), float(_JUMP), (20,), replications=200,
                coverage=0.95 if method != "crossing" else None, size_name="draws a step",
                reason="fires on noise before the jump" if method == "crossing" else "",
                events=(Event("detected", lambda e, truth: not math.isnan(e.value), wanted=True),),
            )  # fmt: skip


def _count(method: str) -> Callable[[Series], Estimate]:
    def estimate(s: Series) -> Estimate:
        found = est.detect_transitions(s.value, s.low, s.high, threshold=1.0, method=method)
        return bare(len(found), method, _STEPS)

    return estimate


def _counts() -> Iterator[Case]:
    for method, promised in (("crossing", None), ("confident-crossing", 0.001)):
        yield Case(
            "detect_transitions", method, "alarms in 100 steps at constant C = 0.9, threshold 1",
            _series(0.9, 0.9), _count(method), 0.0, (20,), bias=promised, replications=200,
            size_name="draws a step",
        )  # fmt: skip


register(_cases())
register(_counts())
