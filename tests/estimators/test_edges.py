"""Extreme eigenvalues from products: planted spectra, residuals, and what power iteration finds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError
from sdesim.estimators.curvature.edges import lanczos_ends

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS)
def test_lanczos_finds_both_ends_of_a_symmetric_matrix(seed):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((12, 12))
    a = a + a.T
    values = np.linalg.eigvalsh(a)

    e = est.lambda_max(lambda v: a @ v, 12)
    edges = est.spectrum_edges(lambda v: a @ v, 12, 2)

    assert e.value == pytest.approx(values[-1], rel=1e-6, abs=1e-8)
    assert edges.bottom[0].value == pytest.approx(values[0], rel=1e-6, abs=1e-8)
    assert edges.top[1].value == pytest.approx(values[-2], rel=1e-4, abs=1e-6)


@given(SEEDS, st.floats(-5, 5), st.floats(0.1, 10))
def test_lambda_max_is_equivariant(seed, shift, scale):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((8, 8))
    a = a + a.T

    e = est.lambda_max(lambda v: scale * (a @ v) + shift * v, 8)

    assert e.value == pytest.approx(scale * np.linalg.eigvalsh(a)[-1] + shift, rel=1e-6, abs=1e-6)


def test_a_residual_bounds_the_error_and_a_stopped_lanczos_says_so():
    d = 400
    values = np.linspace(0, 1, d) ** 0.5
    e = est.lambda_max(lambda v: values * v, d, max_iter=5)

    assert e.has("not_converged")
    assert np.abs(values - e.value).min() <= e.high - e.value


def test_power_iteration_finds_the_largest_magnitude_and_says_when_it_is_negative():
    values = np.array([1.0, -3.0, 0.5])
    e = est.lambda_max(lambda v: values * v, 3, method="power")

    assert e.value == pytest.approx(-3, rel=1e-3)
    assert e.has("neg_dominant")


GT19 = np.array([2.0, 1.0, 0.5, -3.0])


def diagonal(values):
    return lambda v: values * v


def test_gt19_power_iteration_finds_minus_three_and_the_shift_finds_two():
    literal = est.lambda_max(diagonal(GT19), 4, "power", max_iter=200)
    shifted = est.lambda_max(diagonal(GT19), 4, "power-shifted", max_iter=400)

    assert literal.value == pytest.approx(-3, abs=1e-6)
    assert literal.has("neg_dominant")
    assert not literal.has("not_converged")
    assert shifted.value == pytest.approx(2, abs=1e-6)
    assert shifted.has("neg_dominant")
    assert not shifted.has("not_converged")
    assert shifted.details["shift"] == pytest.approx(-3, abs=1e-6)
    assert shifted.n == 800
    assert est.lambda_max(diagonal(GT19), 4).value == pytest.approx(2, abs=1e-9)
    assert est.lambda_max(diagonal(GT19), 4, "magnitude").value == pytest.approx(-3, abs=1e-9)


def test_gt19_a_tie_of_both_signs_gives_the_arcsine_law_and_is_flagged_not_converged():
    n = 2000
    found = [est.lambda_max(diagonal(np.array([2.0, -2.0])), 2, "power", seed=k) for k in range(n)]
    values = np.array([e.value for e in found])

    # 2cos 2φ: mean 0, variance 2, fourth moment 6; 5 standard errors, false alarm 6e-7.
    assert abs(values.mean()) < 5 * math.sqrt(2 / n)
    assert abs((values**2).mean() - 2) < 5 * math.sqrt((6 - 4) / n)
    # The residual is |2 sin 2φ|, within tolerance for about 4e-7 of the starts.
    assert all(e.has("not_converged") for e in found)
    assert all(e.low <= 2 <= e.high or e.low <= -2 <= e.high for e in found)


def test_a_short_power_iteration_with_a_small_gap_says_it_has_not_converged():
    e = est.lambda_max(diagonal(np.array([1.0, 0.99, 0.5])), 3, "power")

    assert e.has("not_converged")
    assert e.n == 20


def test_gt20_edges_of_the_laplacian():
    n = 200
    exact = 2 - 2 * np.cos(np.arange(1, n + 1) * math.pi / (n + 1))

    def laplacian(v):
        return 2 * v - np.append(v[1:], 0) - np.append(0, v[:-1])

    edges = est.spectrum_edges(laplacian, n, 3, max_iter=n)

    assert exact[-1] == pytest.approx(3.999756, abs=1e-6)
    np.testing.assert_allclose([e.value for e in edges.top], exact[::-1][:3], atol=1e-8)
    np.testing.assert_allclose([e.value for e in edges.bottom], exact[:3], atol=1e-8)


def test_gt20_planted_eigenvalues_at_both_ends():
    n = 200
    u = np.linalg.qr(np.random.default_rng(0).standard_normal((n, n)))[0]
    spectrum = np.concatenate([[50, 20, 10], np.linspace(0, 1, n - 5), [-2, -7]])
    matrix = (u * spectrum) @ u.T

    edges = est.spectrum_edges(lambda v: matrix @ v, n, 3)

    np.testing.assert_allclose([e.value for e in edges.top], [50, 20, 10], rtol=1e-8)
    np.testing.assert_allclose([e.value for e in edges.bottom[:2]], [-7, -2], rtol=1e-8)
    assert edges.top[0].n < 60
    assert not any(e.has("not_converged") for e in (*edges.top, *edges.bottom[:2]))


@given(SEEDS, st.integers(1, 8))
def test_some_eigenvalue_lies_within_the_residual_of_every_ritz_value(seed, most):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((10, 10))
    a = a + a.T
    values = np.linalg.eigvalsh(a)

    for method in ("lanczos", "magnitude", "power", "power-shifted"):
        e = est.lambda_max(lambda v: a @ v, 10, method, max_iter=most)
        assert np.abs(values - e.value).min() <= (e.high - e.low) / 2 + 1e-9


def test_products_that_are_not_finite_are_flagged():
    for method in ("lanczos", "magnitude", "power"):
        e = est.lambda_max(lambda v: v * np.nan, 3, method)
        assert e.has("nonfinite")
        assert e.has("not_converged")


@given(SEEDS)
def test_the_preconditioned_operator_has_the_spectrum_of_its_dense_form(seed):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((6, 6))
    a, moment = a + a.T, rng.random(6)
    root = np.diag((np.sqrt(moment) + 1e-3) ** -0.5)

    e = est.lambda_max(est.preconditioned(lambda v: a @ v, moment, eps=1e-3), 6)

    assert e.value == pytest.approx(np.linalg.eigvalsh(root @ a @ root)[-1], rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: est.lambda_max(diagonal(GT19), 4, "arnoldi"), "method must be one of lanczos"),
        (lambda: est.lambda_max(diagonal(GT19), 0, "power"), "dim must be at least 1"),
        (lambda: est.spectrum_edges(diagonal(GT19), 4, 5), "k must be between 1 and dim=4"),
        (lambda: est.preconditioned(diagonal(GT19), -GT19), "second_moment must hold"),
        (lambda: est.preconditioned(diagonal(GT19), GT19**2, eps=0.0), "eps must be positive"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(EstimatorError, match=message):
        call()


@given(st.integers(0, 200), st.floats(0.1, 10.0))
def test_lambda_max_is_equivariant_under_scaling_of_the_operator(seed, scale):
    a = np.random.default_rng(seed).standard_normal((8, 8))
    h = a + a.T

    one, more = est.lambda_max(lambda v: h @ v, 8), est.lambda_max(lambda v: scale * (h @ v), 8)

    assert more.value == pytest.approx(scale * one.value, rel=1e-6, abs=1e-9)
    s, same = est.stability_margin(one, 0.1), est.stability_margin(more, 0.1 / scale)
    assert s.value == pytest.approx(same.value, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_ends_stopped_at_the_top_bound_the_bottom_from_above_with_its_residual(seed):
    # One eigenvalue stands out above and a crowd below, as in the Hessian of a network.
    values = np.concatenate([np.linspace(-1, 1, 500), [8.0]])
    calls = []

    def product(v):
        calls.append(1)
        return values * v

    found = lanczos_ends(product, len(values), seed=seed, ends="top", least=8)
    few = len(calls)
    both = lanczos_ends(product, len(values), seed=seed)

    assert 8 <= few < len(calls) - few <= 40
    assert found.highest == pytest.approx(8, abs=found.highest_residual + 1e-9)
    assert found.highest_residual <= 1e-3 * 8
    assert found.lowest >= -1
    # Some eigenvalue lies within the residual of the Ritz value, whether it has converged or not.
    for end in (found, both):
        assert np.abs(values - end.lowest).min() <= end.lowest_residual + 1e-9
    assert found.lowest_residual > both.lowest_residual
    assert (both.lowest, both.highest, both.highest_residual) == est.lanczos_edges(
        product, len(values), seed=seed
    )


def test_ends_of_few_coordinates_are_exact():
    found = lanczos_ends(lambda v: np.array([1.0, -2.0, 3.0]) * v, 3, ends="top", least=8)

    assert (found.lowest, found.highest) == (pytest.approx(-2), pytest.approx(3))
    assert max(found.lowest_residual, found.highest_residual) <= 1e-12
