"""The study of moving truths: its readings are unbiased, and its tables have their rows."""

from __future__ import annotations

import math

import numpy as np

from analysis.monitor.phases import trial
from analysis.monitor.phases.__main__ import windows
from analysis.monitor.phases.optimizers import progress


def test_its_readings_are_those_of_gradients_with_this_signal_and_noise():
    ratio, trace = trial.truth_of("falls, 2 to 1", 0.3)
    signal, noise = trial._readings(ratio, trace, 20, 400, np.random.default_rng(0))

    for found, true in ((signal, ratio * trace), (noise, trace)):
        # Five standard errors of the mean of all (6e-7).
        gap = (found - true).mean(axis=1)
        assert abs(gap.mean()) < 5 * gap.std() / math.sqrt(len(gap))
        assert gap.std() / math.sqrt(len(gap)) < 0.02


def test_where_nothing_moves_most_intervals_hold_the_truth_and_tables_have_a_line_for_each_case():
    assert len(windows(1)) == 3 * len(trial.TRUTHS)
    # 54 intervals that hold it in 95%: fewer than 40 have a chance of 2e-7.
    assert trial.window_coverage("constant", 0.3, 50, 9, 2).recent > 40 / 54


def test_phases_of_a_descent_from_far_away_are_told_at_first():
    told = trial.phase_coverage(trial.DESCENT, 0.9, 4, 1, every=5)

    assert told.told > 0


def test_steps_of_a_network_are_read_with_a_batch_outside_or_without():
    for name in ("momentum 0.9", "Adam"):
        found = progress(name, 110, 0)
        assert math.isfinite(found.read)
        assert abs(found.read) < 0.1
        assert found.error > 0
