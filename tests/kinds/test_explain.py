"""What is said of a kind from its signature and docstring."""

from sdesim.kinds.explain import example_of, field_rows, flow, type_words
from tests.kinds.bowls import Bowl, Within


def test_the_fields_of_a_kind_in_words():
    rows = {row.name: row for row in field_rows(Bowl)}

    assert list(rows) == ["rates", "dim", "shape", "tilt", "sizes"]
    assert rows["rates"].as_dict() == {
        "name": "rates", "type": "number or list of numbers", "required": True, "default": "",
        "text": "λ, one for all or one each.",
    }  # fmt: skip
    assert (rows["dim"].type, rows["dim"].default) == ("whole number at least 1", "1")
    assert (rows["shape"].type, rows["shape"].default) == ("round, flat", "round")
    assert (rows["tilt"].type, rows["tilt"].default) == ("number at least -1 and at most 1 or null", "null")
    assert rows["sizes"].default == "[1, 2]"


def test_a_type_in_words():
    assert type_words({"x-family": "noise"}) == "a kind of noise"
    assert type_words({"type": "array", "items": {"type": "integer", "minimum": 1}}) == (
        "list of whole numbers at least 1"
    )
    assert type_words({}) == "anything"


def test_a_value_in_one_line_of_yaml():
    assert flow({"a": [1, 0.5, None], "b": True}) == "{a: [1, 0.5, null], b: true}"


def test_the_example_of_the_docstring_or_what_must_be_given():
    assert example_of("test-bowls", "bowl", Bowl) == "{kind: bowl, rates: 2.0}"
    assert example_of("test-bowls", "within", Within) == "{kind: within, …}"
