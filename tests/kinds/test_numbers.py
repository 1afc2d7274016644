"""Values from outside as numbers and arrays that are what they should be."""

import math

import numpy as np
import pytest

from sdesim.errors import EstimatorError, SdesimError
from sdesim.kinds.numbers import (
    as_finite,
    as_index,
    as_label,
    as_mask,
    as_reals,
    as_start,
    as_theta,
    as_vectors,
    finite,
    level_of,
    number,
    one_of,
    positive,
    whole,
)


def test_what_fits_comes_back_as_a_number_or_an_array():
    assert as_theta([1, 2], 2).dtype == np.float64
    assert as_finite([1, 2], "rates").tolist() == [1.0, 2.0]
    assert finite(np.array([2.5]), "dt") == 2.5
    assert positive(np.float32(0.5), "dt") == 0.5
    assert whole(3.0, "steps") == 3
    assert isinstance(whole(np.int64(3), "steps"), int)
    assert number(-math.inf, "low") == -math.inf
    assert level_of(np.float64(0.9)) == 0.9
    assert as_index(np.int64(1), ("left", "right"), "well") == 1
    assert as_label("Lévy $α$\n", "name") == "Lévy $α$\n"


def test_arrays_come_back_as_they_are_asked_for():
    hidden = np.ma.MaskedArray([1.0, 2.0], [False, True])
    given = np.array([True, False])

    np.testing.assert_array_equal(as_reals(hidden, "x"), [1.0, math.nan])
    assert as_start([1, 2], 2).dtype == np.float64
    assert [a.shape for a in as_vectors(np.zeros((3, 2)), [1.0, 2.0], 2)] == [(3, 2), (3, 2)]
    mask = as_mask(given, 2)
    given[0] = False
    assert mask.tolist() == [True, False]


def test_a_word_that_is_allowed_passes_and_the_error_is_the_one_asked_for():
    one_of("b", ("a", "b"), "method")
    one_of(None, ("a", None), "method")
    with pytest.raises(EstimatorError):
        one_of("c", ("a", "b"), "method", EstimatorError)
    with pytest.raises(EstimatorError):
        level_of(1, error=EstimatorError)


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
        (lambda: number(math.nan, "low"), "low must be a number, got nan"),
        (lambda: number([1.0, 2.0], "low"), "low must be a number, got [1.0, 2.0]"),
        (lambda: level_of(1.0), "level must be between 0 and 1, got 1.0"),
        (lambda: level_of("x"), "level must be between 0 and 1, got 'x'"),
        (lambda: one_of("c", ("a", "b"), "method"), "method must be one of a, b, got 'c'"),
        (lambda: one_of([1], ("a", None), "method"), "method must be one of a, None, got [1]"),
        (lambda: as_index(2, ("left", "right"), "well"), "well must be one of 0 to 1, got 2"),
        (lambda: as_index(True, ("left", "right"), "well"), "well must be one of 0 to 1, got True"),
        (lambda: as_label(1, "name"), "name must be a text, got 1"),
        (lambda: as_label("\ud800", "name"), r"name must be a text that can be encoded, got '\ud800'"),
        (lambda: as_start([1.0, math.inf], 2), "start must be finite, got [1.0, inf]"),
        (lambda: as_reals([1j], "x"), "x must be a number or an array of numbers, got [1j]"),
        (
            lambda: as_vectors(np.zeros((3, 2)), np.zeros((4, 2)), 2),
            "theta of shape (3, 2) does not go with v of (4, 2)",
        ),
        (lambda: as_mask([1, 0], 2), "mask must be 2 booleans, at least one true, got int64 (2,)"),
        (lambda: as_mask(["a"], 2), "mask: found text, allowed: 2 booleans"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(call, words):
    with pytest.raises(SdesimError) as caught:
        call()

    assert str(caught.value) == words
