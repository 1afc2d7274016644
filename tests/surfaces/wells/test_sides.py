"""On which side of a barrier a coordinate is."""

import numpy as np

from sdesim.surfaces.wells.sides import side


def test_the_top_belongs_to_the_right_side_and_nan_to_none():
    x = np.array([[-np.inf, 0.4, 0.5], [0.6, np.inf, np.nan]])

    found = side(x, 0.5)

    assert found.tolist() == [[0, 0, 1], [1, 1, -1]]
    assert found.dtype == np.int64
    assert side(np.float64(0.5), 0.5) == 1
