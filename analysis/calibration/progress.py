"""Cases of progress over one step, of C* from gradients alone, and of times that are cut short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim import estimators as est
from sdesim.estimators import Estimate

from .case import Case, register

Array = NDArray[np.float64]
# A quadratic of 20 directions at learning rate η, a place on it, and the variances of its gradient noise.
_ETA = 0.1
_LAMBDA = np.geomspace(0.1, 5.0, 20)
_NOISE = 1.0 / np.arange(1.0, 21.0)
_THETA = np.full(20, 0.1)
_MU = _LAMBDA * _THETA
_TRACE = float(_NOISE.sum())
_BEND = float((_MU**2 * _LAMBDA).sum() + (_LAMBDA * _NOISE).sum())
# E ΔL of a step −ηg, and C*, both exact.
_PROGRESS = -_ETA * float((_MU**2).sum()) + 0.5 * _ETA**2 * _BEND
_STAR = _ETA * _BEND / (2 * _TRACE)
# Where SGD stands still each coordinate has the variance η s/(λ(2 − ηλ)), so that E μ² is λ² times it.
_STILL = _ETA * _NOISE / (_LAMBDA * (2 - _ETA * _LAMBDA))
_STATIONARY_STAR = _ETA * float((_LAMBDA * (_LAMBDA**2 * _STILL + _NOISE)).sum()) / (2 * _TRACE)
# Exponential times of mean 1.5, watched until 2: 26% outlast the watch.
_MEAN, _WATCH = 1.5, 2.0


def _noise(rng: np.random.Generator, n: int) -> Array:
    return np.asarray(rng.standard_normal((n, 20)) * np.sqrt(_NOISE))


def _ends(rng: np.random.Generator, n: int) -> tuple[Array, Array, Array]:
    """Steps u, and gradients of independent batches at both ends of each."""
    u, spare = -_ETA * (_MU + _noise(rng, n)), _noise(rng, n)
    return u, _MU + spare, _LAMBDA * (_THETA + u) + spare


def _changes(ends: tuple[Array, Array, Array]) -> Estimate:
    u = ends[0]
    return est.mean_change(u @ _MU + 0.5 * (u**2) @ _LAMBDA)


def _drops(ends: tuple[Array, Array, Array]) -> Estimate:
    u, before, after = ends
    return est.critical_from_drops(np.einsum("ij,ij->i", -u / _ETA, before - after), _TRACE)


def _walk(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Gradients (n, 20) of consecutive steps of SGD where it stands still, and |μ|² at each."""
    theta = rng.standard_normal(20) * np.sqrt(_STILL)
    noise, gradients, signal = _noise(rng, n), np.empty((n, 20)), np.empty(n)
    for t in range(n):
        mu = _LAMBDA * theta
        gradients[t], signal[t] = mu + noise[t], mu @ mu
        theta = theta - _ETA * gradients[t]
    return gradients, signal


def _times(rng: np.random.Generator, n: int) -> tuple[Array, NDArray[np.bool_]]:
    times = rng.exponential(_MEAN, n)
    return np.minimum(times, _WATCH), times < _WATCH


def _cases() -> Iterator[Case]:
    quadratic = "steps on a quadratic, d = 20"
    common: dict[str, Any] = {"data": quadratic, "draw": _ends, "size_name": "steps"}
    reason = "changes are skew: Student's interval comes to its level from below"
    yield Case("mean_change", "paired", estimate=_changes, truth=_PROGRESS, sizes=(16, 64, 256),
               coverage={16: 0.91, 64: 0.93, 256: 0.94}, bias=0.002, reason=reason, **common)  # fmt: skip
    yield Case("trapezoid_progress", "trapezoid", estimate=lambda e: est.trapezoid_progress(*e),
               truth=_PROGRESS, sizes=(16, 64, 256), coverage={16: 0.91, 64: 0.93, 256: 0.94}, bias=0.005,
               reason=reason, **common)  # fmt: skip
    yield Case("critical_from_drops", "trapezoid", estimate=_drops, truth=_STAR, sizes=(16, 64, 256),
               coverage={16: 0.89, 64: 0.92, 256: 0.94}, bias=0.005, reason=reason, **common)  # fmt: skip
    yield Case("critical_from_gradients", "block jackknife", "SGD where it stands still, d = 20", _walk,
               lambda w: est.critical_from_gradients(w[0], w[1], _TRACE), _STATIONARY_STAR, (500, 2000),
               coverage={500: 0.92, 2000: 0.93}, bias=0.01, replications=500, size_name="steps")  # fmt: skip
    yield Case("survival_statistics", "mean", "exponential times, 26% outlast the watch", _times,
               lambda t: est.survival_statistics(*t).mean, _MEAN, (50, 400),
               coverage={50: 0.94, 400: 0.94}, bias={50: 0.1, 400: 0.02}, size_name="times")  # fmt: skip


register(_cases())
