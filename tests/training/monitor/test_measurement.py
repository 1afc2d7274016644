"""A measurement can be made by hand, and reads as one flat row."""

import math

import pytest

from sdesim.errors import RunError
from sdesim.estimators import Estimate
from sdesim.training import Measurement


def test_plain_numbers_triples_and_estimates_make_a_measurement():
    c = Estimate(1.5, 1.0, 2.0, 0.95, "debiased", 64)

    made = Measurement.of(
        20, learning_rate=0.5, p=(0.6, 0.5, 0.7), C_alpha=c, S=1.2, phase="transition", noise=3.0,
        literal={"p": 0.65}, groups={"0": (0.4, 0.1, 0.9)},
    )  # fmt: skip

    assert (made.step, made.time, made.temperature) == (20, 10.0, 1.5)
    assert (made.p.value, made.p.low, made.p.high) == (0.6, 0.5, 0.7)
    assert made.C_alpha is c
    assert made.S.value == 1.2
    assert made.S.has("no_interval")
    assert made.tail_index is None
    assert made.literal["p"].method == "literal"
    assert math.isnan(made.loss)


def test_the_row_of_a_measurement_holds_value_interval_and_literal_form():
    row = Measurement.of(3, p=(0.6, 0.5, 0.7), literal={"p": 0.65}, groups={"0": 0.4}, flags=("a", "b")).row()

    assert (row["p"], row["p_low"], row["p_high"], row["p_literal"]) == (0.6, 0.5, 0.7, 0.65)
    assert (row["I"], row["C_group.0"], row["flags"]) == (None, 0.4, "a;b")


def test_a_name_or_phase_that_does_not_exist_is_refused():
    with pytest.raises(RunError, match="no 'q'"):
        Measurement.of(q=1.0)
    with pytest.raises(RunError, match="phase must be one of"):
        Measurement.of(phase="grokking")
