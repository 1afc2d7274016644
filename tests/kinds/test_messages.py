"""pydantic's errors in the user's words."""

from typing import Annotated

from annotated_types import Ge, Le

from sdesim.kinds.messages import say


def test_unknown_and_missing_fields():
    unknown = {"type": "extra_forbidden", "input": 1}

    assert say([unknown], "shpe", ["shape", "dim"]) == "unknown field, did you mean 'shape'?"
    assert say([{"type": "missing", "input": {}}], "dim", ["dim"]) == "missing"


def test_a_type_that_does_not_fit_is_told_with_the_bounds_of_the_field():
    wrong = {"type": "float_type", "input": "x"}
    bounded = Annotated[float, Ge(-1), Le(1)]

    assert say([wrong], "tilt", [], bounded) == "found 'x', allowed: a number of at least -1 and at most 1"
    assert (
        say([wrong, {"type": "list_type", "input": "x"}], "tilt", [])
        == "found 'x', allowed: a number or a list"
    )


def test_a_bound_that_is_broken_and_a_word_that_is_none_of_the_choices():
    small = {"type": "greater_than", "input": 0, "ctx": {"gt": 0}}
    word = {"type": "literal_error", "input": "fla", "ctx": {"expected": "'round' or 'flat'"}}

    assert say([small], "dt", []) == "found 0, allowed: a number above 0"
    assert say([word], "shape", []) == "found 'fla', allowed: round, flat, did you mean 'flat'?"
