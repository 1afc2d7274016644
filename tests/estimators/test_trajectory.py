"""Dimension of paths against exact finite-size laws, controls and calibrated intervals."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import chdtr

from sdesim import estimators as est
from sdesim.errors import EstimatorError
from tests.estimators.samples import cantor, path, sierpinski


def test_gt22_correlation_sum_of_brownian_paths_is_the_exact_one_of_finite_size():
    n, d, paths = 400, 3, 60
    radii = np.geomspace(3 * n**-0.5, 0.4, 4)
    k = np.arange(1, n)
    exact = np.array([np.sum(2 * (n - k) / (n * (n - 1)) * chdtr(d, r**2 * n / (2 * k))) for r in radii])

    found = np.array(
        [est.correlation_sum(path(2.0, n, d, [1, s]) / math.sqrt(n), radii) for s in range(paths)]
    )

    error = found.std(axis=0, ddof=1) / math.sqrt(paths)
    # Five standard errors (t with 59 degrees of freedom: 5e-6 a radius).
    assert np.all(np.abs(found.mean(axis=0) - exact) < 5 * error)


# GT22, N = 2,000, d = 3: E C at three radii and the slope over six; the standard errors of 60 paths there.
@pytest.mark.parametrize(
    ("alpha", "exact", "errors", "slope", "slope_error"),
    [
        (2.0, [0.003767601, 0.01901949, 0.05121157], [4.7e-5, 3.6e-4, 1.3e-3], 1.979885, 0.012),
        (1.5, [0.002267409, 0.02669729, 0.1157636], [1.5e-5, 5e-4, 3.9e-3], 1.519112, 0.012),
    ],
)
def test_gt22_correlation_sums_and_slopes_of_brownian_and_stable_paths(
    alpha, exact, errors, slope, slope_error
):
    n, paths = 2000, 12
    radii = np.geomspace(3 * n ** (-1 / alpha), 0.25, 6)

    found = np.array([
        est.correlation_sum(path(alpha, n, 3, [2, s]) * n ** (-1 / alpha), radii) for s in range(paths)
    ])  # fmt: skip

    widened = 5 * math.sqrt(60 / paths)
    assert np.all(np.abs(found.mean(axis=0)[[0, 3, 5]] - exact) < widened * np.array(errors))
    slopes = [np.polyfit(np.log(radii), np.log(c), 1)[0] for c in found]
    # The mean of slopes is lower than the slope of means by up to 0.011 there.
    assert abs(np.mean(slopes) - slope) < widened * slope_error + 0.011


def test_gt22_boxes_of_the_cantor_set_and_the_sierpinski_triangle_are_counted_exactly():
    levels = np.arange(1, 8)

    thirds = est.box_counts(cantor(10), 3.0**-levels)
    halves = est.box_counts(sierpinski(9), 2.0 ** np.arange(8))

    assert np.array_equal(thirds, 2**levels)
    assert np.array_equal(halves, 3 ** (9 - np.arange(8)))
    assert np.polyfit(levels * math.log(3), np.log(thirds), 1)[0] == pytest.approx(0.6309298, abs=1e-6)
    assert -np.polyfit(np.arange(8) * math.log(2), np.log(halves), 1)[0] == pytest.approx(1.584963, abs=1e-6)


@pytest.mark.parametrize(("d", "method"), [(16, "correlation"), (3, "correlation"), (16, "mst"), (16, "ph0")])
def test_calibrated_interval_holds_the_dimension_as_stated(d, method):
    runs = 60 if method == "correlation" else 25
    for alpha in (1.5, 2.0):
        hits, values = 0, []
        for s in range(runs):
            e = est.trajectory_dimension(path(alpha, 200, d, [3, s]), method, control=True)
            values.append(e.details["calibrated"])
            hits += e.details["calibrated_low"] <= alpha <= e.details["calibrated_high"]
        # At the stated 93%, five binomial errors below.
        assert hits >= runs * 0.93 - 5 * math.sqrt(runs * 0.93 * 0.07)
        # Eight controls and `runs` paths of spread at most 0.23, and what is left of the bias.
        assert abs(np.mean(values) - alpha) < 5 * 0.23 / math.sqrt(8) / 2


def test_raw_readings_are_off_by_their_finite_size_and_the_interval_holds_their_mean():
    found = [est.trajectory_dimension(path(2.0, 200, 16, [4, s]), "mst") for s in range(25)]
    mean = np.mean([e.value for e in found])

    assert mean > 2.2
    assert sum(e.low <= mean <= e.high for e in found) >= 18


def test_controls_are_ordered_and_computed_once():
    controls = est.dimension_controls(200, 16)

    assert [c.name for c in controls] == ["line", "stable", "brownian", "white"]
    assert [c.dimension for c in controls] == [1.0, 1.5, 2.0, 16.0]
    assert all(a.reading < b.reading for a, b in pairwise(controls))
    assert abs(controls[0].reading - 1) < 0.05
    assert est.dimension_controls(200, 16) is controls
    assert est.dimension_controls(200, 500) == est.dimension_controls(200, 64)


def test_a_line_is_calibrated_to_one_and_white_noise_to_all_dimensions():
    line = np.linspace(0, 1, 200)[:, None] * np.arange(1.0, 5.0)
    white = np.random.default_rng(5).standard_normal((200, 4))

    assert est.trajectory_dimension(line, control=True).details["calibrated"] == pytest.approx(1, abs=0.02)
    # Spread of white readings 0.05 of 3.4.
    assert abs(est.trajectory_dimension(white, control=True).details["calibrated"] - 4) < 0.4


def test_box_counting_says_that_200_points_in_16_dimensions_are_too_few():
    e = est.trajectory_dimension(path(2.0, 200, 16, 6), "box", control=True)

    assert e.has("unresolved")
    assert e.has("short_range")
    assert "calibrated" not in e.details


def test_steps_that_shrink_are_nonstationary_and_those_of_stable_paths_are_not():
    shrinking = np.exp(-np.arange(400) / 150)[:, None]
    steps = np.random.default_rng(8).standard_normal((400, 3))

    assert est.trajectory_dimension(np.cumsum(steps * shrinking, axis=0)).has("nonstationary")
    alarms = [
        est.trajectory_dimension(path(a, 200, d, [8, s]), "participation").has("nonstationary")
        for a in (1.2, 2.0)
        for d in (1, 16)
        for s in range(50)
    ]
    # Level 1e-4: two alarms of 200 have probability 2e-4.
    assert sum(alarms) <= 1


def test_few_different_points_are_a_finite_set():
    cycle = np.tile([[0.0, 1.0], [1.0, 0.0]], (50, 1))
    stopped = np.vstack([path(2.0, 60, 2, 9), np.repeat(np.ones((1, 2)), 140, axis=0)])

    assert est.trajectory_dimension(cycle).value == 0
    assert est.trajectory_dimension(cycle).has("finite_set")
    assert est.trajectory_dimension(stopped).has("finite_set")
    assert est.trajectory_dimension(np.ones((10, 2))).has("too_few_samples")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: est.trajectory_dimension(np.zeros((50, 2)), "guess"), "method must be one of"),
        (lambda: est.trajectory_dimension(np.zeros(50)), "path must have shape"),
        (lambda: est.dimension_controls(10, 3), "n must be at least 20, got 10"),
        (lambda: est.dimension_controls(100, 0), "dim must be at least 1, got 0"),
        (lambda: est.dimension_controls(100, 2, "guess"), "method must be one of"),
        (lambda: est.box_counts(np.zeros((5, 2)), [0.0]), "sides must be positive"),
        (lambda: est.correlation_sum(np.zeros(5), [1.0]), "points must have shape"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(EstimatorError, match=message):
        call()
