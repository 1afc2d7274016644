"""Crossings of one half."""

from __future__ import annotations

from sdesim.training import (
    Measurement,
)
from sdesim.training.monitor.threshold import CrossingDetector


def test_a_crossing_is_told_once_when_confirmed_and_names_p_c_and_i_before_and_after():
    detector, history, told = CrossingDetector(confirm=3), [], []
    for step, p in enumerate([0.3, 0.3, 0.3, 0.7, 0.7, 0.7, 0.7, 0.7]):
        found = {"p": (p, p - 0.05, p + 0.05), "C_alpha": (p / (1 - p), 0.1, 9.0), "I": (p / 4, 0.0, 1.0)}
        history.append(Measurement.of(step, **found))
        told += detector.update(history)

    assert len(told) == 1
    assert told[0].found.step == 5
    assert (told[0].before.p.value, told[0].after.p.value) == (0.3, 0.7)
    for text in ("p 0.3 → 0.7", "C_alpha 0.429 → 2.33", "I 0.075 → 0.175"):
        assert text in str(told[0])


def test_the_literal_detection_tells_every_step_from_below_to_above_one_half():
    detector, history, told = CrossingDetector(method="crossing"), [], []
    for step, p in enumerate([0.4, 0.6, 0.5, 0.51, 0.9]):
        history.append(Measurement.of(step, literal={"p": p}))
        told += detector.update(history)

    assert [c.after.step for c in told] == [1, 3]
