"""One check for Python and files: the same is refused in the same words."""

from __future__ import annotations

import pytest

from sdesim.kinds import (
    read,
)
from tests.kinds.bowls import Bowl, messages

WRONG = [
    ({"rates": 1.0, "dim": 0}, "dim: found 0, allowed: a number of at least 1"),
    ({"rates": 1.0, "dim": 2.5}, "dim: found 2.5, allowed: a whole number of at least 1"),
    ({"rates": 1.0, "dim": True}, "dim: found True, allowed: a whole number of at least 1"),
    ({"rates": "x"}, "rates: found 'x', allowed: a number or a list of numbers"),
    (
        {"rates": [1.0, float("nan")]},
        "rates: found [1.0, nan], allowed: finite numbers, a number or a list of",
    ),
    ({"rates": []}, "rates: found [], allowed: a number or a list of numbers"),
    ({}, "rates: missing"),
    ({"rates": 1.0, "shpe": "flat"}, "shpe: unknown field, did you mean 'shape'?"),
    ({"rates": 1.0, "shape": "fla"}, "shape: found 'fla', allowed: round, flat, did you mean 'flat'?"),
    ({"rates": 1.0, "tilt": 2}, "tilt: found 2, allowed: a number of at most 1"),
    ({"rates": 1.0, "tilt": "a"}, "tilt: found 'a', allowed: a number of at least -1 and at most 1"),
    ({"rates": 1.0, "tilt": float("inf")}, "tilt: found inf, allowed: a finite number"),
    ({"rates": 1.0, "sizes": [1]}, "sizes: found (1,), allowed: at least 2 entries"),
    ({"rates": 1.0, "sizes": [1, 0]}, "sizes[1]: found 0, allowed: a number of at least 1"),
    ({"rates": [1, 2, 3]}, "rates: found 3 numbers, allowed: one or 1"),
]


@pytest.mark.parametrize(("fields", "words"), WRONG)
def test_python_and_files_refuse_the_same_in_the_same_words(fields, words):
    in_python = messages(lambda: Bowl(**fields))
    in_a_file = messages(lambda: read("test-bowls", {"kind": "bowl", **fields}))

    assert in_python.startswith(words)
    assert in_a_file == in_python


def test_every_field_that_does_not_fit_is_named():
    text = messages(lambda: Bowl(rates="x", dim=0, colour=1))

    assert [line.split(":")[0] for line in text.splitlines()] == ["rates", "dim", "colour"]


def test_too_many_fields_and_one_given_twice_are_errors_of_the_caller():
    with pytest.raises(TypeError, match="takes 6 fields"):
        Bowl(1, 2, "round", 0.1, (1, 2), None, 3)
    with pytest.raises(TypeError, match="rates twice"):
        Bowl(1.0, rates=2.0)
