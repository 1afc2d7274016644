"""Views of arms: in what forms data may be given, and the colours they get."""

from __future__ import annotations

import numpy as np
import pytest

from sdesim import plots
from sdesim.errors import RunError
from sdesim.plots.arms import ArmView, arm_views, views_of
from sdesim.plots.look import REAL, SIMULATED


def test_data_are_one_run_runs_by_name_or_runs_in_a_row(runs, measured):
    one = plots.curve(runs["net"], "C_alpha", measured=measured["net"])
    named = plots.curve(runs, "C_alpha", measured=measured)
    row = plots.curve(list(runs.values()), "C_alpha", measured=list(measured.values()))
    alone = plots.curve(runs["net"], "C_alpha")

    np.testing.assert_array_equal(one.lines[0].get_ydata(), alone.lines[0].get_ydata())
    assert named.get_legend_handles_labels()[1] == row.get_legend_handles_labels()[1]
    with pytest.raises(RunError, match="two runs have one name"):
        plots.curve([runs["net"], runs["net"]], "loss")


def test_real_arms_come_first_and_colours_go_by_kind_and_place(runs):
    others = {"first": runs["sde"], "second": runs["sde"], "trained": runs["net"]}

    views = arm_views(others, {})

    assert [(v.name, v.kind) for v in views] == [
        ("trained", "real"), ("first", "simulated"), ("second", "simulated")
    ]  # fmt: skip
    assert [(v.colour, v.line) for v in views] == [REAL[0], SIMULATED[0], SIMULATED[1]]
    assert all(v.measured is None for v in views)
    assert views_of(views) == views


def test_a_curve_leaves_out_a_trajectory_that_is_mostly_missing_and_times_that_any_other_lacks(runs):
    run = runs["net"].copy(deep=True)
    loss = run["loss"].transpose("trajectory", "step").values
    loss[0, 5:] = np.nan
    loss[1, 7] = np.nan
    view = ArmView("net", "real", run.assign(loss=(("trajectory", "step"), loss)), None, *REAL[0])

    times, curve = view.curve("loss")

    kept = np.delete(loss[1:], 7, axis=1)
    assert curve.n == 2
    assert times.size == loss.shape[1] - 1
    np.testing.assert_allclose(curve.mean, kept.mean(axis=0), rtol=1e-14)
    assert view.curve("C_alpha") is None


def test_an_attribute_that_is_no_number_is_nan(runs):
    view = ArmView("net", "real", runs["net"], None, *REAL[0])

    assert view.attribute("learning_rate") == 0.1
    assert np.isnan(view.attribute("optimizer"))
    assert np.isnan(view.attribute("nothing"))
