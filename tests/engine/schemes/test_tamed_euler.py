"""The tamed Euler step against its NumPy twin, and where it survives."""

import numpy as np
import pytest

from sdesim import noise, surfaces
from tests.engine.schemes.twins import ADDITIVE, DT, PRODUCT, against_twin
from tests.engine.simulated import simulate


def tamed_euler(x, v, i, j, grad, at, rate):
    g = grad(x)
    return x - DT * g / (1 + DT * np.linalg.norm(g, axis=1, keepdims=True)) + at(x, i), v


@pytest.mark.parametrize("case", [ADDITIVE, PRODUCT], ids=["additive", "multiplicative"])
def test_a_step_of_tamed_euler_is_that_of_its_numpy_twin(case):
    against_twin(case, "tamed-euler", tamed_euler)


def test_tamed_euler_survives_where_euler_explodes():
    case = (surfaces.DoubleWell(), [noise.Stable(1.2, 2.0)])
    euler = simulate(case, dt=0.05, steps=400, trajectories=200, scheme="euler-maruyama")
    tamed = simulate(case, dt=0.05, steps=400, trajectories=200, scheme="tamed-euler")

    assert (euler.status.values == 1).any()
    assert (tamed.status.values == 0).all()
