"""Functions in single precision: nothing of them is worked out in float64."""

import numpy as np
import pytest

from sdesim.compiled.elementary import fma
from sdesim.compiled.jit import compiled
from sdesim.compiled.single import single

THIRD = 1.0 / 3.0


@compiled
def _helper(x):
    return fma(0.1, x * x, x * 0.7)


@compiled
def _bent(x, out):
    for k in range(x.size):
        out[k] = 4.0 * _helper(x[k]) + THIRD


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).standard_normal(33).astype(np.float32)


def test_the_twin_rounds_every_constant_and_works_in_float32(points):
    out = np.empty_like(points)

    single(_bent)(points, out)

    code = next(iter(single(_bent).inspect_llvm().values()))
    assert "double" not in code
    # A handful of roundings of 6e-8 each.
    x = points.astype(np.float64)
    np.testing.assert_allclose(out, 4.0 * (0.1 * x * x + 0.7 * x) + 1.0 / 3.0, rtol=0, atol=2e-6)


def test_the_function_itself_stays_as_it_is(points):
    wide, out = points.astype(np.float64), np.empty(points.size)

    single(_bent)
    _bent(wide, out)

    np.testing.assert_allclose(out, 4.0 * (0.1 * wide * wide + 0.7 * wide) + 1.0 / 3.0, rtol=1e-13)
    assert single(_bent) is single(_bent)
