"""Maximum-likelihood fit of an elliptical stable law.

For a given α, shape and centre are those of the weights w_i = E[1/(2A) | r_i] that the mixture gives (the EM
algorithm): loc = Σ w_i x_i/Σ w_i, Q = (1/n) Σ w_i (x_i − loc)(x_i − loc)ᵀ. α maximises what is left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from sdesim.errors import EstimatorError
from sdesim.estimate import ArrayEstimate, Estimate
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import level_of
from sdesim.stable.elliptical import LEAST_ALPHA, Elliptical, radial
from sdesim.stable.fitting.checks import FEW, dependence, real_numbers
from sdesim.support import POSITIVE

Array = NDArray[np.float64]

_ROUNDS = 500
# Change of the log-likelihood of all values at which EM has settled.
_SETTLED = 1e-7
_STEP = 1e-4
_ALPHA_ERROR = 1e-5
_NEAR = 5.0


@dataclass(frozen=True, eq=False)
class EllipticalFit:
    """An elliptical stable law fitted to vectors.

    Attributes:
        alpha: Estimate.
        shape: Estimate of Q, an array (d, d).
        loc: Estimate of the centre, an array (d,).
        covariance: of α, the entries of Q on and below the diagonal by rows, and loc (k, k); NaN for α where
            it is 2.
        log_likelihood: of the sample.
        missing: how many vectors with a NaN were left out.
    """

    alpha: Estimate
    shape: ArrayEstimate
    loc: ArrayEstimate
    covariance: Array
    log_likelihood: float
    missing: int

    @property
    def law(self) -> Elliptical:
        """The fitted law."""
        return Elliptical(float(self.alpha), np.asarray(self.shape.value), np.asarray(self.loc.value))

    @property
    def flags(self) -> tuple[str, ...]:
        """Those of α."""
        return self.alpha.flags

    def __repr__(self) -> str:
        return f"<EllipticalFit of {self.alpha.n:,} vectors, dim {self.law.dim}: alpha={self.alpha}>"

    def _repr_html_(self) -> str:
        from sdesim.io.html import html_table

        rows = [("alpha", self.alpha)]
        rows += [(f"loc[{i}]", self.loc[i]) for i in range(self.law.dim)]
        rows += [(f"shape[{i}, {j}]", self.shape[i, j]) for i in range(self.law.dim) for j in range(i + 1)]
        cells = [(k, f"{e.value:.6g}", f"[{e.low:.6g}, {e.high:.6g}]", ", ".join(e.flags)) for k, e in rows]
        head = ("", "value", f"{self.alpha.level:.0%} interval", "flags")
        return html_table(head, cells, f"Elliptical stable law of {self.alpha.n:,} vectors")


@refusing(EstimatorError)
def fit_multivariate(x: ArrayLike, level: float = 0.95) -> EllipticalFit:
    """α, shape matrix and centre of independent vectors, by maximum likelihood.

    Intervals are normal ones by the scores' outer product, of α next to 2 by the profile of the likelihood,
    of Q's diagonal on the log scale.

    Args:
        x: (n, d), n > 2 (d + 1); vectors with a NaN are left out, counted and flagged.
        level: of the intervals.

    Returns:
        EllipticalFit. Flags of all Estimates: `near_2` (the interval of α reaches 2), `at_boundary` (α is 2
        or 0.2), `dependent_data`, `too_few_samples` (fewer than 200 or ten times the parameters),
        `missing_values`, `not_converged`. That the law is elliptical is not tested.

    Raises:
        EstimatorError: another shape, infinite values, too few vectors, or vectors within a plane.
    """
    level = level_of(level, error=EstimatorError)
    rows, missing = _prepared(x)
    n, d = rows.shape
    centre = np.median(rows, axis=0)
    width = 0.5 * np.subtract(*np.quantile(rows, [0.75, 0.25], axis=0))
    if not (width > 0).all():
        raise EstimatorError("x: found half of the values of a column equal, allowed: distinct quartiles")
    search = _Search((rows - centre) / width)
    alpha = search.best()
    at = search.at(alpha)
    flags = {
        "at_boundary": alpha in (LEAST_ALPHA, 2.0),
        "dependent_data": dependence(np.argsort(at.radius, kind="stable"), 1.0) < 1e-3,
        "too_few_samples": n < max(FEW, 10 * (1 + d + d * (d + 1) // 2)),
        "missing_values": missing > 0,
        "not_converged": not at.converged,
    }
    covariance = _covariance(search.x, alpha, at)
    z = float(ndtri(0.5 + 0.5 * level))
    low, high = search.interval(alpha, math.sqrt(covariance[0, 0]) if alpha < 2.0 else math.nan, z)
    flags["near_2"] = high >= 2.0
    raised = tuple(flag for flag, up in flags.items() if up)
    # Back to the units of x.
    lower = np.tril_indices(d)
    units = np.concatenate([[1.0], (width[:, None] * width)[lower], width])
    covariance = covariance * np.outer(units, units)
    error = np.sqrt(np.diagonal(covariance))
    q = at.q * np.outer(width, width)
    loc = centre + width * at.loc
    spread = np.zeros((d, d))
    spread[lower] = error[1:-d]
    spread = spread + np.tril(spread, -1).T
    ends = [q - z * spread, q + z * spread]
    for k in range(d):
        ends[0][k, k], ends[1][k, k] = (float(e) for e in POSITIVE.interval(q[k, k], z * spread[k, k]))
    method = "mle"
    return EllipticalFit(
        Estimate(alpha, low, high, level, method, n, raised, {"missing": missing}),
        Estimate(q, ends[0], ends[1], level, method, n, raised),  # type: ignore[arg-type]
        Estimate(loc, loc - z * error[-d:], loc + z * error[-d:], level, method, n, raised),  # type: ignore[arg-type]
        covariance,
        at.total - n * float(np.log(width).sum()),
        missing,
    )


def _prepared(x: ArrayLike) -> tuple[Array, int]:
    given = real_numbers(x, "(n, d)")
    if given.ndim != 2 or given.shape[1] == 0:
        raise EstimatorError(f"x: found shape {given.shape}, allowed: (n, d)")
    infinite = int(np.isinf(given).sum())
    if infinite:
        raise EstimatorError(f"x: found {infinite} infinite values, allowed: finite numbers and NaN")
    rows = given[~np.isnan(given).any(axis=1)]
    n, d = rows.shape
    if n <= max(2 * (d + 1), 9):
        raise EstimatorError(f"x: found {n} vectors, allowed: {max(2 * (d + 1), 9) + 1} and more for d = {d}")
    if np.linalg.matrix_rank(rows - rows.mean(axis=0)) < d:
        raise EstimatorError("x: found vectors within a plane, allowed: vectors that span the space")
    return rows, given.shape[0] - n


@dataclass(frozen=True)
class _Settled:
    """Shape and centre that maximise the likelihood at one α."""

    q: Array
    loc: Array
    total: float
    radius: Array
    converged: bool


class _Search:
    """The likelihood's profile over α of standardised vectors (n, d); each begins where the last ended."""

    def __init__(self, x: Array) -> None:
        self.x = x
        self._last = (np.eye(x.shape[1]), np.zeros(x.shape[1]))
        self._known: dict[float, _Settled] = {}

    def at(self, alpha: float) -> _Settled:
        """Shape and centre at α, by EM."""
        if alpha not in self._known:
            found = _settle(self.x, alpha, *self._last)
            self._last = (found.q, found.loc)
            self._known[alpha] = found
        return self._known[alpha]

    def best(self) -> float:
        """α with the largest profile."""
        from scipy.optimize import minimize_scalar

        found = minimize_scalar(
            lambda a: -self.at(float(a)).total, bounds=(LEAST_ALPHA, 2.0), method="bounded",
            options={"xatol": _ALPHA_ERROR},
        )  # fmt: skip
        ends = [float(found.x), LEAST_ALPHA, 2.0]
        if 2.0 - ends[0] > 0.05:
            ends.pop()
        if ends[0] - LEAST_ALPHA > 0.05:
            ends.remove(LEAST_ALPHA)
        return max(ends, key=lambda a: self.at(a).total)

    def interval(self, alpha: float, error: float, z: float) -> tuple[float, float]:
        """Normal interval of α, or that of the profile next to an end."""
        near = not (2.0 - alpha > _NEAR * error and alpha - LEAST_ALPHA > _NEAR * error)
        if not near:
            return alpha - z * error, alpha + z * error
        from scipy.optimize import brentq

        top = self.at(alpha).total

        def excess(value: float) -> float:
            return math.sqrt(2.0 * max(top - self.at(value).total, 0.0)) - z

        ends = []
        for bound, way in ((LEAST_ALPHA, -1.0), (2.0, 1.0)):
            reach = alpha
            step = 0.5 / math.sqrt(len(self.x))
            while reach != bound and excess(reach) <= 0:
                reach = min(max(reach + way * step, LEAST_ALPHA), 2.0)
                step *= 2.0
            inside = excess(reach) <= 0
            ends.append(bound if inside else float(brentq(excess, *sorted((alpha, reach)), xtol=1e-5)))
        return ends[0], ends[1]


