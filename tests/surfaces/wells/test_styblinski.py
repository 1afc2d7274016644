"""Known values of Styblinski and Tang's wells."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import Styblinski


def test_styblinski_has_the_published_minimum_and_names_every_well():
    surface = Styblinski(3)

    minima = surface.minima()

    assert surface.wells == ("lll", "llr", "lrl", "lrr", "rll", "rlr", "rrl", "rrr")
    np.testing.assert_allclose(minima[0], -2.903534, atol=1e-6)
    assert surface.loss(minima[0]) == pytest.approx(3 * -39.16617, abs=1e-4)
    np.testing.assert_array_equal(np.argsort(surface.loss(minima), kind="stable")[[0, -1]], [0, 7])
    assert surface.well([[-1.0, 1.0, 0.1], [3.0, 0.2, -9.0]]).tolist() == [2, 6]


def test_styblinski_counts_wells_by_depth_where_there_are_too_many_to_name():
    surface = Styblinski(11)

    minima = surface.minima()

    assert surface.wells == tuple(str(k) for k in range(12))
    np.testing.assert_allclose(np.diff(surface.loss(minima)), 14.13672, atol=1e-4)
    assert surface.well(minima[5][::-1]) == 5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Styblinski(0), "dim: found 0, allowed: a number of at least 1"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
