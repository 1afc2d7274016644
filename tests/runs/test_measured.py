"""A measured quantity over all probes: its axes, its flags in words, and what stands in for an interval."""

import numpy as np

from sdesim.estimators import Estimate
from sdesim.runs.measured import Column

VALUE = np.array([[1.0, 2.0, np.nan], [4.0, 5.0, 6.0]])
LOW = np.where(VALUE == 5.0, np.nan, VALUE - 1)
HEAVY = VALUE > 4


def made(**flags):
    return Estimate(VALUE, LOW, VALUE + 1, 0.95, "made", 9, flags)


def test_flags_of_a_place_are_joined_and_missing_values_and_intervals_are_told_apart():
    text = Column(made(heavy=HEAVY, odd=VALUE == 6.0)).flag_text()

    assert text.tolist() == [["", "", "no_value"], ["", "heavy;no_interval", "heavy;odd"]]


def test_a_given_no_value_stands_and_a_given_no_interval_does_not():
    text = Column(made(no_value=VALUE == 1.0, no_interval=VALUE == 2.0)).flag_text()

    assert text.tolist() == [["no_value", "", ""], ["", "no_interval", ""]]


def test_axes_are_named_by_their_number():
    assert Column(made()).dims == ("trajectory", "probe")
    assert Column.bare(np.zeros((2, 3, 4))).dims == ("trajectory", "probe", "group")


def test_given_flags_take_the_place_of_the_estimate_s_own():
    estimate = made(heavy=HEAVY)

    assert set(Column.of(estimate).flags) == {"heavy"}
    column = Column.of(estimate, {"odd": HEAVY}, literal=-VALUE)
    assert set(column.flags) == {"odd"}
    np.testing.assert_array_equal(column.literal, -VALUE)
    for found, given in ((column.value, VALUE), (column.low, LOW), (column.high, VALUE + 1)):
        np.testing.assert_array_equal(found, given)


def test_a_bare_value_has_no_interval():
    column = Column.bare(VALUE, {"heavy": HEAVY})

    assert np.isnan([column.low, column.high]).all()
    assert column.flag_text().tolist() == [
        ["no_interval", "no_interval", "no_value"],
        ["no_interval", "heavy;no_interval", "heavy;no_interval"],
    ]
