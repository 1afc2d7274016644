"""The linear algebra of one lane: elimination, and the rotations of GMRES."""

import numpy as np

from sdesim.engine.kernels import newton


def test_elimination_solves_each_lane_by_itself_and_tells_a_singular_matrix():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((4, 5, 5))
    # A zero where the first pivot would be, and two equal rows.
    a[1, 0, 0], a[2, 3] = 0.0, a[2, 1]
    b = rng.standard_normal((4, 5))
    # matrix[column, row, lane].
    matrix, s = np.array(a.transpose(2, 1, 0), order="C"), np.array(b.T, order="C")
    solved = [newton.eliminate_lane(matrix, s, lane) for lane in range(4)]

    # Of two equal rows rounding may leave a tiny last pivot: whether lane 2 is told so is left open.
    assert [solved[0], solved[1], solved[3]] == [True] * 3
    for lane in (0, 1, 3):
        assert np.allclose(s[:, lane], np.linalg.solve(a[lane], b[lane]), rtol=1e-10)
    zero = np.zeros((2, 2, 1))
    assert not newton.eliminate_lane(zero, np.ones((2, 1)), 0)
    assert not newton.eliminate_lane(np.full((2, 2, 1), np.nan), np.ones((2, 1)), 0)


def test_rotations_leave_the_least_squares_residual_of_a_hessenberg_matrix():
    rng, m = np.random.default_rng(1), 4
    hessenberg = np.triu(rng.standard_normal((m + 1, m)), -1)
    hessenberg[np.arange(1, m + 1), np.arange(m)] = rng.uniform(0.5, 1.0, m)
    h, turn, rest = np.zeros((m, m + 1, 1)), np.zeros((m, 2, 1)), np.zeros((m + 1, 1))
    h[:, :, 0], rest[0, 0] = hessenberg.T, 2.0
    for j in range(m):
        left = newton.rotate_lane(h, turn, rest, j, 0)
    newton.combine_lane(h, rest, m, 0)

    right = np.zeros(m + 1)
    right[0] = 2.0
    best, (square,) = np.linalg.lstsq(hessenberg, right, rcond=None)[:2]
    assert np.allclose(rest[:m, 0], best, rtol=1e-10)
    assert np.isclose(left, np.sqrt(square), rtol=1e-10)
