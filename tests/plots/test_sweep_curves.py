"""Curves along an axis of a sweep, and the power laws of exit times."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from sdesim.comparison.sweep_fits import exit_power_laws
from sdesim.comparison.sweep_table import SweepTable
from sdesim.plots.phase_maps import quantity_map
from sdesim.plots.sweep_curves import curves
from tests.plots.sweeps import ALL, ALPHA, table


def test_maps_and_curves_draw_into_given_axes_with_the_words_of_the_table():
    data = SweepTable.of(table(lambda a, s: (0.3 / s) ** 2))
    one, three = Figure().subplots(), Figure().subplots(1, 1, squeeze=False)

    drawn = quantity_map(data, ALL, "C_alpha", "end", axes=one)
    lines = curves(data, 1, "C_alpha", "end", axes=three)

    assert list(drawn) == [one]
    assert list(lines) == [three[0, 0]]
    assert lines[0].get_ylabel() == "signal to noise C at the end"
    assert lines[0].lines[-1].get_ydata()[0] == 1.0


def test_exit_times_that_follow_a_power_law_give_its_exponent_for_each_alpha():
    data = SweepTable.of(table(lambda a, s: 3 * s**-a, "exit_time.mean", "whole run"))

    found = [f.to_dict() for f in exit_power_laws(data)]

    assert [(f["held"], f["axis"]) for f in found] == [(f"alpha = {a}", "scale") for a in ALPHA]
    for f, a in zip(found, ALPHA, strict=True):
        assert f["value"] == pytest.approx(-a)
        assert f["low"] < -a < f["high"]
    drawn = curves(data, 1, "exit_time.mean", "whole run", "T")
    assert drawn[0].get_xscale() == drawn[0].get_yscale() == "log"
