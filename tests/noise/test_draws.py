"""Increments: their bits do not depend on how the work is split."""

import numpy as np
import pytest

from sdesim.noise import Stable
from tests.noise.filling import CASES, fill


@pytest.mark.parametrize("name", CASES)
def test_bits_of_an_increment_do_not_depend_on_the_width_of_the_block(name):
    noise, dim = CASES[name]
    kernel = noise.kernel(dim, 0.01, 0.1)
    rows = 40 if kernel.enters == "examples" else dim

    whole = fill(kernel, rows, 1000, 64)

    for width in (1, 2, 3, 8, 17):
        parts = [fill(kernel, rows, 1000 + k, min(width, 64 - k)) for k in range(0, 64, width)]
        np.testing.assert_array_equal(np.concatenate(parts, axis=2), whole)
    assert np.all(np.isfinite(whole))
    assert np.any(whole != 0)


@pytest.mark.parametrize(
    "name", ["gaussian-scalar", "cms", "cms-skewed", "isotropic", "cms-isotropic", "wide-inverted"]
)
def test_bits_agree_between_coordinates_walked_in_one_column_and_in_rows(name):
    # A long column is vectorised along its coordinates, a block along its trajectories.
    noise, _ = CASES.get(name, (Stable(1.5, 0.2, sampler="inversion"), 0))
    kernel = noise.kernel(301, 0.01, 0.1)

    column = fill(kernel, 301, 5, 1)
    block = fill(kernel, 301, 5, 64)

    np.testing.assert_array_equal(column[:, :, 0], block[:, :, 0])
