"""The study of smoothed readings holds estimates against the truth that it drew them from."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.smoothing import __main__ as command
from analysis.smoothing import trial


@pytest.mark.parametrize("heavy", [False, True])
def test_readings_are_of_the_known_c_with_a_noise_of_trace_one(heavy):
    rng = np.random.default_rng(1)
    truth = np.full(200, 0.1)

    signal, noise, _, _ = trial._sums(truth, 16, rng, heavy)

    # 200 readings: Var Tr Σ̂ = (2 + κ)/(15 · 12) each, κ = 6 for t₅; Var |ḡ|² below 0.1²; at five deviations.
    assert abs(noise.mean() - 1) < 5 * np.sqrt(8 / 180 / 200)
    assert abs((signal - noise / 16).mean() - 0.1) < 5 * 0.1 / np.sqrt(200)


def test_decided_phases_are_judged_by_the_side_of_the_truth_and_at_c_star_all_are_wrong():
    words = np.array([["generalization", "exploration", "transition", "generalization"]])

    assert command.decided(words, np.array([0.1, 0.1, 0.1, 0.01])) == ("0.75", "0.5000")
    assert command.decided(words, np.full(4, trial.CRITICAL))[1] == "0.7500"


def test_a_row_of_the_tables_has_all_its_columns():
    first, second = command.row("jump, 0.2 to 0.02", 8, 16, False, trainings=2)

    assert first.count("|") == 8
    assert second.count("|") == 11
    assert second.split(" | ")[-3] == "1"
