"""The contract of a noise's compiled fill function."""

from importlib import import_module

import numpy as np
import pytest

from tests.noise.filling import CASES, fill


@pytest.mark.parametrize("name", CASES)
def test_fill_adds_to_what_is_already_there(name):
    noise, dim = CASES[name]
    kernel = noise.kernel(dim, 0.01, 0.1)
    rows = 40 if kernel.enters == "examples" else dim
    increment = fill(kernel, rows, 0, 8)

    out0, out1 = np.ones((rows, 8)), np.full((rows, 8), 2.0)
    function = getattr(import_module(kernel.module), kernel.function)
    scratch = np.zeros((2, rows, 8))
    seed = np.uint64(2**63 + 5)
    function(seed, 3, 0, 7, kernel.params, kernel.data, out0, out1, scratch[0], scratch[1])

    # Differs from 1 + increment by roundings of the sums only.
    np.testing.assert_allclose(out0, 1.0 + increment[0], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(out1, 2.0 + increment[1], rtol=1e-12, atol=1e-13)
