"""Orders of schemes for equations of one's own."""

import numpy as np
import pytest

import sdesim
from sdesim import noise, sdes, surfaces
from sdesim.errors import SdesimError

EQUATION = sdes.OrnsteinUhlenbeck(1.0, 0.5)


def test_euler_on_an_ornstein_uhlenbeck_process_is_of_order_one_in_both_senses():
    found = sdesim.convergence(EQUATION, 1.0, theta0=2.0, trajectories=2000)

    assert found.strong.low < 1.05
    assert found.strong.high > 0.98
    assert found.weak.low < 1.05
    assert found.weak.high > 0.95
    # E x(T)² of n steps in closed form: the weak errors are differences of it, to 5 standard errors each.
    step = 1.0 / np.array([16, 32, 64, 128, 256])
    mean = (1 - step) ** (2 / step)
    square = 4.0 * mean + 0.25 * step * (1 - mean) / (1 - (1 - step) ** 2)
    np.testing.assert_array_less(np.abs(found.weak_error - np.abs(np.diff(square))), 5 * found.weak_se)
    assert found.power == 2.0
    assert list(found.to_table().index) == [16, 32, 64, 128]
    assert len(found.plot().lines) >= 2


def test_paths_that_every_step_walks_exactly_have_no_order():
    found = sdesim.convergence(sdes.OrnsteinUhlenbeck(0.0, 0.5), 1.0, steps=(2, 4), trajectories=200)

    assert found.strong.flags == ("rounding",)
    assert found.weak.flags == ("rounding",)


def test_quantities_without_a_mean_under_heavy_tails_are_refused():
    with pytest.raises(SdesimError, match=r"has no mean under noise of tail index 1\.5"):
        sdesim.convergence(
            surfaces.Quadratic([1.0]),
            1.0,
            noise=noise.Stable(alpha=1.5, scale=0.3),
            quantity=lambda x: x[0] ** 2,
        )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": (16,)}, "steps: found 1 number, allowed: at least two"),
        ({"steps": (3, 8)}, "steps: found 3, allowed: divisors of the largest, 8"),
        ({"trajectories": 10}, "trajectories must be at least 100"),
        ({"T": 0.0}, "T must be above 0"),
        ({"theta0": [1.0, 2.0]}, r"theta0 must be a number or \(1,\)"),
    ],
)
def test_bad_input_is_refused_by_name(options, words):
    with pytest.raises(SdesimError, match=words):
        sdesim.convergence(EQUATION, **({"T": 1.0} | options))
