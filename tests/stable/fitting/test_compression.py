"""A large sample by weighted points."""

import numpy as np

from sdesim.stable.fitting.compression import LARGEST_WHOLE, compress

X = np.sort(np.random.default_rng(0).standard_cauchy(20_000))


def test_sums_of_smooth_functions_are_those_of_the_sample_within_the_error_that_is_told():
    small = compress(X)
    whole = np.log1p((X - 0.3) ** 2)
    values = np.log1p((small.points - 0.3) ** 2)

    error = abs(small.weights @ values - whole.sum())

    assert small.points.size < 1000
    assert error <= small.errors(values).sum() + 1e-9 * X.size
    assert error < 1e-3


def test_splitting_the_worst_panels_lowers_the_error():
    def peak(x):
        return np.exp(-20 * x * x)

    small = compress(X)
    errors = small.errors(peak(small.points))
    finer = small.split(np.flatnonzero(errors > 0.01 * errors.max()))

    assert finer.errors(peak(finer.points)).sum() < 0.05 * errors.sum()
    assert abs(finer.weights @ peak(finer.points) - peak(X).sum()) < 0.05 * errors.sum()


def test_a_small_sample_and_equal_values_are_their_own_points():
    few = compress(X[:LARGEST_WHOLE])
    same = compress(np.sort(np.repeat([0.0, 1.0, 5.0], 1000)))

    assert few.exact
    assert np.array_equal(few.points, X[:LARGEST_WHOLE])
    assert same.exact
    np.testing.assert_allclose(same.weights @ same.points**2, 26_000.0, rtol=1e-12)


def test_no_point_lies_beyond_the_sample():
    small = compress(X)

    assert X[0] * (1 + 1e-12) <= small.points.min()
    assert small.points.max() <= X[-1] * (1 + 1e-12)
