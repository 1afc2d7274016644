"""Trace and spectral density from random vectors: exact cases, and how often the intervals hold the truth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError

SEEDS = st.integers(0, 2**32 - 1)

D = 100


def symmetric(seed=0):
    a = np.random.default_rng(seed).standard_normal((D, D))
    return (a + a.T) / 2


def power_law():
    u = np.linalg.qr(np.random.default_rng(1).standard_normal((D, D)))[0]
    return (u * np.arange(1, D + 1) ** -1.5) @ u.T


@given(SEEDS)
def test_the_trace_is_exact_with_as_many_products_as_coordinates(seed):
    a = np.random.default_rng(seed).standard_normal((7, 7))
    a = a + a.T

    e = est.hessian_trace(lambda v: a @ v, 7, samples=7)

    assert e.value == pytest.approx(np.trace(a))
    assert e.low == e.value == e.high
    assert e.method == "exact"


def test_random_signs_give_the_trace_of_a_diagonal_without_error():
    values = np.linspace(-1, 3, D)
    e = est.hessian_trace(lambda v: values * v, D, samples=10, method="hutchinson")

    assert e.value == pytest.approx(values.sum())
    assert e.high - e.low < 1e-12


def test_hutch_plus_plus_is_exact_when_its_basis_holds_the_range():
    low_rank = power_law()
    values, vectors = np.linalg.eigh(low_rank)
    matrix = (vectors[:, -5:] * values[-5:]) @ vectors[:, -5:].T

    e = est.hessian_trace(lambda v: matrix @ v, D, samples=30)

    assert e.value == pytest.approx(values[-5:].sum(), rel=1e-9)
    assert e.high - e.low < 1e-9


@pytest.mark.parametrize(("matrix", "method"), [(symmetric(), "hutchinson"), (power_law(), "hutch++")])
def test_intervals_of_the_trace_hold_it_as_often_as_they_say(matrix, method):
    runs = 400
    exact = np.trace(matrix)

    found = [est.hessian_trace(lambda v: matrix @ v, D, method=method, seed=k) for k in range(runs)]

    covered = sum(e.low <= exact <= e.high for e in found) / runs
    # 5 binomial standard errors of 0.011, false alarm 6e-7.
    assert abs(covered - 0.95) < 5 * math.sqrt(0.95 * 0.05 / runs)


def test_hutch_plus_plus_has_a_narrower_interval_on_a_decaying_spectrum():
    matrix = power_law()
    widths = [
        np.mean([(e := est.hessian_trace(lambda v: matrix @ v, D, 48, m, s)).high - e.low for s in range(20)])
        for m in ("hutch++", "hutchinson")
    ]

    assert widths[0] < widths[1] / 5


def exact_density(values, grid, width):
    return np.exp(-0.5 * ((grid[:, None] - values) / width) ** 2).mean(axis=1) / (
        width * math.sqrt(2 * math.pi)
    )


def test_density_and_moments_lie_in_their_intervals_as_often_as_they_say():
    matrix, runs = symmetric(), 200
    values = np.linalg.eigvalsh(matrix)
    places = [70, 100, 130]
    held, moments = np.zeros(len(places)), np.zeros(4)

    for seed in range(runs):
        f = est.spectral_density(lambda v: matrix @ v, D, width=1.0, steps=30, seed=seed)
        assert not f.flags
        truth = exact_density(values, f.grid[places], 1.0)
        held += (f.low[places] <= truth) & (truth <= f.high[places])
        moments += [m.low <= np.mean(values**k) <= m.high for k, m in enumerate(f.moments, 1)]

    tolerance = 5 * math.sqrt(0.95 * 0.05 / runs)
    assert np.abs(held / runs - 0.95).max() < tolerance
    assert np.abs(moments / runs - 0.95).max() < tolerance


def test_a_density_has_integral_one_and_finds_planted_outliers():
    values = np.concatenate([np.linspace(0, 1, D - 2), [10.0, -5.0]])
    u = np.linalg.qr(np.random.default_rng(2).standard_normal((D, D)))[0]
    matrix = (u * values) @ u.T

    f = est.spectral_density(lambda v: matrix @ v, D, probes=16, width=0.3, points=801)

    assert np.trapezoid(f.density, f.grid) == pytest.approx(1, abs=1e-3)
    for planted in (10.0, -5.0):
        peak = f.density[np.abs(f.grid - planted) < 1].max()
        # One eigenvalue of D under a Gaussian of width 0.3; the weights vary by √(2/probes), five errors.
        assert peak == pytest.approx(1 / (D * 0.3 * math.sqrt(2 * math.pi)), rel=5 * math.sqrt(2 / 16))
    assert f.density[np.abs(f.grid - 5) < 1].max() < 1e-6


def test_moments_are_free_of_quadrature_error_and_a_density_of_too_few_steps_says_so():
    matrix = symmetric()
    few = est.spectral_density(lambda v: matrix @ v, D, probes=4, steps=5, width=0.1, seed=3)
    many = est.spectral_density(lambda v: matrix @ v, D, probes=4, steps=90, width=1.0, seed=3)

    assert few.has("not_converged")
    assert not many.has("not_converged")
    for a, b in zip(few.moments, many.moments, strict=True):
        assert a.value == pytest.approx(b.value, rel=1e-9)


def test_one_eigenvalue_makes_one_peak_and_bad_products_are_flagged():
    f = est.spectral_density(lambda v: 3 * v, 5)
    assert f.moments[0].value == pytest.approx(3)
    assert f.grid[np.argmax(f.density)] == pytest.approx(3, abs=0.01)
    assert not f.flags
    assert est.spectral_density(lambda v: v * np.nan, 5).has("nonfinite")
    assert est.hessian_trace(lambda v: v * np.nan, D).has("nonfinite")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda h: est.hessian_trace(h, D, 3), "samples must be at least 6"),
        (lambda h: est.hessian_trace(h, D, method="exact"), "method must be"),
        (lambda h: est.spectral_density(h, D, probes=1), "probes must be at least 2"),
        (lambda h: est.spectral_density(h, D, width=0.0), "width must be positive"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(EstimatorError, match=message):
        call(lambda v: v)
