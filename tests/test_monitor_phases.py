"""The study of moving truths: its readings are unbiased, and its tables have their rows."""

from __future__ import annotations

import math

import numpy as np

from analysis.monitor.phases import trial
from analysis.monitor.phases.__main__ import table


def test_its_readings_are_those_of_gradients_with_this_signal_and_noise():
    ratio, trace = trial.truth_of("falls, 2 to 1", 0.3)
    signal, noise = trial._readings(ratio, trace, 20, 400, np.random.default_rng(0))

    for found, true in ((signal, ratio * trace), (noise, trace)):
        # Five standard errors of the mean of all (6e-7).
        gap = (found - true).mean(axis=1)
        assert abs(gap.mean()) < 5 * gap.std() / math.sqrt(len(gap))
        assert gap.std() / math.sqrt(len(gap)) < 0.02


def test_where_nothing_moves_most_intervals_hold_the_truth_and_both_tables_are_whole():
    lines = table(3, 3, 60, 1).splitlines()

    assert len([line for line in lines if line.startswith("| constant")]) == 3 + 2
    assert len([line for line in lines if line.startswith(("| SGD", "| Adam"))]) == 5
    # 54 intervals that hold it in 95%: fewer than 40 have a chance of 2e-7.
    assert trial.window_coverage("constant", 0.3, 50, 9, 2).recent > 40 / 54
