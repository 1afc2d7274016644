"""Cases of the tail index and the dimension deduced from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sdesim import estimators as est
from sdesim.estimators import Estimate

from .case import Case, Event, Promise, flag, register

Array = NDArray[np.float64]
_SIZES = (200, 2000)


def stable(rng: np.random.Generator, alpha: float, size: int | tuple[int, ...]) -> Array:
    """Symmetric α-stable draws, E e^{iuX} = e^{−|u|^α} (Chambers, Mallows & Stuck 1976)."""
    u = math.pi * (rng.random(size) - 0.5)
    w = rng.exponential(size=size)
    if alpha == 1.0:
        return np.asarray(np.tan(u))
    return np.asarray(
        np.sin(alpha * u) / np.cos(u) ** (1 / alpha) * (np.cos((1 - alpha) * u) / w) ** ((1 - alpha) / alpha)
    )


def _stable(alpha: float) -> Callable[[np.random.Generator, int], Array]:
    return lambda rng, n: stable(rng, alpha, n)


def _student(rng: np.random.Generator, n: int) -> Array:
    return np.asarray(rng.standard_t(3, n))


def _mixed(rng: np.random.Generator, n: int) -> Array:
    """Twenty Gaussian columns whose scales span four decades."""
    return np.asarray(rng.standard_normal((n // 20, 20)) * np.geomspace(1e-2, 1e2, 20))


def _by(method: str) -> Callable[[Array], Estimate]:
    return partial(est.tail_index, method=method)


_POOLED = "pools raw coordinates: a mixture of scales reads as a heavy tail"
_NARROW = "near 2 few draws lie in the tails, and a bootstrap of them is too narrow"
_BLIND = "reads far above 2 and says so by the flag near_2: not to be used above 1.7"
# Measured, where less than the nominal 0.95: (method, α) → least coverage by n.
_STATED: dict[tuple[str, float], tuple[Promise, str]] = {
    ("ecf", 1.8): ({200: 0.83, 2000: 0.93}, _NARROW),
    ("ecf", 2.0): (0.92, _NARROW),
    ("mcculloch", 1.2): (0.92, "quantiles of few draws"),
    ("mcculloch", 1.5): (0.92, "quantiles of few draws"),
    ("mcculloch", 1.8): ({200: 0.74, 2000: 0.90}, "the ratio of quantiles hardly depends on α near 2"),
    ("hill", 1.5): ({200: 0.93, 2000: 0.88}, "the tail is no power law down to the k-th draw"),
    ("hill", 1.8): (None, _BLIND),
    ("hill", 2.0): (None, _BLIND),
    ("mle", 1.5): (0.88, "a jackknife of ten blocks with normal quantiles"),
}  # fmt: skip
_LIGHT = Event("says α < 2", lambda e, truth: not e.has("gaussian_not_rejected"), at_most=0.01)


def _on_stable() -> Iterator[Case]:
    for alpha in (1.2, 1.5, 1.8, 2.0):
        data = f"symmetric stable, α = {alpha:g}"
        events = (flag("not_stable", at_most=0.05),)
        found = Event("says α < 2", lambda e, truth: not e.has("gaussian_not_rejected"), wanted=True)
        events += (_LIGHT,) if alpha == 2.0 else (found,)
        for method, replications in (("ecf", 200), ("mcculloch", 400), ("hill", 400), ("mle", 40)):
            if method == "mle" and alpha != 1.5:
                continue
            stated, reason = _STATED.get((method, alpha), (0.95, ""))
            yield Case(
                "tail_index", method, data, _stable(alpha), _by(method), alpha, _SIZES, coverage=stated,
                events=events if method == "ecf" else (), replications=replications, reason=reason,
                slow=method == "mle",
            )  # fmt: skip
        yield Case("tail_index", "hill-literal", data, _stable(alpha), _by("hill-literal"), alpha, _SIZES)


register(_on_stable())
register(
    Case("tail_index", method, "Student t3 (finite variance: attracted to α = 2)", _student, _by(method), 2.0,
         (200, 2000, 10_000), replications=100,
         events=(flag("not_stable", wanted=True),) if method == "ecf" else (),
         reason="not stable: read as 1.6 by the shape of its middle; only sums of rows tell")
    for method in ("ecf", "mcculloch")
)  # fmt: skip
register(
    Case("tail_index", method, "Gaussian columns, scales over four decades", _mixed, _by(method), 2.0,
         (2000, 10_000), coverage=0.88 if method == "ecf" else None, replications=100,
         events=(_LIGHT,) if method == "ecf" else (),
         reason=_NARROW if method == "ecf" else _POOLED)
    for method in ("ecf", "hill-literal")
)  # fmt: skip
register(
    Case("effective_dimension", "corrected", f"d = 10, pure jumps, α = {alpha:g}", _stable(alpha),
         lambda x: est.effective_dimension(10, est.tail_index(x)), alpha, (2000,), coverage=0.9,
         replications=100)
    for alpha in (1.5, 2.0)
)  # fmt: skip
