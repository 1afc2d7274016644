"""Heun's step against its NumPy twin."""

import pytest

from tests.engine.schemes.twins import ADDITIVE, DT, PRODUCT, against_twin


def heun(x, v, i, j, grad, at, rate):
    """In the sense of Itô: the drift of the Stratonovich equation is −∇L − ½ s² x."""

    def drift(y):
        return -grad(y) - 0.5 * rate * y

    y = x + DT * drift(x) + at(x, i)
    return x + 0.5 * DT * (drift(x) + drift(y)) + 0.5 * (at(x, i) + at(y, i)), v


@pytest.mark.parametrize("case", [ADDITIVE, PRODUCT], ids=["additive", "multiplicative"])
def test_a_step_of_heun_is_that_of_its_numpy_twin(case):
    against_twin(case, "heun", heun)
