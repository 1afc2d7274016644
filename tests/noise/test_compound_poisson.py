"""Compound Poisson noise: counts, laws of jumps, and Merton's model against its series."""

import math

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import poisson

import sdesim
from sdesim import jumps, surfaces
from sdesim.errors import SdesimError
from sdesim.noise import CompoundPoisson, Gaussian, increments


def drawn(noise, n, dt, seed=1, dim=1):
    return increments(noise.kernel(dim, dt, dt), dim, n, 2, seed=seed).reshape(-1, dim)


@pytest.mark.parametrize("mean", [0.05, 3.0, 60.0])
def test_the_number_of_jumps_in_a_step_is_poisson(mean):
    """Jumps of size 1, so that an increment is their number."""
    counts = drawn(CompoundPoisson(mean, jumps.Normal(1.0, 0.0)), 20_000, 1.0)[:, 0]

    assert np.array_equal(counts, np.round(counts))
    for k in (0, round(mean), round(mean) + 2):
        exact = poisson.cdf(k, mean)
        assert abs(np.mean(counts <= k) - exact) < 6 * np.sqrt(exact * (1 - exact) / counts.size) + 1e-12


@pytest.mark.parametrize(
    ("law", "characteristic"),
    [
        (jumps.Normal(0.3, 0.5), lambda u: np.exp(0.3j * u - 0.125 * u**2)),
        (jumps.Exponential(0.5), lambda u: 1 / (1 - 0.5j * u)),
        (jumps.Exponential(-0.5), lambda u: 1 / (1 + 0.5j * u)),
        (jumps.Laplace(0.5), lambda u: 1 / (1 + 0.25 * u**2)),
        (jumps.Stable(1.5, 0.5), lambda u: np.exp(-(np.abs(0.5 * u) ** 1.5))),
    ],
)
def test_increments_have_their_characteristic_function(law, characteristic):
    """exp(rate dt (φ_J − 1)); of means of cos and sin six standard errors, at most 6/√n."""
    x = drawn(CompoundPoisson(4.0, law), 20_000, 0.5)[:, 0]
    for u in (0.5, 2.0):
        exact = np.exp(2.0 * (characteristic(u) - 1))
        found = np.exp(1j * u * x).mean()
        assert abs(found.real - exact.real) < 6 / np.sqrt(x.size)
        assert abs(found.imag - exact.imag) < 6 / np.sqrt(x.size)
    moments = CompoundPoisson(4.0, law).noise_moments(np.zeros(1), 0.5)
    if law.second_moment is not None:
        assert moments.mean[0] == -4.0 * law.mean
        assert law.second_moment == pytest.approx(
            -np.real(characteristic(1e-4) + characteristic(-1e-4) - 2) / 1e-8, rel=1e-5
        )
    assert CompoundPoisson(4.0, law).tail_index == law.tail_index


def test_mertons_model_has_the_law_of_its_series():
    """log S_T = (r − σ²/2 − λk)T + σW_T + ΣJ: P(log S_T ≤ x), and a call of strike 1, for S₀ = 1."""
    r, sigma, rate, mean, std, time, n = 0.05, 0.2, 1.0, -0.1, 0.15, 1.0, 200_000
    k = math.exp(mean + std**2 / 2) - 1
    noise = drawn(Gaussian(sigma**2 / 2), n // 2, time, seed=7) + drawn(
        CompoundPoisson(rate, jumps.Normal(mean, std)), n // 2, time, seed=8
    )
    x = (r - sigma**2 / 2 - rate * k) * time + noise[:, 0]

    weights = poisson.pmf(np.arange(40), rate * time)
    centre = (r - sigma**2 / 2 - rate * k) * time + np.arange(40) * mean
    width = np.sqrt(sigma**2 * time + np.arange(40) * std**2)
    for level in (-0.5, -0.1, 0.2):
        exact = weights @ ndtr((level - centre) / width)
        assert abs(np.mean(x <= level) - exact) < 6 * np.sqrt(exact * (1 - exact) / n)

    forward = np.exp(centre + width**2 / 2)
    call = math.exp(-r * time) * weights @ (
        forward * ndtr(centre / width + width) - ndtr(centre / width)
    )  # fmt: skip
    paid = math.exp(-r * time) * np.maximum(np.exp(x) - 1, 0)
    assert abs(paid.mean() - call) < 6 * paid.std() / np.sqrt(n)


