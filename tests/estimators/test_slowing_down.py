"""Critical slowing down is where a mode's rate goes to zero (GT38), and not where C is 1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.stats import kendalltau

from sdesim import estimators as est
from sdesim.errors import EstimatorError
from sdesim.estimators.dynamics import slowing_down as critical

RATE = 0.1  # η λ of GT38

RELAXATION = 9.491222  # −1/log(1 − ηλ) steps


def chain(sigma, n, rng, rows=1):
    """θ ← (1 − ηλ)θ − ησξ, stationary: SGD on ½λθ² with λ = 1; sigma a number or (n,)."""
    noise = -RATE * np.broadcast_to(sigma, n) * rng.standard_normal((rows, n))
    noise[:, 0] /= np.sqrt(1 - (1 - RATE) ** 2)
    return lfilter([1.0], [1.0, RATE - 1.0], noise, axis=-1)


def pitchfork(r, sigma, dt, rng, rows, start=0.0):
    """Euler steps of dx = (r x − x³) dt + σ dW at r (n,): V = x⁴/4 − r x²/2."""
    x = np.full(rows, float(start))
    path = np.empty((rows, len(r)))
    for k, value in enumerate(r):
        x = x + (value * x - x**3) * dt + sigma * np.sqrt(dt) * rng.standard_normal(rows)
        path[:, k] = x
    return path


@pytest.mark.parametrize("sigma", [0.1, 1.0, 10.0])
def test_gt38_relaxation_does_not_depend_on_c(sigma):
    # C = λ²θ²/σ² at θ = 1 is 100, 1 and 0.01.
    e = est.relaxation_time(chain(sigma, 2000, np.random.default_rng(38), rows=10))

    # ρ₁ has standard error √(1 − 0.9²)/√20000 = 0.0031, τ has 0.0031 τ²/0.9; five of them.
    assert abs(e.value - RELAXATION) < 5 * 0.0031 * RELAXATION**2 / 0.9
    assert e.low < e.value < e.high


def test_gt38_sgd_that_passes_c_equal_to_one_shows_no_slowing_down():
    # The noise grows tenfold, so that C falls from 10 through 1 to 0.1; 20 runs.
    paths = chain(np.geomspace(0.3, 3.0, 400), 400, np.random.default_rng(39), rows=20)
    lag1 = [est.critical_slowing_down(x, count=99).has("slowing_down") for x in paths]
    variance = [est.critical_slowing_down(x, "variance", count=99).has("slowing_down") for x in paths]

    # One in twenty by chance; nine or more of 20 with probability 3e-7.
    assert sum(lag1) <= 8
    # The variance rises with the noise alone, as its docstring says.
    assert sum(variance) >= 15


def test_gt38_the_pitchfork_slows_down_at_its_own_critical_point():
    rng = np.random.default_rng(40)
    paths = pitchfork(np.linspace(-2.0, -0.02, 400), 0.05, 0.5, rng, rows=20)

    for surrogates in ("ar1", "phase"):
        found = [est.critical_slowing_down(x, surrogates=surrogates, count=99) for x in paths]
        assert sum(e.has("slowing_down") for e in found) >= 16
        assert np.median([e.value for e in found]) > 0.7


@pytest.mark.parametrize(("r", "rate"), [(-1.0, 1.0), (-0.2, 0.2), (0.1, 0.2), (0.5, 1.0)])
def test_gt38_the_relaxation_rate_of_the_pitchfork_is_minus_r_below_and_2r_above(r, rate):
    rng = np.random.default_rng(41)
    dt = 0.1
    start = np.sqrt(max(r, 0.0))
    path = pitchfork(np.full(1500, r), 0.005, dt, rng, rows=16, start=start)[:, 200:]
    e = est.relaxation_time(path, step=dt)

    rho = 1 - rate * dt
    # Standard error of ρ₁ over 16·1300 values, five of them, carried to τ.
    slack = 5 * np.sqrt((1 - rho**2) / (16 * 1300)) * dt / (rho * np.log(rho) ** 2)
    assert abs(e.value + dt / np.log(rho)) < slack


@pytest.mark.parametrize(("rho", "n", "coverage"), [(0.5, 300, 0.945), (0.9, 600, 0.935), (0.97, 200, 0.80)])
def test_the_interval_of_the_relaxation_time_covers_as_stated(rho, n, coverage):
    rng = np.random.default_rng(42)
    reps = 600
    noise = rng.standard_normal((reps, n))
    noise[:, 1:] *= np.sqrt(1 - rho**2)
    found = [est.relaxation_time(x) for x in lfilter([1.0], [1.0, -rho], noise, axis=-1)]

    hits = np.mean([e.low <= -1 / np.log(rho) <= e.high for e in found])
    # Five binomial standard errors about the coverage that the docstring states.
    assert abs(hits - coverage) < 5 * np.sqrt(coverage * (1 - coverage) / reps)


@pytest.mark.parametrize(
    ("indicator", "surrogates"), [("lag1", "ar1"), ("lag1", "phase"), ("variance", "ar1")]
)
def test_a_stationary_series_is_called_slowing_down_about_once_in_twenty(indicator, surrogates):
    rng = np.random.default_rng(43)
    reps = 150
    noise = rng.standard_normal((reps, 200))
    found = [
        est.critical_slowing_down(x, indicator, surrogates=surrogates, count=59, seed=k).has("slowing_down")
        for k, x in enumerate(lfilter([1.0], [1.0, -0.7], noise, axis=-1))
    ]

    # At the stated 9% at most: 0.09 plus five binomial standard errors.
    assert np.mean(found) < 0.09 + 5 * np.sqrt(0.09 * 0.91 / reps)


@given(st.integers(0, 1000), st.integers(10, 39), st.floats(-1e3, 1e3))
def test_rolling_indicators_are_those_of_each_window(seed, window, shift):
    x = np.random.default_rng(seed).standard_normal(40)
    found = est.rolling_indicators(x + shift, window=window, detrend="none")

    assert len(found.end) == 40 - window + 1
    for row, end in enumerate(found.end):
        part = x[end - window + 1 : end + 1]
        part = part - part.mean()
        assert found.lag1[row] == pytest.approx(part[1:] @ part[:-1] / (part @ part), abs=1e-8)
        assert found.variance[row] == pytest.approx(part @ part / (window - 1), rel=1e-7)


def test_trends_are_taken_off():
    t = np.arange(200.0)
    line = est.rolling_indicators(3 * t + np.cos(t), detrend="linear")
    bend = est.rolling_indicators(1e-3 * t**2 + np.cos(t), detrend="gaussian", bandwidth=8.0)

    assert np.allclose(line.variance, 0.5, atol=0.02)
    # The kernel smooths the bend to within its edges.
    assert np.all(bend.variance < 1.5)


def test_kendall_is_that_of_scipy_and_surrogates_keep_what_they_promise():
    rng = np.random.default_rng(44)
    x = np.cumsum(rng.standard_normal(64))
    assert critical._kendall(x) == pytest.approx(kendalltau(np.arange(64), x).statistic)

    phase = critical._phase_randomised(x, 3, rng)
    np.testing.assert_allclose(
        np.abs(np.fft.rfft(phase, axis=-1)), np.abs(np.fft.rfft(x - x.mean()))[None].repeat(3, 0), atol=1e-9
    )
    y = rng.standard_normal(4000)
    ar1 = critical._ar1(y + np.roll(y, 1), 4, rng)
    # Lag-1 autocorrelation ½, standard error √(1 − ¼)/√16000.
    assert abs(critical._lag1(ar1).mean() - 0.5) < 5 * np.sqrt(0.75 / 16000) + 0.02


def test_degenerate_series_are_flagged_or_refused():
    assert est.critical_slowing_down(np.ones(50)).has("constant")
    assert est.relaxation_time(np.ones(50)).has("constant")
    assert est.relaxation_time(np.tile([1.0, -1.0], 25)).has("anticorrelated")
    assert est.relaxation_time(np.arange(50.0)).has("unit_root")
    for call, word in (
        (lambda: est.critical_slowing_down(np.arange(50.0), "kurtosis"), "indicator"),
        (lambda: est.critical_slowing_down(np.arange(50.0), surrogates="shuffled"), "surrogates"),
        (lambda: est.critical_slowing_down(np.arange(50.0), count=5), "count"),
        (lambda: est.critical_slowing_down(np.arange(50.0), window=60), "window"),
        (lambda: est.rolling_indicators(np.arange(50.0), detrend="cubic"), "detrend"),
        (lambda: est.rolling_indicators(np.arange(50.0), bandwidth=0.0), "bandwidth"),
        (lambda: est.rolling_indicators(np.arange(5.0)), "n ≥ 20"),
        (lambda: est.rolling_indicators(np.full(50, np.nan)), "finite"),
        (lambda: est.relaxation_time(np.arange(50.0), step=0.0), "step"),
        (lambda: est.relaxation_time(np.arange(5.0)), "n ≥ 20"),
    ):
        with pytest.raises(EstimatorError, match=word):
            call()
