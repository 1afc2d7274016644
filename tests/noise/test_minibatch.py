"""Minibatch noise: the covariance of sampling, and the step of SGD."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.noise import Context, Minibatch, increments
from sdesim.surfaces import SurfaceKernel


class Examples:
    """A surface of n examples with constant gradients, as far as the noise looks at it."""

    dim = 2

    def __init__(self, n):
        self.gradients = np.random.default_rng(n).standard_normal((n, 2)) + 1.0

    def kernel(self):
        return SurfaceKernel("", "", "", np.zeros(0), weighted_grad="w", examples=len(self.gradients))

    def example_gradients(self, theta, indices):
        return self.gradients[indices]


@pytest.mark.parametrize("law", ["gaussian", "subsample"])
def test_minibatch_noise_has_the_covariance_of_sampling_with_replacement(law):
    surface, batch, eta, dt, n = Examples(30), 5, 0.2, 0.1, 40_000
    noise = Minibatch(surface, batch, eta, law=law)
    exact = np.cov(surface.gradients.T, bias=True) / batch

    weights = increments(noise.kernel(2, dt, 1.0), 30, n // 2, 2, seed=3).reshape(-1, 30)
    increment = weights @ surface.gradients
    probe = noise.gradient_noise(np.zeros(2), 123.0, n, np.random.default_rng(1))

    # Kurtosis of a mean of 5 bounded draws is near the Gaussian one: 5 standard errors cover the excess.
    error = np.sqrt((exact**2 + np.outer(np.diag(exact), np.diag(exact))) / n)
    assert np.all(np.abs(np.cov(probe.T) - exact) < 5 * error)
    assert np.all(np.abs(np.cov(increment.T) - eta * dt * exact) < 5 * eta * dt * error)
    np.testing.assert_allclose(weights.sum(axis=1), 0.0, atol=1e-13)


def test_subsample_weights_at_dt_equal_to_the_learning_rate_make_the_sgd_step():
    n, batch, eta = 30, 5, 0.2
    noise = Minibatch(Examples(n), batch, eta, law="subsample")

    weights = increments(noise.kernel(2, eta, eta), n, 100, 4, seed=3)

    # −η/n from the drift plus the noise's weight is −η count/B with whole counts that sum to B.
    counts = (eta / n - weights) * batch / eta
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-12)
    np.testing.assert_allclose(counts.sum(axis=-1), batch)
    assert counts.min() > -1e-12


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Minibatch(Examples(3), 0, 0.1), "batch_size: found 0, allowed: a number of at least 1"),
        (
            lambda: Minibatch(Examples(3), 2, 0.1, law="levy"),
            "law: found 'levy', allowed: gaussian, subsample",
        ),
        (lambda: Minibatch(Examples(3), 2, 0.1).validate(5), "has 2 coordinates, the simulated one 5"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()


def test_epochs_are_drawn_as_the_real_arm_draws_them_unless_told_otherwise():
    there = Context(2, 0.2, Examples(30), 5, sampling="epoch", drop_last=False)

    told = Minibatch(sampling="with-replacement").resolved(there)

    assert Minibatch().resolved(there) == Minibatch(there.surface, 5, 0.2, "gaussian", "epoch", False)
    assert told.sampling == "with-replacement"
    assert Minibatch().resolved(Context(2, 0.2, there.surface, 5)).sampling == "with-replacement"


def test_steps_of_an_epoch_are_a_learning_rate_over_a_whole_number():
    noise = Minibatch(Examples(30), 5, 0.2, sampling="epoch")
    half = Minibatch(noise.surface, 5, 0.2, "subsample", "epoch")

    assert noise.kernel(2, 0.1, 0.2).ahead.epochs.parts == 2
    with pytest.raises(SdesimError, match=r"the learning rate 0\.2 over a whole number"):
        noise.kernel(2, 0.15, 0.2)
    (problem,) = half.problems_at(Context(2, 0.2), 0.1)
    assert problem[0] == ("law",)
    assert "2 steps to a learning rate share out the batch of 5" in problem[1]
