"""Milstein's step against its NumPy twin, and the noises that it refuses."""

import pytest

import sdesim
from sdesim.errors import SdesimError
from tests.engine.schemes.twins import ADDITIVE, DT, GAUSSIAN, MULTIPLICATIVE, PRODUCT, WELL, against_twin


def milstein(x, v, i, j, grad, at, rate):
    if rate == 0:
        return x - DT * grad(x) + i, v
    return x - DT * grad(x) + x * i + 0.5 * x * (i**2 - rate * DT), v


@pytest.mark.parametrize("case", [ADDITIVE, PRODUCT], ids=["additive", "multiplicative"])
def test_a_step_of_milstein_is_that_of_its_numpy_twin(case):
    against_twin(case, "milstein", milstein)


def test_milstein_refuses_additive_and_multiplicative_noise_together():
    with pytest.raises(SdesimError, match="'milstein' takes additive or multiplicative noise, not both"):
        sdesim.simulate(WELL, [GAUSSIAN, MULTIPLICATIVE], dt=0.1, steps=1, scheme="milstein")
