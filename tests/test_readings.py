"""The study of readings by optimizer, made small."""

import math

import numpy as np
import pytest

from analysis.readings import exact
from analysis.readings.__main__ import markdown, numbers
from analysis.readings.optimizers import EVERYTHING
from analysis.readings.trial import trial
from sdesim.surfaces import MLP


@pytest.fixture(scope="module")
def trials():
    return [trial(name, 0, steps=12, truth=60) for name in ("SGD", "Adam", "Lion", "Muon")]


def test_only_optimizers_whose_step_has_a_linear_form_are_predicted(trials):
    predicted = {t.optimizer: math.isfinite(t.predicted.value) for t in trials}

    assert predicted == {"SGD": True, "Adam": True, "Lion": False, "Muon": False}


def test_progress_is_measured_whatever_the_optimizer_and_agrees_with_many_more_branches(trials):
    for t in trials:
        # Branches are independent; six half-widths are 12 standard errors (t with 15 degrees: below 1e-8).
        assert abs(t.measured.value - t.truth.value) < 6 * math.hypot(t.measured.half, t.truth.half)


def test_the_table_names_every_optimizer_that_was_tried(trials):
    table = markdown(trials, [])

    assert all(f"| {t.optimizer} |" in table for t in trials)
    assert {t.optimizer for t in trials} <= set(EVERYTHING)
    assert numbers(trials, [])


def test_readings_without_draws_tell_the_phase_that_the_truth_has():
    rng = np.random.default_rng(0)
    surface = MLP([4, 6, 3], rng.standard_normal((80, 4)), rng.integers(0, 3, 80), loss="cross_entropy")

    found = exact.moment(surface, np.array(surface.start), 0.3, 0, repeats=4, steps=200)

    # Of so few weights the trace is exact, so every reading holds it.
    assert (found.held, found.decided, found.wrong) == (4, 4, 0)
    assert found.jump_wrong == 0
    assert exact.markdown([found]).count("| 0.3 | 0 |") == 1
