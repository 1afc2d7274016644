"""Euler and Maruyama's step against its NumPy twin and closed forms."""

import pytest

from tests.engine.schemes.twins import ADDITIVE, DT, PRODUCT, against_twin


def euler_maruyama(x, v, i, j, grad, at, rate):
    return x - DT * grad(x) + at(x, i), v


@pytest.mark.parametrize("case", [ADDITIVE, PRODUCT], ids=["additive", "multiplicative"])
def test_a_step_of_euler_maruyama_is_that_of_its_numpy_twin(case):
    against_twin(case, "euler-maruyama", euler_maruyama)
