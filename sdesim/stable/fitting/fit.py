"""Fit of a stable law to a sample: maximum likelihood, characteristic function, quantiles."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import level_of, one_of, whole
from sdesim.stable.fitting.checks import FEW, Sample, prepared
from sdesim.stable.fitting.compression import compress
from sdesim.stable.fitting.estimates import Found, by_likelihood, by_moments, quantile_start
from sdesim.stable.fitting.goodness import Goodness, Law, anderson_darling, exceedance, null_weights
from sdesim.stable.fitting.likelihood import ALPHA, BETA, HIGH, LEAST_ALPHA, LOC, SCALE
from sdesim.stable.fitting.location import s1_interval, s1_location
from sdesim.stable.fitting.result import StableFit

Array = NDArray[np.float64]

METHODS = ("mle", "ecf", "mcculloch")
PARAMETRIZATIONS = ("S1", "S0")
GOODNESS = ("asymptotic", "bootstrap", None)
_REJECTED = 0.01
_LEAST_DRAWS = 19


@refusing(EstimatorError)
def fit(
    x: ArrayLike, method: str = "mle", level: float = 0.95, parametrization: str = "S1", *,
    goodness: str | None = "asymptotic", draws: int = 199, seed: int = 0,
) -> StableFit:  # fmt: skip
    """α, β, scale and loc of the stable law of independent values, with intervals, flags and goodness of fit.

    Methods:

    - "mle": maximum likelihood; intervals by the observed information, next to an end of the support by
      profiles of the likelihood. Above 1,000 values the sample is taken by weighted points (see
      `compression`), which moves no estimate by more than a hundredth of its standard error.
    - "ecf": the characteristic function at eight frequencies in the metric of its covariance.
    - "mcculloch": five quantiles, by the law's own quantiles instead of tables.

    The fit of −x is the mirror image of the fit of x, to the last bit. It is made in S0, which is continuous
    through α = 1; the interval of an S1 location next to α = 1 is that of draws of the four parameters.

    Args:
        x: (n,) at least 10 numbers, in the order in which they came; NaN are left out, counted and flagged.
        method: as above.
        level: of the intervals.
        parametrization: of `loc`: "S1" or "S0".
        goodness: Anderson and Darling's A² of the maximum-likelihood law, whatever the method, and its
            p-value by "asymptotic" (the law of A² for large n; as dear as some thousand values of the
            distribution function), "bootstrap" (`draws` samples of the fitted law, each fitted anew: so many
            times as long), or None.
        draws: of the bootstrap, at least 19.
        seed: of the bootstrap.

    Returns:
        StableFit. Flags of its Estimates: `near_2` (the interval of α reaches 2), `at_boundary` (the estimate
        lies at an end of the support), `beta_not_identified` (β's interval is all of [−1, 1]),
        `loc_ill_conditioned` (S1, and α's interval holds 1), `dependent_data` (ranks or their distances from
        the middle are correlated in time, p < 0.001: intervals are then too narrow), `not_stable` (p of A²
        below 0.01), `too_few_samples` (below 200), `missing_values`, `not_converged`,
        `irregular_information` (the likelihood is not concave there: the scores' covariance instead).

    Raises:
        EstimatorError: an unknown method, parametrization or goodness, level outside (0, 1), fewer than 10
            numbers, infinite values, or half of the values equal.

    Source: J. Nolan, "Maximum likelihood estimation and diagnostics for stable distributions", in Lévy
    Processes (2001).
    """
    one_of(method, METHODS, "method", EstimatorError)
    level = level_of(level, error=EstimatorError)
    one_of(parametrization, PARAMETRIZATIONS, "parametrization", EstimatorError)
    one_of(goodness, GOODNESS, "goodness", EstimatorError)
    draws = whole(draws, "draws", least=_LEAST_DRAWS, error=EstimatorError)
    seed = whole(seed, "seed", least=0, error=EstimatorError)
    sample = prepared(x)
    law = standard_law()
    compressed = compress(sample.ordered)
    if method == "mle":
        found = by_likelihood(law, compressed, quantile_start(sample, law), level)
    else:
        found = by_moments(law, sample, compressed, method, level)
    tested = Goodness(math.nan, math.nan, "none")
    if goodness is not None:
        # The law of A² is known where the fit is efficient.
        best = found if method == "mle" else by_likelihood(law, compressed, found.theta, None)
        tested = _asymptotic(law, sample, best)
    made = _result(sample, found, method, level, parametrization, tested)
    if goodness == "bootstrap":
        tested = bootstrapped(made, draws, seed)
        made = _result(sample, found, method, level, parametrization, tested)
    return made


@lru_cache(maxsize=1)
def standard_law() -> Law:
    """The standard S0 law as functions of (x, α, β)."""
    from sdesim import stable

    def of(function: Any) -> Any:
        return lambda x, alpha, beta: np.asarray(function(x, alpha, beta, parametrization="S0"))

    return Law(of(stable.logpdf), of(stable.logcdf), of(stable.logsf), of(stable.ppf), of(stable.isf))


def bootstrapped(made: StableFit, draws: int, seed: int) -> Goodness:
    """Anderson and Darling's test by samples of the fitted law, each fitted anew by maximum likelihood.

    Raises:
        EstimatorError: draws below 19.
    """
    draws = whole(draws, "draws", least=_LEAST_DRAWS, error=EstimatorError)
    seed = whole(seed, "seed", least=0, error=EstimatorError)
    law = standard_law()
    value = made.goodness.statistic
    if math.isnan(value):
        sample = prepared(made.sample)
        best = by_likelihood(law, compress(sample.ordered), quantile_start(sample, law), None)
        value = _statistic(law, sample, best)
    larger = 0
    for state in np.random.SeedSequence(seed).generate_state(draws, np.uint64):
        sample = prepared(made.law.rvs(size=made.n, seed=int(state)))
        compressed = compress(sample.ordered)
        found = by_likelihood(law, compressed, quantile_start(sample, law), None)
        larger += _statistic(law, sample, found) >= value
    return Goodness(value, (1 + larger) / (1 + draws), "bootstrap", draws)


def _statistic(law: Law, sample: Sample, found: Found) -> float:
    """A² of the sample under the fitted law; each half from its own tail, the other's logarithm following."""
    alpha, beta = float(found.theta[ALPHA]), float(found.theta[BETA])
    z = (sample.ordered - found.theta[LOC]) * math.exp(-found.theta[SCALE])
    half = z.size // 2
    lower, upper = law.below(z[:half], alpha, beta), law.above(z[half:], alpha, beta)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = np.concatenate([lower, np.log(-np.expm1(upper))])
        above = np.concatenate([np.log(-np.expm1(lower)), upper])
    return anderson_darling(below, above)


def _asymptotic(law: Law, sample: Sample, found: Found) -> Goodness:
    value = _statistic(law, sample, found)
    free = found.theta[ALPHA] < HIGH[ALPHA]
    weights = null_weights(law, found.theta, np.array([free, free, True, True]))
    p = exceedance(weights, value) if math.isfinite(value) else 0.0
    return Goodness(value, p, "asymptotic")


def _result(
    sample: Sample, found: Found, method: str, level: float, parametrization: str, tested: Goodness
) -> StableFit:
    """The fit in the units and on the side of the sample."""
    log_width = math.log(sample.width)
    theta, low, high = (
        np.array([at[ALPHA], at[BETA], at[SCALE] + log_width, sample.centre + sample.width * at[LOC]])
        for at in (found.theta, found.low, found.high)
    )
    units = np.array([1.0, 1.0, 1.0, sample.width])
    spread = found.covariance * np.outer(units, units)
    slope = np.array([0.0, 0.0, 0.0, 1.0])
    loc = float(theta[LOC])
    near_pole = parametrization == "S1" and low[ALPHA] <= 1.0 <= high[ALPHA]
    if parametrization == "S1":
        loc = float(s1_location(theta))
        z = float(ndtri(0.5 + 0.5 * level))
        slope, low[LOC], high[LOC] = s1_interval(theta, spread, (float(low[LOC]), float(high[LOC])), z)
    scale = math.exp(theta[SCALE])
    onwards = np.diag([1.0, 1.0, scale, 1.0])
    onwards[3] = slope
    # A parameter at an end carries nothing over.
    carried = onwards @ np.nan_to_num(spread) @ onwards.T
    carried[:, ~found.free] = np.nan
    carried[~found.free] = np.nan
    values = np.array([theta[ALPHA], theta[BETA], scale, loc])
    with np.errstate(over="ignore"):
        low[SCALE], high[SCALE] = np.exp(low[SCALE]), np.exp(high[SCALE])
    if sample.sign < 0:
        for k in (BETA, LOC):
            values[k], low[k], high[k] = -values[k], -high[k], -low[k]
            carried[k] *= -1.0
            carried[:, k] *= -1.0
    flags = [*_shared_flags(sample, tested), *found.flags]
    own = _own_flags(found, low, high, near_pole)
    estimates = [
        Estimate(
            float(v), float(a), float(b), level, method, sample.n, (*own[k], *flags),
            {"missing": sample.missing, "dependence_p": sample.dependence} if k == ALPHA else {},
        )
        for k, (v, a, b) in enumerate(zip(values, low, high, strict=True))
    ]  # fmt: skip
    ordered = sample.centre + sample.width * sample.ordered
    of_alpha, of_beta, of_scale, of_loc = estimates
    return StableFit(
        of_alpha, of_beta, of_scale, of_loc, carried, found.log_likelihood - sample.n * log_width, tested,
        parametrization, ordered if sample.sign > 0 else -ordered[::-1], sample.missing,
    )  # fmt: skip


def _shared_flags(sample: Sample, tested: Goodness) -> list[str]:
    raised = {
        "dependent_data": sample.dependent,
        "not_stable": tested.p_value < _REJECTED,
        "too_few_samples": sample.n < FEW,
        "missing_values": sample.missing > 0,
    }
    return [flag for flag, up in raised.items() if up]


def _own_flags(found: Found, low: Array, high: Array, near_pole: bool) -> list[list[str]]:
    """Flags of each of the four."""
    alpha, beta = float(found.theta[ALPHA]), float(found.theta[BETA])
    of_alpha = ["at_boundary"] if alpha >= HIGH[ALPHA] or alpha <= LEAST_ALPHA else []
    of_alpha += ["near_2"] if high[ALPHA] >= HIGH[ALPHA] else []
    of_beta = ["at_boundary"] if abs(beta) >= 1.0 else []
    of_beta += ["beta_not_identified"] if low[BETA] <= -1.0 and high[BETA] >= 1.0 else []
    return [of_alpha, of_beta, [], ["loc_ill_conditioned"] if near_pole else []]
