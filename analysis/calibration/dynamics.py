"""Cases of drift, exponent, index and rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from sdesim import estimators as est
from sdesim.estimators import Estimate

from .case import Case, bare, flag, register
from .gradients import Population

Array = NDArray[np.float64]
# A quadratic of 20 directions at learning rate η, its gradient noise, and Tr(D H), D = (η/2) Σ.
_ETA = 0.1
_EIGENVALUES = np.geomspace(0.1, 5.0, 20)
_NOISE = 1.0 / np.arange(1.0, 21.0)
_THETA = np.full(20, 0.3)
_DRIFT_TRACE = float(_ETA / 2 * (_NOISE * _EIGENVALUES).sum())
_DRIFT = _DRIFT_TRACE - float(((_EIGENVALUES * _THETA) ** 2).sum())


def _quadratic(rng: np.random.Generator, n: int) -> Array:
    return np.asarray(_EIGENVALUES * _THETA + rng.standard_normal((n, 20)) * np.sqrt(_NOISE))


def _signal(g: Array) -> Estimate:
    """|μ|² as the U-statistic, with its jackknife."""
    n = len(g)
    mean = g.mean(axis=0)
    norm2, dot = (g**2).sum(axis=1), g @ mean
    trace = (norm2.sum() - n * dot.mean()) / (n - 1)
    left_signal, left_trace = est.leave_one_out(norm2, dot)
    left = left_signal - left_trace / (n - 1)
    half = float(stdtrit(n - 1, 0.975) * math.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum()))
    value = float(dot.mean() - trace / n)
    return Estimate(value, value - half, value + half, 0.95, "u-statistic", n)


def _generator(g: Array) -> Estimate:
    return est.lyapunov_drift(None, math.nan, hessian_diffusion_trace=_DRIFT_TRACE, grad_norm2=_signal(g))


def _literal_drift(g: Array) -> Estimate:
    trace = float(g.var(axis=0, ddof=1).sum())
    return est.lyapunov_drift(g.mean(axis=0), trace, method="literal")


def _products(correlation: float) -> Callable[[np.random.Generator, int], Array]:
    """log|1 − a²| of x ← (1 − a²) x with a an AR(1) chain of N(0, 1) values: E = −0.41699."""

    def draw(rng: np.random.Generator, n: int) -> Array:
        shocks = rng.standard_normal(n) * math.sqrt(1 - correlation**2)
        a = np.empty(n)
        previous = rng.standard_normal()
        for k in range(n):
            a[k] = previous = correlation * previous + shocks[k]
        return np.asarray(np.log(np.abs(1 - a**2)))

    return draw


_EXPONENT = -0.4169916


def _exponent(growth: Array) -> Estimate:
    return est.lyapunov_exponent(growth, np.arange(len(growth) + 1.0))


@dataclass(frozen=True)
class _Index:
    gradients: Array
    s: Estimate
    d_h: Estimate


def _index_data(rng: np.random.Generator, n: int) -> _Index:
    """C = 1, S = 1.2 ± 0.1, d_H = 1.5 ± 0.1, known by normal intervals."""

    def known(truth: float, error: float) -> Estimate:
        value = truth + error * rng.standard_normal()
        return Estimate(value, value - 1.96 * error, value + 1.96 * error, 0.95, "normal", n)

    gradients = Population("Gaussian", "isotropic", "random", 1.0).draw(rng, n)
    return _Index(gradients, known(1.2, 0.1), known(1.5, 0.1))


def _index(data: _Index) -> Estimate:
    return est.intelligence(est.probability(est.consolidation_ratio(data.gradients)), data.s, data.d_h)


def _bound(g: Array) -> Estimate:
    """Factor of one step on a quadratic with m = β = 1, η = ½, where it is exact."""
    rate = est.effective_rate(0.5, est.consolidation_ratio(g), 1.0, smoothness=1.0, pl=1.0)
    return bare(rate.factor, "at C", rate.n, rate.factor_low, rate.factor_high)


_C = 0.5
_FACTOR = 1 - 2 * 0.5 * (1 - 0.25 * (1 + 1 / _C))


def _descent(rng: np.random.Generator, n: int) -> tuple[list[float], list[float]]:
    """Losses and |∇L|² of gradient descent from a random start on eigenvalues 0.1 to 2, η = ½."""
    eigenvalues = np.geomspace(0.1, 2.0, 10)
    x = rng.standard_normal(10)
    losses, squares = [], []
    for _ in range(n):
        losses.append(float(0.5 * (eigenvalues * x**2).sum()))
        squares.append(float(((eigenvalues * x) ** 2).sum()))
        x = x * (1 - 0.5 * eigenvalues)
    return losses, squares


def _pl(data: tuple[list[float], list[float]]) -> Estimate:
    return est.pl_constant(data[1], data[0], 0.0)


def _kept_bound(data: tuple[list[float], list[float]]) -> Estimate:
    """Share of steps that keep the factor 1 − 2mη(1 − βη/2) of noiseless descent, m = 0.1, β = 2, η = ½."""
    factor = est.effective_rate(0.5, math.inf, 1.0, smoothness=2.0, pl=0.1).factor
    return est.obeys_bound(data[0], 0.0, factor)


def _random_steps(rng: np.random.Generator, n: int) -> Array:
    """Losses whose ratio of neighbours is lognormal, below 1 in 80% of steps."""
    return np.asarray(np.exp(np.cumsum(rng.standard_normal(n + 1) - ndtri(0.8))))


def _restarts(rng: np.random.Generator, n: int) -> Array:
    """V = ½x² after h = 0.1 of dx = −x dt + dW, exactly, from x = 1."""
    spread = math.sqrt(0.5 * (1 - math.exp(-0.2)))
    return np.asarray(0.5 * (math.exp(-0.1) + spread * rng.standard_normal(n)) ** 2)


_RESTART = (0.5 * (math.exp(-0.2) + 0.5 * (1 - math.exp(-0.2))) - 0.5) / 0.1


def _dissipation(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """ℒV = −V + ½ with errors in proportion to V, V exponential."""
    v = rng.exponential(size=n)
    return -v + 0.5 + 0.3 * v * rng.standard_normal(n), v


def _autoregression(rng: np.random.Generator, rho: Array) -> Array:
    """x_{t+1} = ρ_t x_t + √(1 − ρ_t²) ξ, from its stationary law."""
    x = np.empty(len(rho))
    now = float(rng.standard_normal())
    shocks = rng.standard_normal(len(rho)) * np.sqrt(1 - rho**2)
    for k, r in enumerate(rho):
        x[k] = now = r * now + shocks[k]
    return x


def _critical() -> Iterator[Case]:
    """Relaxation and its slowing down."""
    steady = math.exp(-1 / 5)
    yield Case(
        "relaxation_time", "ar1", "AR(1), τ = 5 steps",
        lambda rng, n: _autoregression(rng, np.full(n, steady)), est.relaxation_time, 5.0, (100, 250, 1000),
        coverage={100: 0.89, 250: 0.93, 1000: 0.94},
        size_name="steps", reason="twenty relaxation times are too few for a normal law of ρ₁",
    )  # fmt: skip
    for name, rho, event in (
        ("stationary AR(1), ρ = 0.7", (0.7, 0.7), flag("slowing_down", at_most={200: 0.13, 600: 0.09})),
        ("AR(1), ρ rising from 0.3 to 0.97", (0.3, 0.97), flag("slowing_down", wanted=True)),
    ):
        yield Case(
            "critical_slowing_down", "lag1", name,
            lambda rng, n, rho=rho: _autoregression(rng, np.linspace(*rho, n)), est.critical_slowing_down,
            math.nan, (200, 600), events=(event,), replications=200, size_name="steps",
            reason="the interval is where stationary series lie, not one of a parameter",
        )  # fmt: skip


def _cases() -> Iterator[Case]:
    sizes = (8, 20, 64)
    drift: dict[str, Any] = {"data": "quadratic, d = 20, Tr(DH) known", "draw": _quadratic, "truth": _DRIFT}
    yield Case(
        "lyapunov_drift", "generator", estimate=_generator, sizes=sizes, coverage=0.95, bias=0.0, **drift
    )
    yield Case("lyapunov_drift", "literal", estimate=_literal_drift, sizes=sizes, **drift,
               reason="adds quantities of different units: it drops the Hessian")  # fmt: skip
    for correlation in (0.0, 0.9):
        yield Case("lyapunov_exponent", "benettin", f"x ← (1 − a²) x, a AR(1) with ρ = {correlation:g}",
                   _products(correlation), _exponent, _EXPONENT, (40, 200, 1000), bias=0.0,
                   coverage=0.95 if correlation == 0.0 else {40: 0.86, 200: 0.91, 1000: 0.93},
                   size_name="intervals", replications=2000,
                   reason="blocks no longer than the memory of the chain" if correlation else "")  # fmt: skip
    yield Case("intelligence", "corrected", "C = 1, S = 1.2 ± 0.1, d_H = 1.5 ± 0.1", _index_data, _index,
               0.5 * 0.6 / 1.5, sizes, coverage=0.95)  # fmt: skip
    yield Case("effective_rate", "corrected factor", "isotropic quadratic, C = ½, βη = ½",
               Population("Gaussian", "isotropic", "random", _C).draw, _bound, _FACTOR, sizes,
               coverage=0.95)  # fmt: skip
    yield Case("obeys_bound", "corrected factor", "gradient descent, β/m = 20", _descent, _kept_bound, 1.0,
               (10, 100), bias=0.0, size_name="steps", replications=100)  # fmt: skip
    yield Case("obeys_bound", "wilson", "lognormal steps, 80% of which keep the bound", _random_steps,
               lambda losses: est.obeys_bound(losses, 0.0, 1.0), 0.8, (20, 100), coverage=0.94,
               bias=0.0, size_name="steps",
               reason="Wilson's interval is nominal on average over the share")  # fmt: skip
    yield Case("restart_drift", "restarts", "Ornstein–Uhlenbeck, V = ½x²", _restarts,
               lambda after: est.restart_drift(0.5, after, 0.1), _RESTART, (20, 100), coverage=0.95, bias=0.0,
               size_name="restarts")  # fmt: skip
    yield Case("foster_lyapunov", "rate", "ℒV = −V + ½, errors in proportion to V", _dissipation,
               lambda data: est.foster_lyapunov(*data).rate, 1.0, (40, 200), coverage={40: 0.89, 200: 0.92},
               bias=0.0, size_name="points",
               reason="few points with large V decide, where errors are large")  # fmt: skip
    yield Case("pl_constant", "windowed-minimum", "gradient descent, m = 0.1", _descent, _pl, 0.1,
               (10, 30, 100), size_name="steps", replications=400,
               reason="the smallest ratio seen, so never below m")  # fmt: skip


register(_cases())
register(_critical())
