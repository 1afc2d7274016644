"""The double well."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import DoubleWell


def test_double_well_has_the_stated_barrier_and_curvature():
    surface = DoubleWell(barrier=0.7)

    np.testing.assert_array_equal(surface.start, [-1.0])
    assert surface.loss([0.0]) - surface.loss([-1.0]) == pytest.approx(0.7)
    assert surface.hvp([-1.0], [1.0])[0] == pytest.approx(8 * 0.7)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DoubleWell(barrier=0.0), "barrier: found 0.0, allowed: a number above 0"),
        (lambda: DoubleWell(tilt=1.0), "tilt: found 1, allowed: within"),
        (lambda: DoubleWell(dim=2).loss([1.0]), "theta must have 2 coordinates"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
