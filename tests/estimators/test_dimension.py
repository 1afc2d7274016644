"""Dimension of paths against exact finite-size laws, fractals and controls."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import chdtr

from sdesim import estimators as est
from sdesim.errors import EstimatorError
from sdesim.estimators.tails.symmetric import symmetric_draws

SEEDS = st.integers(0, 2**32 - 1)


def path(alpha, n, d, seed):
    return np.cumsum(symmetric_draws(alpha, (n, d), np.random.default_rng(seed)), axis=0)


def cantor(levels):
    points = np.zeros(1)
    for k in range(1, levels + 1):
        points = np.concatenate([points, points + 2 / 3**k])
    return np.sort(points)[:, None]


def sierpinski(bits):
    i, j = np.meshgrid(np.arange(2**bits), np.arange(2**bits))
    return np.argwhere((i & j) == 0).astype(float)


def test_effective_dimension_is_two_with_a_gaussian_part():
    assert est.effective_dimension(100, 1.5, gaussian_part=True).value == 2
    assert est.effective_dimension(100, 1.5).value == 1.5
    assert est.effective_dimension(100, 0.7).value == 1
    assert est.effective_dimension(100, 0.7, method="literal").value == 0.7
    assert est.effective_dimension(1, 1.5, gaussian_part=True).value == 1
    assert est.effective_dimension(3, 1.5).has("hypothetical")


@pytest.mark.parametrize("method", ["correlation", "mst", "participation"])
def test_a_line_has_dimension_one(method):
    line = np.linspace(0, 1, 600)[:, None] * np.array([1.0, 2.0, -1.0])

    assert abs(est.trajectory_dimension(line, method).value - 1) < 0.06


def test_box_counting_of_a_dyadic_cantor_set_is_exact():
    # Keep the first and last quarter of every interval: dimension log 2/log 4, counted at every fourth level.
    points = np.zeros(1)
    for k in range(1, 10):
        points = np.concatenate([points, points + 3 / 4**k])
    path = np.sort(points)[:, None]

    e = est.trajectory_dimension(path, "box")

    # Odd levels of halving count no new boxes, which puts steps of one level on the straight line.
    assert abs(e.value - 0.5) < 0.05


@pytest.mark.parametrize(("method", "slack"), [("correlation", 0.2), ("mst", 0.2), ("box", 0.3)])
def test_a_filled_square_has_dimension_two(method, slack):
    square = np.random.default_rng(3).random((2000, 2))

    assert abs(est.trajectory_dimension(square, method).value - 2) < slack


@pytest.mark.parametrize("method", ["correlation", "mst", "ph0", "box", "participation"])
@pytest.mark.parametrize("power", [-1000, -565, 600])
def test_the_size_of_a_path_changes_no_reading(method, power):
    walk = path(2.0, 100, 3, 0)

    plain, scaled = (est.trajectory_dimension(np.ldexp(walk, p), method) for p in (0, power))

    assert np.isfinite(plain.value)
    assert (scaled.value, scaled.low, scaled.flags) == (plain.value, plain.low, plain.flags)


def test_participation_ratio_of_independent_directions_counts_them():
    x = np.random.default_rng(4).standard_normal((2000, 5))

    # Bias (d + 1)/n and spread below 1%.
    assert abs(est.trajectory_dimension(x, "participation").value - 5) < 0.1


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


@pytest.mark.parametrize(("method", "slack"), [("box", 0.06), ("correlation", 0.08)])
def test_cantor_set_reads_its_dimension(method, slack):
    # Halving boxes see a set made of thirds unevenly, hence the slack.
    assert abs(est.trajectory_dimension(cantor(10), method).value - math.log(2) / math.log(3)) < slack


@pytest.mark.parametrize("method", ["box", "correlation", "mst", "ph0"])
def test_random_points_of_the_sierpinski_triangle_read_its_dimension(method):
    points = sierpinski(9)
    x = np.random.default_rng(1).permutation(points)[:2000]

    assert abs(est.trajectory_dimension(x, method).value - math.log(3) / math.log(2)) < 0.15


@pytest.mark.parametrize("method", ["mst", "ph0"])
def test_trees_equal_those_of_scipy(method):
    from scipy.sparse.csgraph import minimum_spanning_tree
    from scipy.spatial.distance import cdist

    from sdesim.estimators.dimension.readings import _trees

    x = np.random.default_rng(2).standard_normal((50, 3))
    apart = cdist(x, x)
    rows = np.array([np.random.default_rng(s).choice(50, 30, replace=False) for s in range(4)])

    grown = _trees(apart, rows)

    power = {"mst": 1.0, "ph0": 0.5}[method]
    for edges, r in zip(grown, rows, strict=True):
        reference = minimum_spanning_tree(apart[np.ix_(r, r)]).data
        assert (edges**power).sum() == pytest.approx((reference**power).sum(), rel=1e-12)


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


def test_participation_of_a_brownian_path_is_that_of_its_principal_components():
    # Eigenvalues ∝ 1/k²: (π²/6)²/(π⁴/90) = 2.5 for d → ∞.
    found = [est.trajectory_dimension(path(2.0, 400, 400, [7, s]), "participation").value for s in range(5)]

    # Spread between paths 0.27 in 64 dimensions.
    assert abs(np.mean(found) - 2.5) < 5 * 0.27 / math.sqrt(5)


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


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.sampled_from(["correlation", "mst", "ph0", "participation"]), st.floats(-3, 3))
def test_dimension_ignores_shift_scale_and_rotation(seed, method, decade):
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.standard_normal((80, 3)), axis=0)
    turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))

    moved = est.trajectory_dimension(10**decade * x @ turn + 3.0, method)

    assert moved.value == pytest.approx(est.trajectory_dimension(x, method).value, rel=1e-6)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_correlation_dimension_of_a_path_run_backwards_is_the_same(seed):
    x = np.cumsum(np.random.default_rng(seed).standard_normal((80, 3)), axis=0)

    one, other = est.trajectory_dimension(x), est.trajectory_dimension(x[::-1])

    assert other.value == pytest.approx(one.value, rel=1e-6)


@given(st.integers(1, 100), st.floats(0.1, 2.5))
def test_effective_dimension_lies_between_its_bounds(dim, alpha):
    corrected = est.effective_dimension(dim, alpha).value

    assert min(dim, 1) <= corrected <= min(dim, 2)
    assert est.effective_dimension(dim, alpha, method="literal").value == min(dim, alpha)


def test_effective_dimension_is_two_where_gauss_is_not_rejected():
    e = est.tail_index(np.random.default_rng(10).standard_normal((64, 16)))

    d = est.effective_dimension(16, e)

    assert d.value == 2
    assert d.has("gaussian_not_rejected")
    assert d.has("hypothetical")


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
        (lambda: est.effective_dimension(0, 1.5), "dim must be at least 1, got 0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(EstimatorError, match=message):
        call()