def test_bad_fields_are_named():
    with pytest.raises(SdesimError, match="rate: found -1"):
        CompoundPoisson(-1.0, jumps.Laplace(1.0))
    with pytest.raises(SdesimError, match=r"jumps\.std"):
        CompoundPoisson(1.0, {"kind": "normal", "std": -1.0})
    with pytest.raises(SdesimError, match="mean: found 0"):
        jumps.Exponential(0.0)
    with pytest.raises(SdesimError, match="times a step"):
        CompoundPoisson(1e5, jumps.Laplace(1.0)).kernel(1, 0.1, 0.1)


def test_a_rate_may_depend_on_the_state():
    """Jumps −1 at the rate 2x from x = 6 are deaths of six: the mean is 6 (1 − 2dt)^n, nearly 6 e^{−2t}."""
    noise = CompoundPoisson(lambda x: 2.0 * max(x[0], 0.0), jumps.Normal(-1.0, 0.0))
    dt, steps, count = 0.01, 50, 4000
    run = sdesim.simulate(
        surfaces.Flat(1), noise, 6.0, dt=dt, steps=steps, trajectories=count, seed=3, save_every=steps,
        progress=False,
    )  # fmt: skip
    left = run["theta"].values[:, -1, 0]

    exact = 6.0 * (1 - 2.0 * dt) ** steps
    # Of a binomial number; the step may let one die twice, which only the mean does not mind.
    assert abs(left.mean() - exact) < 6 * left.std() / np.sqrt(count)
    assert left.var() == pytest.approx(6 * np.exp(-1) * (1 - np.exp(-1)), rel=0.15)
    halves = [
        sdesim.simulate(surfaces.Flat(1), noise, 6.0, dt=dt, steps=5, trajectories=k, seed=3, progress=False)
        for k in (3, 40)
    ]
    assert halves[0]["theta"].values.tobytes() == halves[1]["theta"].values[:3].tobytes()


def test_a_rate_of_the_state_says_what_it_is_there():
    noise = CompoundPoisson(lambda x: 10.0 * x**2, jumps.Normal(0.5, 0.1))
    known = noise.noise_moments(np.array([1.0, 2.0]), 0.1)
    np.testing.assert_allclose(known.mean, [-5.0, -20.0])
    drawn = noise.gradient_noise(np.array([1.0, 2.0]), 0.1, 4000, np.random.default_rng(0))
    np.testing.assert_allclose(drawn.mean(axis=0), known.mean, atol=6 * 16 / np.sqrt(4000))


def test_a_bad_rate_of_the_state_is_told_or_loses_the_trajectory():
    with pytest.raises(SdesimError, match="rate must give a number"):
        CompoundPoisson(lambda x: x[:1], jumps.Laplace(1.0)).kernel(2, 0.1, 0.1)
    with pytest.raises(SdesimError, match="can't compile"):
        CompoundPoisson(lambda x: x.nothing(), jumps.Laplace(1.0)).kernel(2, 0.1, 0.1)
    with pytest.raises(SdesimError, match="can't compile the function of the state: The decorated object"):
        CompoundPoisson(np.linalg.norm, jumps.Laplace(1.0)).kernel(2, 0.1, 0.1)
    act = CompoundPoisson(lambda x: x[0] - 1.0, jumps.Laplace(1.0)).kernel(1, 0.1, 0.1)
    out = np.zeros((1, 3))
    act.functions["acts"](np.array([[0.0, np.nan, 1e9]]), np.uint64(0), 0, 0, 0, act.params, act.data, out)
    assert np.isnan(out).all()


class Heavy:
    """A law of one's own, of which the three that are compiled are all that it must have."""

    module, function, params = "sdesim.noise.jumps.kernels", "stable", np.array([1.5, 0.2])


class Told(Heavy):
    tail_index = 1.5


def test_a_law_of_ones_own_says_its_tail_or_nothing():
    silent, told = (CompoundPoisson(5.0, law()) for law in (Heavy, Told))
    assert (silent.tail_index, silent.noise_moments(np.zeros(1), 0.1)) == (None, None)

    run = sdesim.simulate(surfaces.DoubleWell(), told, dt=0.01, steps=2, progress=False)
    assert run.attrs["levy_index"] == 1.5
    assert run.attrs["infinite_means"] == ["loss", "test_loss"]
