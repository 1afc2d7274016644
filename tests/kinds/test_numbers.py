"""Values from outside as numbers and arrays that are what they should be."""

import math

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.kinds.numbers import as_finite, as_theta, finite, positive, whole


def test_what_fits_comes_back_as_a_number_or_an_array():
    assert as_theta([1, 2], 2).dtype == np.float64
    assert as_finite([1, 2], "rates").tolist() == [1.0, 2.0]
    assert finite(np.array([2.5]), "dt") == 2.5
    assert positive(np.float32(0.5), "dt") == 0.5
    assert whole(3.0, "steps") == 3
    assert isinstance(whole(np.int64(3), "steps"), int)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: as_theta(1.0, 2), "theta must have 2 coordinates in its last axis, got shape ()"),
        (lambda: as_finite([1.0, math.nan], "rates"), "rates must be finite, got [1.0, nan]"),
        (lambda: as_finite("x", "rates"), "rates must be a number or an array of numbers, got 'x'"),
        (
            lambda: as_finite([[math.nan] * 9] * 9, "x"),
            "x must be finite, got [[nan, nan, nan, nan, nan, nan, nan, nan, nan], [nan, nan…",
        ),
        (lambda: finite("2.5", "dt"), "dt must be a number, got '2.5'"),
        (
            lambda: whole(10**400, "steps"),
            f"steps must be below 2^64, got 1{'0' * 56}…",
        ),
        (lambda: finite(None, "dt"), "dt must be a number, got None"),
        (lambda: finite(math.inf, "dt"), "dt must be finite, got inf"),
        (lambda: positive(0, "dt"), "dt must be above 0, got 0"),
        (lambda: whole(1.5, "steps"), "steps must be a whole number, got 1.5"),
        (lambda: whole(True, "steps"), "steps must be a whole number, got True"),
        (lambda: whole(0, "steps"), "steps must be at least 1, got 0"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(call, words):
    with pytest.raises(SdesimError) as caught:
        call()

    assert str(caught.value) == words
