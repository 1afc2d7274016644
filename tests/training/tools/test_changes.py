"""What to change in a training, in lines."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from sdesim.errors import RunError
from sdesim.io.files import to_json
from sdesim.training import Measurement, advice_lines, findings
from sdesim.training.tools.changes import WITHIN, critical_batch


def said(**given):
    return advice_lines([Measurement.of(100, **given)])


def of_batch(value, low, high, size=128, **given):
    """A measurement with this critical batch."""
    return Measurement.of(100, batch_size=size, C_1=(1 / value, 1 / high, 1 / low), **given)


def test_the_critical_batch_is_c_of_one_example_inverted_and_open_above_where_that_holds_zero():
    found = critical_batch(of_batch(41, 33, 52))
    assert (found.value, found.low, found.high) == pytest.approx((41, 33, 52))

    found = critical_batch(Measurement.of(0, C_1=(-0.001, -0.01, 0.01)))
    assert math.isnan(found.value)
    assert (found.low, found.high) == (pytest.approx(100), math.inf)


@pytest.mark.parametrize(
    ("critical", "change", "text"),
    [
        # Half of 128 is 64: the upper end must lie at or below it, not the value.
        ((41, 33, 52), "halve", "batch size could be halved: B_crit = 41 [33, 52], you use 128"),
        ((20, 15, 31), "halve", "batch size could be halved and more"),
        ((41, 33, 65), "", "open whether another batch size would pay"),
        # Twice 128 is 256: so must the lower end.
        ((300, 257, 400), "double", "batch size could be doubled: B_crit = 300 [257, 400], you use 128"),
        ((300, 255, 400), "", "open whether another batch size would pay"),
        ((120, 90, 200), "", "batch size is about right"),
    ],
)
def test_another_batch_is_advised_where_the_whole_interval_lies_beyond_half_or_twice_the_batch(
    critical, change, text
):
    (found,) = findings(of_batch(*critical))

    assert found.change == change
    assert found.text.startswith(text)
    assert found.resolved == (not text.startswith("open"))


def test_nothing_is_advised_of_a_batch_whose_examples_may_depend_on_one_another():
    (found,) = findings(of_batch(41, 33, 52, flags=("losses_assumed",)))

    assert not found.resolved
    assert not found.change
    assert found.text.startswith("open whether another batch size would pay: B_crit = 41 [33, 52]")
    assert "micro-batches" in found.why


def test_the_cost_of_another_batch_is_that_of_mccandlish():
    (found,) = findings(of_batch(41, 33, 52))

    # (1 + 41/64)/(1 + 41/128) of the steps, half of that of the examples; and at both ends.
    cost = found.values["cost"]
    assert cost["steps"] == pytest.approx([1.64062 / 1.32031, 1.51562 / 1.25781, 1.8125 / 1.40625], rel=1e-4)
    assert cost["examples"] == pytest.approx([s / 2 for s in cost["steps"]])
    told = "at batch 64: 1.24 [1.2, 1.29] × the steps, 0.621 [0.602, 0.644] × the examples"
    assert found.why == f"{told}; B_crit is the noise scale 1/C_1, within a factor of {WITHIN:g} in our study"


def test_a_critical_batch_without_an_upper_end_supports_a_larger_batch_and_never_a_smaller():
    first, second = said(batch_size=16, C_1=(-0.1, -0.2, 1 / 1100))
    assert first == "batch size could be doubled and more: B_crit above 1,100, you use 16"
    assert second.startswith("at batch 32: 0.5 to 0.507 × the steps, 1 to 1.01 × the examples; B_crit is")

    first, _ = said(batch_size=4096, C_1=(0.001, -0.002, 0.004))
    assert first.startswith("nothing is resolved yet; open whether")
    # All of whose interval is cut off at 0: no signal was seen, and nothing says how large a batch would be.
    first, second = said(batch_size=8, C_1=(-0.02, 0.0, 0.0), C_alpha=(-0.2, 0.0, 0.0))
    assert first.endswith("open whether another batch size would pay: B_crit unknown, you use 8")
    assert second == "more readings are needed"
    # Without an interval nothing is supported.
    assert said(batch_size=4096, C_1=0.1)[0].startswith("nothing is resolved yet; open whether")


def test_the_noise_scale_with_a_hessian_is_taken_where_its_interval_says_more_than_1_over_c():
    def told(ends, at=100, last=100):
        bent = Measurement.of(at, batch_size=128, critical_batch_hessian=ends)
        (found,) = findings([bent, replace(of_batch(41, 33, 52), step=last)])
        return found

    # Half of 128 is 64; 2.6 times 300 is 780, and 300/2.6 is 115.4.
    found = told((300, 257, 400))
    assert found.text == "batch size could be doubled: B_crit = 300 [257, 400], you use 128"
    words = "B_crit is the noise scale with Hessian and edge, within a factor of 2.1 in our study"
    assert found.why.endswith(words)
    assert told((300, 116, 779)).text.startswith("open whether another batch size would pay: B_crit = 300")
    assert told((300, 116, 779)).why == "more readings with a Hessian are needed"
    for ends in ((300, 115, 779), (300, 116, 781), (300, 200, math.inf), (math.nan, 257, math.inf)):
        assert told(ends).text.startswith("batch size could be halved: B_crit = 41 [33, 52]"), ends
        assert told(ends).why.endswith(
            f"B_crit is the noise scale 1/C_1, within a factor of {WITHIN:g} in our study"
        )
    # What was measured in the first half of the steps is of another time.
    assert told((300, 257, 400), at=100, last=200).text.startswith("batch size could be doubled")
    assert told((300, 257, 400), at=99, last=200).text.startswith("batch size could be halved")


def test_what_is_open_says_how_many_readings_would_tell():
    def history(count, window):
        from sdesim.estimate import Estimate

        c = Estimate(3.0, 1.5, 4.5, 0.95, "contributions", min(count, window))
        one = c.mapped(lambda x: x / 128)
        return [Measurement.of(10 * k, batch_size=128, C_alpha=c, C_1=one) for k in range(count)]

    # The half-width of 1.5 must fall to 3 − 2 = 1: 1.5² times the readings, 10 steps apart.
    first, second = advice_lines(history(20, 64))
    assert "open whether another batch size would pay: B_crit = 42.7 [28.4, 85.3]" in first
    assert second == "about 25 more readings would tell: some 250 steps at the present pace"
    moving = replace(history(20, 64)[-1].C_alpha, details={"readings": 6.0})
    last = Measurement.of(200, batch_size=128, C_alpha=moving, C_1=moving.mapped(lambda x: x / 128))
    assert advice_lines([*history(19, 64), last])[1] == (
        "C moves: 6 of its 20 readings count; closer ones, of a larger budget, would tell"
    )
    assert advice_lines(history(80, 64))[1] == "a window of about 144 readings would tell; it is one of 64"


def test_the_edge_of_stability_is_told_from_its_ratio_or_the_margin():
    near = "step is at 0.97 [0.94, 1.01] of the edge of stability: a larger learning rate would not be stable"
    assert said(edge_ratio=(0.97, 0.94, 1.01))[0] == near
    # S = 2(1 − λ/λ_crit).
    assert said(S=(0.06, -0.02, 0.12))[0] == near
    assert "past the edge" in said(edge_ratio=(1.2, 1.01, 1.4))[0]
    assert said(edge_ratio=(0.95, 0.85, 1.05))[0] == (
        "no change is called for so far: step is at 0.95 [0.85, 1.05] of the edge of stability"
    )
    assert "would allow a larger" in said(edge_ratio=(0.3, 0.2, 0.4))[0]
    assert said(edge_ratio=0.97)[0].startswith("nothing is resolved yet")


def test_held_out_data_is_no_longer_helped_only_where_intervals_say_so():
    train = (-0.01, -0.02, -0.008)

    def of(low, high):
        return said(progress=train, progress_heldout=((low + high) / 2, low, high))[0]

    assert of(0.001, 0.002).startswith("steps raise the held-out loss: 0.0015 [0.001, 0.002] a step")
    # Less than a tenth of the 0.008 that training surely gains.
    assert of(-0.0007, 0.0005).startswith("steps no longer help held-out data")
    assert "no longer" not in of(-0.0009, 0.0005)
    assert of(-0.009, -0.001).startswith("no change is called for so far: steps lower the training loss")


def test_a_phase_is_told_where_no_progress_was_measured_and_c_star_is_that_of_the_optimizer():
    drift = (0.1, 0.05, 0.15)
    assert said(phase="exploration", lyapunov_drift=drift)[0].startswith(
        "steps raise the training loss: drift 0.1 [0.05, 0.15]; lower the learning rate"
    )
    assert said(phase="transition", lyapunov_drift=drift)[0].startswith(
        "nothing is resolved yet; open whether steps lower the training loss: drift 0.1 [0.05, 0.15]"
    )
    foreign = said(phase="exploration", lyapunov_drift=drift, flags=("optimizer_not_modelled",))
    assert foreign[0].startswith("nothing is resolved yet")
    measured = said(phase="exploration", lyapunov_drift=drift, progress=(-0.2, -0.3, -0.1))
    assert (
        measured[0]
        == "no change is called for so far: steps lower the training loss: −0.2 [−0.3, −0.1] a step"
    )


def test_the_smaller_last_batch_of_an_epoch_is_not_the_batch_in_use():
    history = [of_batch(41, 33, 52, size=size) for size in (128, 128, 104)]
    assert "you use 128" in findings(history)[0].text
    # Another batch for good is the one in use after three readings.
    history += [of_batch(41, 33, 52, size=104) for _ in range(2)]
    assert "you use 104" in findings(history)[0].text


def test_an_older_reading_that_is_decided_does_not_stand_for_a_newer_one_that_is_not():
    old = Measurement.of(100, progress=(-0.2, -0.3, -0.1))
    new = Measurement.of(200, progress=(-0.1, -0.3, 0.1))
    (found,) = findings([old, new])
    assert not found.resolved
    assert found.text == "open whether steps lower the training loss: −0.1 [−0.3, 0.1] a step"
    # A phase may decide what progress does not.
    new = Measurement.of(
        200, progress=(-0.1, -0.3, 0.1), phase="exploration", lyapunov_drift=(0.1, 0.05, 0.15)
    )
    assert findings([old, new])[0].text.startswith("steps raise the training loss: drift 0.1")


def test_of_a_phase_that_is_open_the_pairs_that_would_tell_are_named():
    from sdesim.estimate import Estimate

    drift = Estimate(-1.0, -3.0, 1.0, 0.95, "successive", 100, details={"pairs_needed": 400.0})
    first, second = advice_lines([Measurement.of(10, phase="transition", lyapunov_drift=drift)])
    assert first.endswith("open whether steps lower the training loss: drift −1 [−3, 1]")
    assert second == "about 400 pairs of steps would tell; it is of 100"


def test_the_newest_reading_of_each_quantity_counts_with_its_step_and_flags():
    old = of_batch(41, 33, 52, flags=("weights_by_examples",))
    new = Measurement.of(300, batch_size=128, edge_ratio=(0.97, 0.94, 1.01))

    found = {f.about: f for f in findings([old, new])}
    assert found["batch"].text.endswith("you use 128 at step 100 (flagged: weights by examples)")
    assert found["batch"].flags == ("weights_by_examples",)
    # What is urgent comes first, and the second line is the next finding.
    assert [f.about for f in findings([old, new])] == ["rate", "batch"]
    assert advice_lines([old, new])[1].startswith("batch size could be halved")
    told = json.loads(to_json([f.to_dict() for f in findings([old, new])]))
    assert told[1]["values"]["critical_batch"] == pytest.approx([41, 33, 52])


def test_without_measurements_or_what_they_need_it_says_so():
    assert said(loss=1.0) == (
        "nothing is resolved yet: nothing that says what to change was measured",
        "",
    )
    with pytest.raises(RunError, match="no measurements"):
        findings([])
