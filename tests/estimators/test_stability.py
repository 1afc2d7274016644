"""Critical sharpness against the optimisers' own companion matrices; sharpness and stability of SGD."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError


@pytest.mark.parametrize(
    ("settings", "critical"),
    [
        ({}, 20.0),
        ({"momentum": 0.9}, 38.0),
        ({"momentum": 0.9, "nesterov": True}, 38 / 2.8),
    ],
)
def test_the_margin_vanishes_at_the_critical_sharpness(settings, critical):
    assert est.stability_margin(critical, 0.1, **settings).value == pytest.approx(0, abs=1e-12)
    assert est.stability_margin(0.0, 0.1, **settings).value == 2
    assert est.stability_margin(1.0, 0.1, method="literal").has("units")


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_heavy_ball_is_stable_just_below_the_critical_sharpness_and_not_above(momentum):
    for factor, stable in ((0.99, True), (1.01, False)):
        lam = factor * est.critical_sharpness(0.1, momentum)
        step = np.array([[1 + momentum - 0.1 * lam, -momentum], [1.0, 0.0]])
        assert (np.abs(np.linalg.eigvals(step)).max() < 1) == stable


def companion(lam, eta, beta=0.0, nesterov=False, dampening=0.0, adam=False, decay=0.0, decoupled=False):
    """One step of (θ, v) at curvature λ, as torch does it; Adam with its second moment frozen at 1."""
    curved = lam + (0.0 if decoupled else decay)
    kept = 1 - eta * decay if decoupled else 1.0
    gain = 1 - beta if adam else 1 - dampening
    # v' = βv + gain·cθ; θ' = kept θ − η v', Nesterov θ' = kept θ − η (cθ + βv').
    if nesterov:
        return np.array([[kept - eta * curved * (1 + beta), -eta * beta**2], [curved, beta]])
    return np.array([[kept - eta * gain * curved, -eta * beta], [gain * curved, beta]])


def bisected(**settings):
    low, high = 1e-9, 1e5
    for _ in range(200):
        middle = (low + high) / 2
        stable = np.abs(np.linalg.eigvals(companion(middle, **settings))).max() < 1
        low, high = (middle, high) if stable else (low, middle)
    return low


GT25 = {
    "gradient descent": (200, {}, {}),
    "heavy ball": (380, {"beta": 0.9}, {"momentum": 0.9}),
    "heavy ball with dampening": (
        380 / 0.7,
        {"beta": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "dampening": 0.3},
    ),
    "nesterov": (135.7142857, {"beta": 0.9, "nesterov": True}, {"momentum": 0.9, "nesterov": True}),
    "adam": (3800, {"beta": 0.9, "adam": True}, {"adam_beta1": 0.9}),
    "decay": (199.9, {"decay": 0.1}, {"weight_decay": 0.1}),
    "decoupled decay": (
        199.9,
        {"decay": 0.1, "decoupled": True},
        {"weight_decay": 0.1, "decoupled": True},
    ),
    "heavy ball, decoupled decay": (
        379.81,
        {"beta": 0.9, "decay": 0.1, "decoupled": True},
        {"momentum": 0.9, "weight_decay": 0.1, "decoupled": True},
    ),
    "nesterov, decoupled decay": (
        135.7142857 * 0.9995,
        {"beta": 0.9, "nesterov": True, "decay": 0.1, "decoupled": True},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "decoupled": True},
    ),
    "adamw": (
        3798.1,
        {"beta": 0.9, "adam": True, "decay": 0.1, "decoupled": True},
        {"adam_beta1": 0.9, "weight_decay": 0.1, "decoupled": True},
    ),
}


@pytest.mark.parametrize("case", GT25)
def test_gt25_critical_sharpness_is_where_the_companion_matrix_loses_stability(case):
    value, step, settings = GT25[case]

    critical = est.critical_sharpness(0.01, **settings)

    assert critical == pytest.approx(value, rel=1e-9 if case != "nesterov" else 1e-8, abs=1e-4)
    assert critical == pytest.approx(bisected(eta=0.01, **step), rel=1e-6)
    margin = est.stability_margin(critical, 0.01, **settings)
    assert margin.value == pytest.approx(0, abs=1e-12)
    assert margin.details["lambda_crit"] == critical


def test_a_margin_names_its_threshold_and_carries_the_interval_of_the_sharpness():
    sharpness = est.Estimate(10.0, 9.0, 12.0, 0.95, "lanczos", 3, ("not_converged",))

    s = est.stability_margin(sharpness, 0.1, momentum=0.9)

    assert s.details["name"] == "heavy ball"
    assert (s.low, s.high) == pytest.approx((2 * (1 - 12 / 38), 2 * (1 - 9 / 38)))
    assert s.has("not_converged")
    names = [
        est.stability_margin(1.0, 0.1, **k).details["name"]
        for k in ({}, {"momentum": 0.5, "nesterov": True}, {"adam_beta1": 0.9}, {"weight_decay": 0.1})
    ]
    assert names == [
        "gradient descent",
        "nesterov",
        "preconditioned adam",
        "gradient descent with weight decay",
    ]


@given(st.floats(1e-3, 10), st.floats(0, 0.99), st.floats(-100, 100))
def test_the_margin_depends_on_eta_times_sharpness_alone(eta, beta, bent):
    a = est.stability_margin(bent / eta, eta, momentum=beta).value
    b = est.stability_margin(bent, 1.0, momentum=beta).value

    assert a == pytest.approx(b, rel=1e-9, abs=1e-9)
    assert a <= 2 or bent < 0


ROWS = np.random.default_rng(5).uniform(-1, 1, (50, 4))

GRADIENTS = (ROWS @ np.array([1.0, -0.5, 0.3, 2.0]))[:, None] * ROWS

PRODUCTS = np.einsum("ij,ij->i", ROWS, GRADIENTS)[:, None] * ROWS


def test_batch_sharpness_covers_its_exact_value_in_ninety_two_of_a_hundred_runs():
    runs = 1000
    exact = (GRADIENTS * PRODUCTS).sum() / (GRADIENTS**2).sum()
    covered = 0
    for seed in range(runs):
        drawn = np.random.default_rng(seed).integers(0, len(ROWS), 40)
        e = est.batch_sharpness(GRADIENTS[drawn], PRODUCTS[drawn])
        covered += e.low <= exact <= e.high

    # Measured 0.92 instead of 0.95: a ratio of skewed sums; 5 binomial standard errors about it.
    assert abs(covered / runs - 0.92) < 5 * math.sqrt(0.92 * 0.08 / runs)


def test_batch_sharpness_of_one_example_is_its_curvature_and_names_its_threshold():
    row = np.array([[1.0, 2.0]])
    g = np.repeat(0.7 * row, 3, axis=0)

    e = est.batch_sharpness(g, 5.0 * g, eta=0.1)

    assert e.value == pytest.approx(5)
    assert e.high - e.low < 1e-9
    assert e.details["lambda_crit"] == 20
    assert e.has("stochastic_h")
    assert est.stability_margin(e, 0.1).value == pytest.approx(1.5)


def gaussian_design(dim):
    """Rows with the moments of N(0, I) to fifth order: Gauss–Hermite nodes 0, ±√3 with weights 4 : 1 : 1."""
    nodes = np.array([0.0, 0.0, 0.0, 0.0, math.sqrt(3), -math.sqrt(3)])
    return np.stack([m.ravel() for m in np.meshgrid(*[nodes] * dim)], axis=1)


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 4])
def test_gt26_mean_square_stability_is_lost_at_the_closed_form_rate(dim, batch):
    critical = est.mean_square_rate(dim, batch)
    rows = gaussian_design(dim)

    at = est.mean_square_factor(rows, critical, batch)

    assert at.value == pytest.approx(1, abs=1e-9)
    assert at.details["name"] == "mean-square stability"
    assert est.mean_square_factor(rows, 0.99 * critical, batch).value < 1
    assert est.mean_square_factor(rows, 1.01 * critical, batch).value > 1
    assert est.mean_square_factor(np.sqrt(2.0) * rows, critical / 2, batch).value == pytest.approx(1)


def test_gt26_rates_of_the_table():
    assert est.mean_square_rate(1, 4) == pytest.approx(4 / 3)
    assert est.mean_square_rate(10, 4) == pytest.approx(0.5333333, abs=1e-7)
    # GT21: b = 1, d = 1, η = 1 multiplies the second moment by 2.
    assert est.mean_square_factor(gaussian_design(1), 1.0, 1).value == pytest.approx(2)


def test_the_mean_square_factor_is_that_of_the_dense_map_and_ignores_unseen_directions():
    rng = np.random.default_rng(6)
    rows, eta, batch = rng.standard_normal((30, 3)), 0.4, 2
    h = rows.T @ rows / 30
    eye = np.eye(3)
    single = np.einsum("ni,nj,nk,nl->ikjl", rows, rows, rows, rows).reshape(9, 9) / 30
    dense = np.eye(9) - eta * (np.kron(h, eye) + np.kron(eye, h))
    dense += eta**2 * (0.5 * np.kron(h, h) + 0.5 * single)

    e = est.mean_square_factor(rows, eta, batch)
    wider = est.mean_square_factor(np.hstack([rows, np.zeros((30, 2))]), eta, batch)

    assert e.value == pytest.approx(np.abs(np.linalg.eigvals(dense)).max(), rel=1e-9)
    assert wider.value == pytest.approx(e.value, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: est.critical_sharpness(0.0), "eta must be positive"),
        (lambda: est.critical_sharpness(0.1, momentum=1.0), "momentum must be in"),
        (lambda: est.critical_sharpness(0.1, 0.9, True, 0.1), "nesterov needs dampening 0"),
        (lambda: est.critical_sharpness(0.1, weight_decay=20.0), "unstable at eta=0.1"),
        (lambda: est.critical_sharpness(0.1, adam_beta1=0.9, weight_decay=0.1), "into the product"),
        (lambda: est.batch_sharpness(np.ones((3, 2)), np.ones((3, 1))), "must both be"),
        (lambda: est.batch_sharpness(np.ones((1, 2)), np.ones((1, 2))), "at least 2 batches"),
        (lambda: est.mean_square_factor(np.zeros((3, 2)), 0.1, 1), "not all 0"),
        (lambda: est.mean_square_factor(np.ones((3, 2)), 0.1, 0), "batch_size must be at least 1"),
        (lambda: est.mean_square_rate(0, 1), "dim must be at least 1"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(EstimatorError, match=message):
        call()
