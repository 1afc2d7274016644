"""Fit of a model to a series: `sdesim.fit`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtri

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.fits.base import normal_scores
from sdesim.fits.goodness import Goodness, distances
from sdesim.fits.likelihood import Maximum, Surface, covariance, maximise, profile_interval
from sdesim.fits.result import Fit
from sdesim.fits.series import read_series
from sdesim.fits.transitions import Transitions
from sdesim.kinds import Misfit, read
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import level_of
from sdesim.kinds.spelling import short

Array = NDArray[np.float64]

FEW = 50
# Transitions above which profiles take longer than they add: the likelihood is a parabola there, except near
# an end.
_PROFILED = 20_000
# Standard errors from an end within which no parabola is believed.
_NEAR = 6.0
_RARE = 5e-4
_LAGS = 5


@refusing(EstimatorError)
def fit(
    series: Any, model: Any, *, dt: Any = None, times: Any = None, unit: str = "day", level: float = 0.95,
    goodness: str | None = None, draws: int = 199, seed: int = 0, **fields: Any,
) -> Fit:  # fmt: skip
    """Parameters of a process by maximum likelihood of its exact transitions, with intervals and residuals.

    Args:
        series: numbers (n,), or (n, series) of independent ones in columns; a pandas Series or DataFrame; an
            xarray DataArray with a dimension of time, such as ``run["theta"]`` of one coordinate, whose
            trajectories are the series. NaN are counted and left out: the step over a gap is as long as the
            gap, which is exact.
        model: name of a kind of the family "fits" (`sdesim list --kinds`), or an object of one.
        dt: time between values. Default: the differences of an index or coordinate that holds times, equal or
            not; a mere count of rows holds none.
        times: (n,) of the values, in the place of dt.
        unit: of time where times are dates: second, minute, hour, day, week or year (of 365.25 days).
        level: of the intervals.
        goodness: "bootstrap" for p-values of the distances between residuals and their law, by `draws`
            series of the fitted model, each fitted anew (`Fit.bootstrap` does it later); None for the
            distances alone.
        draws: at least 19. seed: of the bootstrap.
        fields: of the model, if it has some.

    Returns:
        Fit. Flags: `near_unit_root` (the interval of a rate reaches 0, or as good as that),
        `rate_not_identified` (it has no upper end: steps are too long), `too_few_jumps`,
        `jumps_not_identified`, `feller_violated`, `near_2` (see the models), `missing_values`,
        `repeated_values` (equal neighbours, which no such process has: rounding), `empty_series` (a column
        without two numbers), `too_few_samples` (below 50 transitions), `dependent_residuals` (residuals or
        their sizes are correlated in time, p < 0.001), `poor_fit` (p of A² below 0.01), `times_overridden`
        (dt stands for unequal times of the index), `not_converged`, `irregular_information` (the likelihood
        is not concave at its maximum).

    Raises:
        EstimatorError: one line, the field named. Misfit: an unknown model or a field of it.

    Source: the models'; profiles by Venzon & Moolgavkar (1988).

    Example:
        >>> sdesim.fit(x, "ornstein-uhlenbeck", dt=0.01).rate
    """
    level = level_of(level, error=EstimatorError)
    if goodness not in (None, "bootstrap"):
        raise EstimatorError(f"goodness: found {short(goodness)}, allowed: bootstrap and None")
    chosen = _model(model, fields)
    data = read_series(series, dt, times, unit)
    if data.n < chosen.fewest:
        raise EstimatorError(f"series: found {data.n} transitions, allowed: {chosen.fewest} and more")
    chosen.check(data)
    surface = Surface.of(chosen, data)
    made = fitted(surface, [surface.working(start) for start in chosen.starts(data)], float(level))
    return made.bootstrap(draws, seed) if goodness is not None else made


def _model(model: Any, fields: dict[str, Any]) -> Any:
    """The model that is fitted; what does not fit is said of `model` or of its field."""
    try:
        return read("fits", {"kind": model, **fields} if fields else model).form()
    except Misfit as error:
        places = [
            (path if path not in ((), ("kind",)) else ("model",), text) for path, text in error.problems
        ]
        raise Misfit(places) from None


def best(surface: Surface, starts: list[Array]) -> Maximum:
    """The largest of the maxima from several starts; of equal ones one that has converged."""
    found = [maximise(surface, start) for start in starts]
    known = [at for at in found if math.isfinite(at.total)]
    if not known:
        raise EstimatorError("series: found values that the model can't make from any start")
    top = max(at.total for at in known)
    return max((at for at in known if at.total >= top - 1e-3), key=lambda at: (at.converged, at.total))


def fitted(surface: Surface, starts: list[Array], level: float) -> Fit:
    """The fit with its intervals and residuals."""
    model, data = surface.model, surface.data
    at = best(surface, starts)
    theta = surface.natural(at.w)
    spread, regular = covariance(surface, at)
    z = float(ndtri(0.5 + 0.5 * level))
    estimates = {}
    method = "maximum likelihood"
    shared = _shared(data, at, regular)
    for k, parameter in enumerate(model.parameters):
        low, high, how = _interval(surface, at, k, spread, z, level)
        low, high = model.ends(parameter.name, low, high, at.total, data)
        value = _reported(surface, k, float(at.w[k]))
        estimates[parameter.name] = Estimate(
            value, min(low, value), max(high, value), level, f"{method}, {how}", data.n
        )
    below, above = model.log_tails(theta, data)
    scores = normal_scores(below, above)
    own = dict(model.flags(estimates, data))
    own[""] = [*own.get("", ()), *shared, *_dependence(scores, data)]
    flagged = {
        name: replace(e, flags=tuple(dict.fromkeys([*own.get(name, ()), *own[""]])))
        for name, e in estimates.items()
    }
    return Fit(
        model, flagged, theta, _natural_covariance(surface, at, spread), at.total, data, scores,
        Goodness(*distances(below, above), math.nan, math.nan, "none"),
    )  # fmt: skip


def _interval(
    surface: Surface, at: Maximum, k: int, spread: Array, z: float, level: float
) -> tuple[float, float, str]:
    name = surface.model.parameters[k].name
    error = math.sqrt(spread[k, k]) if spread[k, k] > 0 else math.nan
    w = float(at.w[k])
    low, high = float(surface.low[k]), float(surface.high[k])
    special = surface.model.cutoff(name, surface.natural(at.w), surface.data, 1, level)
    inside = error == error and w - _NEAR * error > low and w + _NEAR * error < high
    # On a logarithm an error of a third shows that the parabola ends soon.
    parabola = inside and (error < 0.3 if surface.logarithmic[k] else True)
    if surface.data.n > _PROFILED and special is None and parabola:
        return _reported(surface, k, w - z * error), _reported(surface, k, w + z * error), "information"

    # The parameters take as many degrees of freedom from the spread.
    free = surface.data.n / max(surface.data.n - len(surface.model.parameters), 1)

    def cutoff(theta: Array, side: int) -> float:
        found = surface.model.cutoff(name, theta, surface.data, side, level)
        return z * math.sqrt(free) if found is None else found

    ends = profile_interval(surface, at, k, np.nan_to_num(spread), cutoff)
    return _reported(surface, k, ends[0]), _reported(surface, k, ends[1]), "profile"


def _reported(surface: Surface, k: int, w: float) -> float:
    """θ_k of w; the end of its support where w is the end of what is looked at."""
    parameter = surface.model.parameters[k]
    if w <= surface.low[k] or (math.isinf(w) and w < 0):
        return float(parameter.low)
    if w >= surface.high[k]:
        return float(parameter.high)
    return float(surface.base[k] + math.exp(w)) if surface.logarithmic[k] else w


def _natural_covariance(surface: Surface, at: Maximum, spread: Array) -> Array:
    onwards = np.where(surface.logarithmic, np.exp(np.where(surface.logarithmic, at.w, 0.0)), 1.0)
    return np.asarray(spread * np.outer(onwards, onwards))


def _shared(data: Transitions, at: Maximum, regular: bool) -> list[str]:
    raised = list(data.notes)
    raised += ["too_few_samples"] if data.n < FEW else []
    raised += [] if at.converged else ["not_converged"]
    raised += [] if regular else ["irregular_information"]
    return raised


def _dependence(scores: Array, data: Transitions) -> list[str]:
    """`dependent_residuals` where Ljung and Box's test of the normal scores or their sizes says so."""
    if data.n < FEW:
        return []
    finite = np.clip(scores, -8.0, 8.0)
    small = 1.0
    for x in (finite, np.abs(finite)):
        total, square, pairs = np.zeros(_LAGS), 0.0, np.zeros(_LAGS)
        at = 0
        middle = x.mean()
        for values in data.values:
            part = x[at : at + len(values) - 1] - middle
            at += len(part)
            square += float(part @ part)
            for lag in range(1, min(_LAGS, len(part) - 1) + 1):
                total[lag - 1] += float(part[lag:] @ part[:-lag])
                pairs[lag - 1] += len(part) - lag
        known = pairs > 0
        n = data.n
        q = float((n * (n + 2) / np.maximum(pairs, 1.0) * (total / square) ** 2)[known].sum())
        small = min(small, float(chdtrc(int(known.sum()), q)) if known.any() else 1.0)
    return ["dependent_residuals"] if small < _RARE else []
