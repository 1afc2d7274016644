"""Fields of scenario models: whole numbers, and nothing that was not asked for."""

import pytest
from pydantic import ValidationError

from sdesim.scenario.base import Count, Positive, Strict, whole


class Part(Strict):
    count: Count = 1
    size: Positive = 1.0


def test_a_whole_number_may_be_written_as_a_float():
    assert whole(1e5) == 100_000
    assert isinstance(whole(1e5), int)
    assert whole(1.5) == 1.5
    assert whole("1") == "1"
    assert Part(count=1e3).count == 1000


@pytest.mark.parametrize(
    ("fields", "sort"),
    [
        ({"count": 0}, "greater_than_equal"),
        ({"count": "1"}, "int_type"),
        ({"size": float("inf")}, "finite_number"),
        ({"colour": 1}, "extra_forbidden"),
    ],
)
def test_what_is_not_strictly_a_field_is_refused(fields, sort):
    with pytest.raises(ValidationError) as caught:
        Part.model_validate(fields)

    assert [error["type"] for error in caught.value.errors()] == [sort]


def test_the_model_of_each_group_is_noted_for_messages():
    data, noted = {"count": 2}, {}

    Part.model_validate(data, context=noted)

    assert noted == {id(data): Part}
