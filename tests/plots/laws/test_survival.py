"""Survival beside its law."""

from __future__ import annotations

import numpy as np
import pytest

from sdesim import plots
from sdesim.estimators.core.binomial import wilson
from sdesim.plots.style import NothingToDraw
from tests.plots.ensembles import ensemble

STILL = np.zeros((8, 11, 1))
TIMES = np.array([1.0, 2.0, 2.0, 4.0, np.nan, np.nan, np.nan, np.nan])


def test_survival_begins_at_time_0_with_wilsons_band_of_all_trajectories():
    ax = plots.survival(ensemble(STILL, exits=TIMES))

    (line,) = ax.lines
    np.testing.assert_allclose(line.get_xdata(), [0, 1, 2, 4, 5])
    np.testing.assert_allclose(line.get_ydata(), np.array([8, 7, 5, 4, 4]) / 8)
    edges = ax.collections[0].get_paths()[0].vertices
    low, high = wilson(np.array([1.0, 0.5]), 8)
    at_start = edges[edges[:, 0] == 0][:, 1]
    assert at_start.min() == pytest.approx(low[0])
    assert at_start.max() == pytest.approx(1.0)
    assert edges[edges[:, 0] == 5][:, 1].min() == pytest.approx(low[1])
    assert edges[edges[:, 0] == 5][:, 1].max() == pytest.approx(high[1])


def test_a_law_is_an_exponential_of_a_mean_or_a_function_for_all_or_by_name():
    runs = {"a": ensemble(STILL, exits=TIMES), "b": ensemble(STILL, exits=TIMES / 2)}

    one = plots.survival(runs, 3.0)
    named = plots.survival(runs, {"b": lambda t: 1 / (1 + t)})

    t, s = one.lines[-1].get_data()
    np.testing.assert_allclose(s, np.exp(-t / 3))
    assert one.get_legend_handles_labels()[1][-1] == "exp(−t/3)"
    assert (len(named.lines), named.lines[-1].get_color()) == (3, named.lines[1].get_color())
    with pytest.raises(NothingToDraw, match="positive number"):
        plots.survival(runs, -1.0)


def test_a_share_that_falls_far_gets_a_logarithmic_axis_and_no_exit_nothing():
    many = np.zeros((40, 11, 1))

    assert plots.survival(ensemble(many, exits=np.linspace(0.1, 5, 40))).get_yscale() == "log"
    assert plots.survival(ensemble(STILL, exits=TIMES)).get_yscale() == "linear"
    with pytest.raises(NothingToDraw, match="no run holds an exit"):
        plots.survival(ensemble(STILL, exits=np.full(8, np.nan)))
