"""The `Estimate`: of one number as it always was, of an array one at each place."""

import json
import math
import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from sdesim import estimators as est

ONE = est.Estimate(1.5, 1.0, 2.0, 0.95, "debiased", 20, ("negative_signal",), {"noise": 3.0})
MANY = est.Estimate(
    np.array([[1.0, np.nan], [-2.0, np.inf]]), np.array([[0.5, np.nan], [-3.0, np.nan]]), np.nan, 0.9,
    "debiased", np.array([8, 16]), {"negative_signal": np.array([[False, False], [True, False]])},
    {"noise": np.arange(4.0).reshape(2, 2), "name": "a"},
)  # fmt: skip


def test_of_one_number_it_is_plain():
    assert str(ONE) == "1.5 [1, 2] (negative_signal)"
    assert float(ONE) == 1.5
    assert replace(ONE) == ONE
    assert replace(ONE, n=21) != ONE
    assert ONE.flags == ("negative_signal",)
    assert ONE.has("negative_signal") is True
    assert ONE.shape == ()
    assert "value=1.5, low=1.0, high=2.0, level=0.95, method='debiased', n=20" in repr(ONE)
    assert json.loads(json.dumps(ONE.to_dict()))["flags"] == ["negative_signal"]
    with pytest.raises(FrozenInstanceError):
        ONE.value = 2.0
    with pytest.raises(TypeError, match="no places"):
        ONE[0]
    # As before: a NaN is the same NaN.
    nothing = est.Estimate(math.nan, math.nan, math.nan, 0.95, "m", 0)
    assert nothing == est.Estimate(math.nan, math.nan, math.nan, 0.95, "m", 0)


def test_of_an_array_every_field_has_its_shape():
    assert MANY.shape == MANY.value.shape == MANY.low.shape == MANY.high.shape == (2, 2)
    assert MANY.n.tolist() == [[8, 16], [8, 16]]
    assert MANY.method.tolist() == [["debiased"] * 2] * 2
    assert MANY.flags["negative_signal"].tolist() == MANY.has("negative_signal").tolist()
    assert MANY.has("zero_noise").tolist() == [[False] * 2] * 2
    everywhere = est.Estimate(np.zeros(3), np.nan, np.nan, 0.95, "m", 1, ("units",))
    assert everywhere.flags["units"].tolist() == [True] * 3


def test_a_place_of_an_array_is_a_plain_one():
    at = MANY[1, 0]

    assert at == est.Estimate(
        -2.0, -3.0, at.high, 0.9, "debiased", 8, ("negative_signal",), {"noise": 2.0, "name": "a"}
    )
    assert type(at.value) is float
    assert type(at.n) is int
    row = MANY[1]
    assert row.shape == (2,)
    assert (row[0].value, row[0].low, row[0].flags) == (at.value, at.low, at.flags)
    assert row.details["noise"].tolist() == [2.0, 3.0]


def test_arrays_are_equal_element_by_element_and_nan_equals_nan():
    same = pickle.loads(pickle.dumps(MANY))

    assert same == MANY
    assert replace(MANY, value=MANY.value + 1) != MANY
    assert replace(MANY, flags={}) != MANY
    assert ONE != MANY
    assert MANY != ONE


def test_an_array_has_a_plain_form_for_json():
    found = MANY[:, 0].to_dict()

    assert json.loads(json.dumps(found)) == found | {"high": pytest.approx([math.nan] * 2, nan_ok=True)}
    assert found["flags"] == {"negative_signal": [False, True]}


def test_an_interval_turns_with_a_falling_form():
    turned, kept = (
        ONE.mapped(lambda x: 1 / x, falling=True, flags=("units",)),
        MANY.mapped(np.negative, falling=True),
    )

    assert (turned.value, turned.low, turned.high) == (1 / 1.5, 0.5, 1.0)
    assert turned.flags == ("negative_signal", "units")
    assert kept.high[1, 0] == 3.0
    assert kept.flags.keys() == MANY.flags.keys()


def test_arrays_are_short_in_print_and_both_are_tables():
    many = est.Estimate(
        np.array([[1.0, 2.0], [3.0, np.nan]]), 0.0, 4.0, 0.95, "<m>", 7, {"odd": np.eye(2, dtype=bool)}
    )

    assert repr(many) == (
        "<Estimate of (2, 2): values 1 to 3; not finite 1 of 4; level 0.95; method <m>; flags odd (2)>"
    )
    assert "<m>" not in many._repr_html_()
    assert "&lt;m&gt;" in many._repr_html_()
    table = many.to_table()
    assert table.loc[(1, 0), "value"] == 3.0
    assert list(table["flags"]) == ["odd", "", "", "odd"]
    assert len(ONE.to_table()) == 1
    assert "[1, 2]" in ONE._repr_html_()
