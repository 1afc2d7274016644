"""Noise of one gradient out of the increments of the engine's noises."""

import numpy as np
import pytest

from sdesim.engine.plan import make_plan
from sdesim.errors import RunError
from sdesim.noise import Gaussian, Multiplicative, Stable
from sdesim.noise.draws import increments
from sdesim.surfaces import Quadratic
from sdesim.training.twinning.drawn_noise import DrawnNoise

ETA = 0.1


def plan(noise, dt=ETA):
    return make_plan(
        Quadratic(np.ones(3)), noise, theta0=None, dt=dt, steps=8, trajectories=2, seed=4, learning_rate=ETA,
        scheme="euler-maruyama", save_every=None, save="theta", events=(), probes=None, first=5,
    )  # fmt: skip


@pytest.mark.parametrize(("noise", "index"), [(Gaussian(0.3), 2.0), (Stable(1.5, 0.2), 1.5)])
def test_a_share_has_its_increment_over_the_rate_in_units_of_its_own_law(noise, index):
    for share in (1.0, 0.25):
        drawn = DrawnNoise(plan([noise], share * ETA), share)
        kernel = noise.kernel(3, share * ETA, ETA)
        expected = -increments(kernel, 3, 2, 8, seed=4, first=5) / (ETA * share ** (1 / index))

        drawn.open(0, 8)
        for step in (3, 2, 7):
            ((found, values),) = drawn.at(step).added
            assert found == index
            np.testing.assert_allclose(values.numpy(), expected[step], rtol=1e-12)


def test_sets_of_numbers_are_independent_and_noise_of_the_state_is_none_of_gradients():
    made = plan([Gaussian(0.3), Stable(1.5, 0.2)])
    one, other = DrawnNoise(made, 1.0), DrawnNoise(made, 1.0, draw=1)

    values = [[v.numpy() for _, v in drawn.at(0).added] for drawn in (one, other)]

    assert not set(np.ravel(values[0])) & set(np.ravel(values[1]))
    with pytest.raises(RunError, match="depends on the state"):
        DrawnNoise(plan([Multiplicative(0.3)]), 1.0)
