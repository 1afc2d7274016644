"""How each method reads the dimension of lines, squares, fractals and principal components."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim import estimators as est
from tests.estimators.samples import cantor, path, sierpinski

SEEDS = st.integers(0, 2**32 - 1)


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


def test_participation_of_a_brownian_path_is_that_of_its_principal_components():
    # Eigenvalues ∝ 1/k²: (π²/6)²/(π⁴/90) = 2.5 for d → ∞.
    found = [est.trajectory_dimension(path(2.0, 400, 400, [7, s]), "participation").value for s in range(5)]

    # Spread between paths 0.27 in 64 dimensions.
    assert abs(np.mean(found) - 2.5) < 5 * 0.27 / math.sqrt(5)


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
