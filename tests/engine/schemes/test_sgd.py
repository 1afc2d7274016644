"""The SGD step is the update of a loop, and dt is the learning rate."""

import numpy as np
import pytest

import sdesim
from sdesim import noise
from sdesim.engine import drive
from sdesim.errors import SdesimError
from tests.engine.schemes.twins import BOWL, GAUSSIAN
from tests.engine.simulated import NETWORK


def test_sgd_is_the_update_of_a_numpy_loop_bit_for_bit():
    eta, start = 0.0625, np.array([[1.3, -0.7]])
    path = drive(BOWL, [GAUSSIAN], start, np.zeros((50, 1, 2)), dt=eta, scheme="sgd")

    # η is a power of two, so η g is exact and one rounding is left, fused or not.
    theta = start.copy()
    for n in range(50):
        theta -= eta * BOWL.grad(theta)
        assert path[n].tobytes() == theta.tobytes()


def test_sgd_refuses_a_step_that_is_not_the_learning_rate():
    with pytest.raises(SdesimError, match=r"^dt: found 0\.05, allowed: 0\.1, the learning rate, by which"):
        sdesim.simulate(BOWL, dt=0.05, learning_rate=0.1, steps=2, scheme="sgd", progress=False)


def test_a_subsample_step_at_dt_equal_to_eta_is_an_sgd_step():
    batch = noise.Minibatch(NETWORK, 4, 0.1, law="subsample")
    run = sdesim.simulate(NETWORK, batch, dt=0.1, steps=1, seed=9, progress=False)
    weights = noise.increments(batch.kernel(NETWORK.dim, 0.1, 0.1), 40, 1, seed=9)[0, 0]

    # The increments are −(count/B − 1/n) dt, so adding the drift leaves −dt count/B.
    counts = np.rint((weights / -0.1 + 1 / 40) * 4)
    assert counts.sum() == 4
    gradient = (counts / 4) @ NETWORK.example_gradients(NETWORK.start)
    np.testing.assert_allclose(run.theta.values[0, -1], NETWORK.start - 0.1 * gradient, atol=1e-14)
