"""Quantities of one's own and of installed packages."""

from __future__ import annotations

import importlib.metadata
from importlib.metadata import EntryPoint

import numpy as np
import pytest

import sdesim
import sdesim.runs.quantities as table
from sdesim.comparison import compare
from sdesim.errors import RunError
from sdesim.estimators import Estimate
from sdesim.runs import measure
from sdesim.runs.provenance import provenance
from sdesim.runs.quantities import ENTRY_POINTS, lookup, names, unregister
from sdesim.runs.quantity_row import Quantity
from sdesim.scenario.summary import _end_values
from sdesim.scenario.whole_run import mean_values
from sdesim.training import Measurement
from tests.runs.complete_run import SIZES, complete_run
from tests.runs.expected import ask

SHAPE = (SIZES["trajectory"], SIZES["probe"])


def test_a_quantity_of_ones_own_is_measured_expected_compared_summarised_and_monitored(own, run):
    m, other = measure(run), complete_run("simulated", seed=1, name="sde")

    expected = (run["signal"] + run["noise"]) ** 0.5
    np.testing.assert_array_equal(m["gradient_scale"], expected)
    assert ask("gradient_scale", run, m).value == pytest.approx(float(expected[:, -1].mean()))
    assert set(compare(other, run, ["gradient_scale"]).quantities) == {"gradient_scale"}
    assert "gradient_scale" not in compare(other, run).quantities
    assert "gradient_scale" in _end_values(run, m)
    assert "gradient_scale" in mean_values(run, m)
    assert Measurement.of(1, gradient_scale=2.0).gradient_scale.value == 2.0
    assert lookup("gradient_scale").meaning == "Root mean square of a gradient"


def test_a_quantity_whose_needs_a_run_does_not_meet_is_left_out(own, run):
    assert "gradient_scale" not in measure(run.drop_vars(["signal", "noise"]))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda run, measured: np.zeros(3), r"must give numbers of shape \(3, 7\)"),
        (lambda run, measured: (np.zeros(SHAPE), np.zeros(SHAPE)), "found 2 arrays"),
        (lambda run, measured: run["nothing"], "quantity mine: KeyError"),
        (
            lambda run, measured: Estimate(0.5, 0.4, 0.6, 0.95, "mine", 8),
            r"must give numbers of shape \(3, 7\)",
        ),
        (lambda run, measured: np.full(SHAPE, "a"), "must give numbers"),
    ],
)
def test_a_function_that_gives_something_else_is_named(function, message, run):
    sdesim.quantity("mine")(function)
    try:
        with pytest.raises(RunError, match=message):
            measure(run)
    finally:
        unregister("mine")


def test_a_function_may_give_an_estimate_with_flags_or_nothing(run):
    doubtful = {"doubtful": np.eye(*SHAPE, dtype=bool)}
    made = Estimate(np.ones(SHAPE), np.zeros(SHAPE), np.full(SHAPE, 2.0), 0.95, "mine", 8, doubtful)
    sdesim.quantity("mine")(lambda run, measured: made)
    sdesim.quantity("nothing")(lambda run, measured: None)
    try:
        m = measure(run)
    finally:
        unregister("mine")
        unregister("nothing")

    assert str(m["mine_flags"].values[0, 0]) == "doubtful"
    assert str(m["mine_flags"].values[0, 1]) == ""
    assert "nothing" not in m


def test_an_installed_package_adds_its_quantities(monkeypatch, run):
    row = Quantity("packaged", "a plug-in's", function=lambda run, measured: run["signal"])
    monkeypatch.setattr(EntryPoint, "load", lambda self: row)
    monkeypatch.setattr(
        importlib.metadata,
        "entry_points",
        lambda group: [EntryPoint("packaged", "a_package:row", ENTRY_POINTS)],
    )
    monkeypatch.setattr(table, "_entry_points_are_loaded", False)
    try:
        assert "packaged" in names(lambda r: True)
        assert "packaged" in measure(run)
        assert provenance()["quantities"] == {"packaged": __name__}
    finally:
        unregister("packaged")
