"""Early stopping, the decision guide, batch size and weight decay."""

import math

import pytest

from sdesim.errors import RunError
from sdesim.training import (
    Measurement,
    advise,
    batch_size_for,
)


@pytest.mark.parametrize(
    ("p", "state"),
    [(0.2, "failing"), (0.4, "sub-threshold"), (0.5, "critical"), (0.6, "learning"), (0.75, "strong")],
)
def test_literal_advice_reads_the_bands_of_the_table(p, state):
    found = advise(Measurement.of(0, literal={"p": p}), method="literal")

    assert found.state == state
    assert math.isnan(found.confidence)


def test_corrected_advice_reads_c_against_c_star_and_proposes_the_rate_of_steepest_descent():
    m = Measurement.of(
        0, learning_rate=0.2, batch_size=16, C_alpha=(0.1, 0.08, 0.12), C_star=(0.2, 0.2, 0.2),
        C_1=(0.1 / 16, 0.08 / 16, 0.12 / 16), S=1.5, lambda_max=2.5, literal={"p": 0.8},
    )  # fmt: skip

    found = advise(m)

    # C/C* = 0.5 < 0.67, η* = ηC/(2C*) = 0.05, critical batch 160.
    assert found.state == "failing"
    assert found.learning_rate == pytest.approx(0.05)
    assert found.batch_size == pytest.approx(160)
    assert "0.05" in found.action
    assert "160" in found.action
    # The band ends at C = 0.1333, 3.3 standard errors above.
    assert found.confidence > 0.99
    assert sum(found.probabilities.values()) == pytest.approx(1.0)
    assert advise(m, method="literal").state == "strong"


def test_confidence_is_one_half_at_the_end_of_a_band():
    m = Measurement.of(0, C_alpha=(1.0, 0.9, 1.1), C_star=1.0, p=0.5)

    found = advise(m)

    assert found.state == "critical"
    assert found.confidence == pytest.approx(0.5)
    assert found.probabilities["sub-threshold"] == pytest.approx(0.5)


def test_unstable_curvature_comes_first_and_missing_curvature_is_said():
    unstable = Measurement.of(0, C_alpha=(9.0, 8.0, 10.0), C_star=1.0, S=-0.5)

    assert "unstable" in advise(unstable).action
    assert advise(Measurement.of(0, C_alpha=1.0)).state == "undefined"
    with pytest.raises(RunError, match="method must be one of"):
        advise(unstable, method="best")


def test_batch_size_is_the_target_in_units_of_the_critical_one():
    m = Measurement.of(0, C_1=(0.01, 0.008, 0.0125), batch_size=8)

    one, literal = batch_size_for(m), batch_size_for(m, "literal")

    assert (one.batch_size, one.critical.value) == (100, 100)
    assert (one.smallest.low, one.smallest.high) == pytest.approx((80, 125))
    assert (literal.smallest.value, literal.largest.value) == pytest.approx((150, 300))
    assert literal.batch_size == round(math.sqrt(150 * 300))
    assert "1.5 to 3 times the critical batch size" in literal.why


def test_without_signal_no_batch_size_is_named():
    found = batch_size_for(Measurement.of(0, C_1=(-0.01, -0.03, 0.01)))

    assert found.batch_size is None
    assert found.smallest.has("negative_signal")
    assert found.smallest.low == pytest.approx(100)
    for bad in (0.0, (2.0, 1.0), "wide"):
        with pytest.raises(RunError, match="target must be"):
            batch_size_for(Measurement.of(0, C_1=0.1), bad)
    with pytest.raises(RunError, match="needs a measurement with C_1"):
        batch_size_for(Measurement.of(0))