def _settle(x: Array, alpha: float, q: Array, loc: Array) -> _Settled:
    n = len(x)
    before, converged = -math.inf, False
    for _ in range(_ROUNDS):
        radius, total, weight = _walk(x, alpha, q, loc)
        if total - before < _SETTLED:
            converged = True
            break
        before = total
        loc = weight @ x / weight.sum()
        away = x - loc
        q = (away * weight[:, None]).T @ away / n
    return _Settled(q, loc, total, radius, converged)


def _walk(x: Array, alpha: float, q: Array, loc: Array) -> tuple[Array, float, Array]:
    """Radii, log-likelihood and weights."""
    values, radius, weight = _values(x, alpha, q, loc)
    return radius, float(values.sum()), weight


def _values(x: Array, alpha: float, q: Array, loc: Array) -> tuple[Array, Array, Array]:
    root = np.linalg.cholesky(q)
    radius = np.linalg.norm(np.linalg.solve(root, (x - loc).T), axis=0)
    log_density, weight = radial(radius, alpha, x.shape[1])
    return log_density - float(np.log(np.diagonal(root)).sum()), radius, weight


def _covariance(x: Array, alpha: float, at: _Settled) -> Array:
    """Inverse of Σ s sᵀ over α, Q's lower triangle and loc, by differences."""
    d = x.shape[1]
    rows, columns = np.tril_indices(d)
    scores = []
    if alpha < 2.0:
        up, down = min(alpha + _STEP, 2.0), max(alpha - _STEP, LEAST_ALPHA)
        moved = [_values(x, a, at.q, at.loc)[0] for a in (up, down)]
        scores.append((moved[0] - moved[1]) / (up - down))
    for i, j in zip(rows, columns, strict=True):
        turn = np.zeros((d, d))
        size = _STEP * math.sqrt(at.q[i, i] * at.q[j, j])
        turn[i, j] = turn[j, i] = size
        scores.append(
            (_values(x, alpha, at.q + turn, at.loc)[0] - _values(x, alpha, at.q - turn, at.loc)[0])
            / (2.0 * size)
        )
    for k in range(d):
        step = np.zeros(d)
        step[k] = _STEP * math.sqrt(at.q[k, k])
        scores.append(
            (_values(x, alpha, at.q, at.loc + step)[0] - _values(x, alpha, at.q, at.loc - step)[0])
            / (2.0 * step[k])
        )
    s = np.stack(scores)
    known = np.linalg.pinv(s @ s.T)
    if alpha < 2.0:
        return np.asarray(known)
    whole = np.full((len(s) + 1, len(s) + 1), np.nan)
    whole[1:, 1:] = known
    return whole
