"""Signals of MNIST-1D."""

import numpy as np
import pytest

from sdesim.data import mnist1d


def test_mnist1d_is_standardised_balanced_and_deterministic():
    a, b, c = mnist1d(400, 100, seed=3), mnist1d(400, 100, seed=3), mnist1d(400, 100, seed=4)

    np.testing.assert_array_equal(a.x_train, b.x_train)
    assert not np.array_equal(a.x_train, c.x_train)
    everything = np.vstack([a.x_train, a.x_test])
    assert everything.shape == (500, 40)
    assert everything.mean() == pytest.approx(0.0, abs=1e-12)
    assert everything.std() == pytest.approx(1.0)
    np.testing.assert_array_equal(np.bincount(np.concatenate([a.y_train, a.y_test])), 50)


def test_mnist1d_leaves_the_global_generator_alone():
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002

    mnist1d(10, 10)

    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_label_noise_of_mnist1d_leaves_signals_and_test_labels():
    clean, noisy = mnist1d(400, 100, seed=1), mnist1d(400, 100, label_noise=0.15, seed=1)

    assert np.sum(clean.y_train != noisy.y_train) == 60
    np.testing.assert_array_equal(clean.x_train, noisy.x_train)
    np.testing.assert_array_equal(clean.y_test, noisy.y_test)


MOMENTS_OF_MNIST1D = [
    (lambda x, y: np.mean(x**4), 4.3842, 0.0160),
    (lambda x, y: np.mean(x**3), -0.0743, 0.0077),
    (lambda x, y: np.mean(x[:, 1:] * x[:, :-1]), 0.8157, 0.0006),
    (lambda x, y: np.mean(x[:, 5:] * x[:, :-5]), 0.1992, 0.0018),
    (lambda x, y: np.mean(x[:, 20] ** 2), 1.0121, 0.0167),
    (lambda x, y: np.mean(x[y == 0]), 0.4593, 0.0025),
    (lambda x, y: np.std(x[y == 4]), 0.8897, 0.0053),
    (lambda x, y: np.mean(np.abs(x).max(axis=1)), 2.5288, 0.0028),
    (lambda x, y: np.mean(np.diff(x, n=2, axis=1) ** 2), 0.5224, 0.0024),
]


def test_mnist1d_has_the_moments_of_the_published_generator():
    data = mnist1d(20_000, 0, seed=0)

    # Expected: means over four sets of 20,000 signals from make_dataset of the package mnist1d 0.0.2. The
    # errors are those of the difference, from the spread over 20 sets; Student's t passes 8 at 19 degrees of
    # freedom with a probability of 1.7e-7.
    x, y = data.x_train, data.y_train
    for statistic, expected, error in MOMENTS_OF_MNIST1D:
        assert statistic(x, y) == pytest.approx(expected, abs=8 * error)
