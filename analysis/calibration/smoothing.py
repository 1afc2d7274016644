"""Cases of smoothed series: C along a training, each reading from its own draws of gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim import estimators as est
from sdesim.estimators import Estimate

from .case import Case, Event, bare, register

Array = NDArray[np.float64]
_PLACES, _DIM = 30, 20
# Times, |μ|² and Tr Σ with their errors, the true C there, and the place that is asked for.
_Series = tuple[Array, Array, Array, Array, Array, Array, int]


def _readings(truth: Callable[[Array], Array]) -> Callable[[np.random.Generator, int], _Series]:
    """n white Gaussian gradients at each of 30 irregular times, and one of these places at random."""

    def draw(rng: np.random.Generator, n: int) -> _Series:
        times = np.cumsum(0.1 + rng.exponential(1, _PLACES))
        c = truth((times - times[0]) / (times[-1] - times[0]))
        g = (rng.standard_normal((_PLACES, n, _DIM)) + np.sqrt(c)[:, None, None]) / math.sqrt(_DIM)
        mean = g.mean(axis=1)
        noise = g.var(axis=1, ddof=1).sum(axis=1)
        dot = np.einsum("tnd,td->tn", g, mean)
        # At 0.6827 and many draws the half-width is one standard error; of few, Student's is wider.
        signal, trace = est.signal_and_noise(
            (mean**2).sum(axis=1), noise, n, (g**2).sum(axis=2), dot, 0.6827, cut=False
        )
        errors = [0.5 * (e.high - e.low) for e in (signal, trace)]
        return times, signal.value, errors[0], trace.value, errors[1], c, int(rng.integers(_PLACES))

    return draw


def _level(s: _Series) -> Estimate:
    found: Any = est.smooth(s[1], s[2], s[0])
    return found[s[6]]


def _ratio(s: _Series) -> Estimate:
    found: Any = est.smoothed_ratio(s[1], s[2], s[3], s[4], s[0])
    return found[s[6]]


def _excess(s: _Series) -> Any:
    return est.smoothed_difference(est.smooth(s[1], s[2], s[0]), est.smooth(np.full(_PLACES, 0.1), 0.0, s[0]))


def _change(s: _Series) -> Estimate:
    points = est.change_points(_excess(s), s[0])
    if len(points) != 1:
        return bare(math.nan, "smoothed-crossing", _PLACES)
    return points[0]


def _decision(s: _Series) -> Estimate:
    """1 where C is said to lie above 0.1, −1 below, 0 where neither."""
    word = est.smoothed_phase(_excess(s))[0][s[6]]
    return bare(float(word == "generalization") - float(word == "exploration"), "sign", _PLACES)


def _crossing(s: _Series) -> float:
    """Where the exponential is 0.1."""
    return float(s[0][0] + (s[0][-1] - s[0][0]) * math.log(10) / 5)


def _cases() -> Iterator[Case]:
    constant: Callable[[Array], Array] = lambda x: np.full(x.shape, 0.1)  # noqa: E731
    falling: Callable[[Array], Array] = lambda x: np.exp(-5 * x)  # noqa: E731
    common: dict[str, Any] = {"sizes": (16, 64), "size_name": "draws a reading", "replications": 400}
    for words, truth in (("constant C = 0.1", constant), ("C = e^(−5x)", falling)):
        yield Case("smooth", "local-trend", f"{words} at 30 times", _readings(truth), _level,
                   lambda s: float(s[5][s[6]]), coverage=0.92, reason="pointwise, on average over the places",
                   **common)  # fmt: skip
    yield Case("smoothed_ratio", "local-trend", "C = e^(−5x) at 30 times", _readings(falling), _ratio,
               lambda s: float(s[5][s[6]]), coverage=0.92, reason="pointwise, on average over the places",
               **common)  # fmt: skip
    yield Case("smoothed_difference", "local-trend", "C = e^(−5x) less an exact 0.1",
               _readings(falling), lambda s: _excess(s)[s[6]], lambda s: float(s[5][s[6]]) - 0.1,
               coverage=0.92, reason="pointwise, on average over the places", **common)  # fmt: skip
    yield Case("change_points", "smoothed-crossing", "C = e^(−5x) crosses 0.1", _readings(falling), _change,
               _crossing, coverage=0.92, events=(Event("found once", lambda e, truth: not math.isnan(e.value),
               at_least=0.9, wanted=True),), **common)  # fmt: skip
    yield Case("smoothed_phase", "sign", "C = e^(−5x) against 0.1", _readings(falling), _decision,
               lambda s: float(s[5][s[6]]) - 0.1, events=(
                   Event("wrong", lambda e, truth: e.value * truth < 0, at_most=0.025),
                   Event("decided", lambda e, truth: e.value != 0, at_least=0.75, wanted=True),
               ), **common)  # fmt: skip


register(_cases())
