"""What a fit finds, whatever the model: the truth within intervals, gaps and unequal steps, refusals."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

import sdesim
from sdesim.errors import SdesimError
from sdesim.fits.transitions import Transitions
from sdesim.kinds import kinds_of
from tests.fits.processes import path

# Model, θ, first value, dt.
CASES = {
    "ornstein-uhlenbeck": ((2.0, 1.0, 0.5), 1.0, 0.1),
    "stable-ornstein-uhlenbeck": ((2.0, 1.0, 1.5, 0.3), 1.0, 0.1),
    "jump-diffusion": ((0.1, 0.2, 8.0, -0.05, 0.3), 0.0, 0.02),
    "geometric-brownian": ((0.1, 0.3), 1.0, 0.02),
    "cox-ingersoll-ross": ((2.0, 1.0, 0.5), 1.0, 0.1),
}


def test_every_model_is_tried():
    assert set(CASES) == {
        name for name, cls in kinds_of("fits").items() if cls.__module__.startswith("sdesim")
    }


@pytest.mark.parametrize("model", CASES)
def test_the_truth_lies_within_the_intervals_of_one_part_in_a_million(model):
    theta, start, dt = CASES[model]
    # The stable law's density is dear.
    n = 100 if model.startswith("stable") else 250
    x = path(model, theta, start, dt, n, seed=3)

    fit = sdesim.fit(x, model, dt=dt, level=1 - 1e-6)

    for found, true in zip(fit, theta, strict=True):
        assert found.low <= true <= found.high
        assert found.low <= found.value <= found.high
        assert found.n == n - 1
        # An interval that holds everything would pass too.
        assert math.isfinite(found.value)
    again = fit.model.log_density(np.asarray(theta), fit.data).sum()
    # Wilks: twice the gain is χ² of at most 5 degrees; 45 has a tail of 1e-8.
    assert 0 <= fit.log_likelihood - again < 22.5
    assert fit.aic == 2 * len(theta) - 2 * fit.log_likelihood


@pytest.mark.parametrize("model", CASES)
def test_densities_integrate_to_the_tails(model):
    theta, start, dt = CASES[model]
    kind = kinds_of("fits")[model]()
    end = start + 0.3 * math.sqrt(dt)

    def density(y):
        data = Transitions((np.array([0.0, dt]),), (np.array([start, y]),))
        return math.exp(kind.log_density(np.asarray(theta), data)[0])

    data = Transitions((np.array([0.0, dt]),), (np.array([start, end]),))
    below, above = (math.exp(v[0]) for v in kind.log_tails(np.asarray(theta), data))

    assert below + above == pytest.approx(1.0, abs=1e-12)
    between, _ = quad(density, start - 0.1, end, limit=200)
    low = Transitions((np.array([0.0, dt]),), (np.array([start, start - 0.1]),))
    assert between == pytest.approx(below - math.exp(kind.log_tails(np.asarray(theta), low)[0][0]), abs=1e-6)


@pytest.mark.parametrize("model", CASES)
def test_draws_and_characteristic_function_are_of_the_density(model):
    theta, start, dt = CASES[model]
    kind, n = kinds_of("fits")[model](), 20_000
    rng = np.random.default_rng(5)
    after = kind.draw(np.asarray(theta), np.full(n, start), np.full(n, dt), rng)
    times = np.array([0.0, dt])
    data = Transitions((times,) * n, tuple(np.array([start, y]) for y in after))
    u = np.array([0.3, 1.0, 2.0])

    share = np.exp(kind.log_tails(np.asarray(theta), data)[0])
    found = np.exp(1j * np.outer(u, kind.innovations(np.asarray(theta), data))).mean(axis=1)
    expected = kind.characteristic(np.asarray(theta), data, u)

    # Six standard errors of a mean of uniforms, and of numbers within the unit circle.
    assert abs(share.mean() - 0.5) < 6 / math.sqrt(12 * n)
    assert abs((share**2).mean() - 1 / 3) < 6 * 0.3 / math.sqrt(n)
    assert np.abs(found - expected).max() < 8 / math.sqrt(n)


def test_a_gap_is_one_longer_step_and_counted():
    x = path("ornstein-uhlenbeck", (1.0, 2.0, 0.5), 2.0, 0.1, 300, seed=1)
    holes = x.copy()
    holes[[50, 51, 200]] = np.nan
    times = 0.1 * np.arange(300)

    fit = sdesim.fit(holes, "ornstein-uhlenbeck", dt=0.1)
    kept = sdesim.fit(x[np.isfinite(holes)], "ornstein-uhlenbeck", times=times[np.isfinite(holes)])

    assert (fit.missing, fit.n) == (3, 296)
    assert fit.rate.has("missing_values")
    assert "3 missing" in repr(fit)
    assert fit.rate.value == pytest.approx(kept.rate.value, rel=1e-9)


def test_the_stable_form_of_a_model_is_asked_for_by_its_noise():
    x = path("stable-ornstein-uhlenbeck", (1.0, 0.5, 1.5, 0.3), 0.5, 0.2, 40, seed=2)

    fit = sdesim.fit(x, "ornstein-uhlenbeck", noise="stable", dt=0.2)

    assert fit.model.kind == "stable-ornstein-uhlenbeck"
    assert list(fit.parameters) == ["rate", "mean", "alpha", "scale"]


def test_a_walk_and_independent_values_have_no_rate_to_tell():
    rng = np.random.default_rng(0)
    walk = sdesim.fit(np.cumsum(rng.standard_normal(300)), "ornstein-uhlenbeck", dt=0.1)
    noise = sdesim.fit(rng.standard_normal(300), "ornstein-uhlenbeck", dt=0.1)

    assert walk.rate.low == 0.0
    assert walk.rate.has("near_unit_root")
    assert noise.rate.high == math.inf
    assert noise.rate.has("rate_not_identified")


def test_few_jumps_and_a_touched_origin_are_flagged():
    quiet = path("jump-diffusion", (0.1, 0.2, 1e-9, 0.0, 0.3), 0.0, 0.01, 60, seed=4)
    touched = path("cox-ingersoll-ross", (1.0, 0.3, 1.0), 0.3, 0.1, 200, seed=4)

    assert sdesim.fit(quiet, "jump-diffusion", dt=0.01).rate.has("jumps_not_identified")
    assert sdesim.fit(touched, "cox-ingersoll-ross", dt=0.1).rate.has("feller_violated")


def test_dependent_residuals_are_flagged():
    rng = np.random.default_rng(1)
    x = np.zeros(400)
    for k in range(2, 400):
        x[k] = 0.5 * x[k - 1] + 0.4 * x[k - 2] + rng.standard_normal()

    assert "dependent_residuals" in sdesim.fit(x, "ornstein-uhlenbeck", dt=1.0).flags


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"dt": 0.1, "level": 1.5}, "level must be between 0 and 1, got 1.5"),
        ({"dt": -1}, "dt: found -1, allowed: a number above 0"),
        ({"dt": True}, "dt: found True"),
        ({}, "dt: missing"),
        ({"dt": 0.1, "goodness": "chi"}, "goodness: found 'chi'"),
        ({"dt": 0.1, "noise": "pink"}, "noise: found 'pink'"),
        ({"dt": 0.1, "goodness": "bootstrap", "draws": 5}, "draws must be at least 19, got 5"),
    ],
)
def test_bad_settings_are_told_in_one_line(settings, told):
    x = np.sin(np.arange(40.0) ** 2)

    with pytest.raises(SdesimError, match=told) as caught:
        sdesim.fit(x, "ornstein-uhlenbeck", **settings)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("x", "model", "told"),
    [
        ([1.0, 2.0], "ornstein-uhlenbeck", "series: found 2 numbers"),
        ([1.0, 2.0, 3.0, 1.0], "ornstein-uhlenbeck", "series: found 3 transitions, allowed: 10 and more"),
        (np.ones(50), "ornstein-uhlenbeck", "series: found one value throughout"),
        (np.r_[np.arange(40.0), np.inf], "ornstein-uhlenbeck", "series: found 1 infinite values"),
        (np.arange(-5.0, 45.0), "geometric-brownian", "series: found -5, allowed: numbers above 0"),
        (np.arange(-5.0, 45.0), "cox-ingersoll-ross", "series: found -5, allowed: numbers above 0"),
        (np.repeat([0.0, 1.0, 0.5], 20)[:58], "jump-diffusion", "series: found"),
        (np.arange(50.0), "ornstein-ulenbeck", "model: found .* did you mean"),
        (0.1 * np.arange(50.0), "ornstein-uhlenbeck", "found a steady course without noise"),
        (0.1 * np.arange(50.0), "jump-diffusion", "found a steady course without noise"),
        (np.exp(0.1 * np.arange(50.0)), "geometric-brownian", "found steady growth without noise"),
        (1e120 * np.sin(np.arange(50.0)), "ornstein-uhlenbeck", "series: found numbers up to 1e.120"),
    ],
)
def test_bad_series_are_told_in_one_line(x, model, told):
    with pytest.raises(SdesimError, match=told) as caught:
        sdesim.fit(x, model, dt=0.1)

    assert "\n" not in str(caught.value)
