"""One flat and one sharp well."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import FlatSharp


def test_flat_sharp_wells_are_equally_deep_with_exactly_the_given_curvatures_and_one_barrier():
    surface = FlatSharp(flat_curvature=1.0, sharp_curvature=10.0, separation=4.0)

    minima = surface.minima()

    np.testing.assert_array_equal(minima[:, 0], [-2.0, 2.0])
    np.testing.assert_array_equal(surface.loss(minima), 0.0)
    np.testing.assert_allclose(surface.hvp(minima, [1.0])[:, 0], [1.0, 10.0])
    assert surface.grad([surface.top])[0] == pytest.approx(0.0, abs=1e-13)
    grad = surface.grad(np.linspace(-30, 30, 100_001)[:, None])[:, 0]
    assert np.count_nonzero(np.diff(np.sign(grad[grad != 0]))) == 3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: FlatSharp(1.0, -1.0, 4.0), "sharp_curvature: found -1.0, allowed: a number above 0"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
