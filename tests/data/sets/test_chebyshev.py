"""A Chebyshev polynomial."""

import numpy as np

from sdesim.data import chebyshev


def test_chebyshev_is_the_polynomial_at_equally_spaced_points():
    data = chebyshev(5, 20)

    x = data.x_train[:, 0]
    np.testing.assert_allclose(np.diff(x), 2 / 19)
    np.testing.assert_allclose(data.y_train[:, 0], 16 * x**5 - 20 * x**3 + 5 * x, atol=1e-12)
    assert (data.features, data.outputs, len(data.x_test)) == (1, 1, 0)
