"""No drift."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import Flat


def test_it_is_flat_has_no_wells_and_starts_at_the_origin():
    surface = Flat(3)

    assert surface.wells == ()
    np.testing.assert_array_equal(surface.start, np.zeros(3))
    np.testing.assert_array_equal(surface.grad([1.0, 2.0, 3.0]), np.zeros(3))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Flat(0), "dim: found 0, allowed: a number of at least 1"),
        (lambda: Flat(2.5), "dim: found 2.5, allowed: a whole number of at least 1"),
        (lambda: Flat(), "dim: missing"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
