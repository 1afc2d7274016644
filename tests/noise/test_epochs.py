"""Noise of sampling without replacement: the exact covariance of shuffled epochs."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.noise import increments
from sdesim.noise.epochs import Epochs, epoch_kernel, orders
from sdesim.noise.kernel import Drawn


def exact_covariance(epochs):
    """Cov(y_k, y_l) of steps (S, S), the factor of the centring over examples: by counting draws."""
    n = epochs.examples
    sizes = np.repeat(epochs.batches, epochs.parts) / epochs.parts
    return (np.diag(1 / sizes) - 1 / n) / (n - 1)


CASES = [(12, 3, 1, True), (14, 4, 1, True), (14, 4, 1, False), (12, 4, 2, True), (9, 9, 3, True)]


@pytest.mark.parametrize("case", CASES)
def test_the_gaussian_is_the_linear_map_whose_covariance_is_that_of_shuffled_batches(case):
    epochs = Epochs(*case)
    _, _, sizes, left = epochs.places(0, epochs.length)
    spread, b, m = epochs.spread(sizes, left), sizes / epochs.parts, left / epochs.parts

    # Step k as a combination of the normals of all steps, by the recursion of the kernel.
    rows, owed = [], np.zeros(epochs.length)
    for k in range(epochs.length):
        y = owed / m[k]
        y[k] += spread[k]
        owed = owed - b[k] * y
        rows.append(y)
    made = np.array(rows) @ np.array(rows).T

    np.testing.assert_allclose(made, exact_covariance(epochs), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("law", ["gaussian", "subsample"])
@pytest.mark.parametrize("case", CASES[:4])
def test_drawn_weights_have_the_covariance_of_shuffled_batches(case, law):
    epochs, n, dt, K = Epochs(*case), case[0], 0.1, 12_000
    made = increments(epoch_kernel(epochs, law, dt), n, K, epochs.length, seed=3) / -dt

    steps = np.einsum("kwi,lwi->kl", made, made) / (K * (n - 1))
    exact = exact_covariance(epochs)
    first = made[:, :, 0]
    one = first @ first.T / K / (1 - 1 / n)

    # Each is a mean of K products of variance at most about 2 (of Gaussians, or bounded): 6 standard errors.
    size = np.sqrt(np.outer(np.diag(exact), np.diag(exact)) * 2 / K)
    assert np.all(np.abs(one - exact) < 6 * size + 1e-12)
    # All examples at once, of which n − 1 are free.
    assert np.all(np.abs(steps - exact) < 6 * size / np.sqrt(n - 1) * np.sqrt(2) + 1e-12)


@pytest.mark.parametrize("law", ["gaussian", "subsample"])
def test_weights_are_centred_over_examples_and_over_an_epoch_that_sees_all_of_them(law):
    epochs = Epochs(12, 4, 2, True)
    made = increments(epoch_kernel(epochs, law, 1.0), 12, 5, 2 * epochs.length, seed=1)

    np.testing.assert_allclose(made.sum(axis=2), 0.0, atol=1e-14)
    np.testing.assert_allclose(made[:6].sum(axis=0), 0.0, atol=1e-14)
    np.testing.assert_allclose(made[6:].sum(axis=0), 0.0, atol=1e-14)
    assert np.abs(made[:6] - made[6:]).max() > 0.1


def test_batches_are_those_of_the_epochs_orders_and_hold_every_example_once():
    epochs, drawn = Epochs(11, 4, 1, False), Drawn(7, 2, 3, 2, 11, 100)
    made = increments(epoch_kernel(epochs, "subsample", 0.5), 11, 2, 6, seed=7, stream=2, first=3)

    for epoch in range(2):
        shuffled = orders(epochs, drawn, epoch)
        for lane in range(2):
            np.testing.assert_array_equal(np.sort(shuffled[lane]), np.arange(11))
            for k, rows in enumerate(np.split(shuffled[lane], [4, 8])):
                taken = np.flatnonzero(made[3 * epoch + k, lane] < 0)
                np.testing.assert_array_equal(taken, np.sort(rows))
    assert not np.array_equal(orders(epochs, drawn, 0), orders(epochs, drawn, 1))


def test_what_can_be_no_epoch_is_refused():
    with pytest.raises(SdesimError, match="at most the 3 examples"):
        Epochs(3, 4)
    with pytest.raises(SdesimError, match="must come apart into the 2 steps"):
        epoch_kernel(Epochs(9, 3, 2), "subsample", 0.1)


@pytest.mark.parametrize("law", ["gaussian", "subsample"])
def test_the_last_batch_of_an_epoch_that_sees_all_is_what_the_rest_is_expected_to_be(law):
    epochs, drawn = Epochs(11, 4, 1, False), Drawn(7, 0, 0, 2, 11, 100)
    path = epoch_kernel(epochs, law, 0.5).ahead
    state, last = path.start(drawn), np.zeros((4, 11, 2))
    path.fill(drawn, 0, 2, state, np.zeros((4, 11, 2)))

    for lane in range(2):
        one = Drawn(7, 0, lane, 1, 11, 100)
        left, share, expected = path.rest(one, 2, state[:, lane])
        assert (left, share) == (3.0, 0.0)
        path.fill(one, 2, 3, np.array(state[:, lane : lane + 1]), last[:, :, lane : lane + 1])
        np.testing.assert_allclose(last[2, :, lane] / -0.5, expected, atol=1e-15)
    # At the beginning nothing is known of the next batch, whose noise is that of 4 out of 11.
    left, share, expected = path.rest(one, 3, state[:, 0])
    assert left == 11.0
    assert share == pytest.approx((11 - 4) / (4 * (11 - 1)))
    np.testing.assert_allclose(expected, 0.0, atol=1e-15)
