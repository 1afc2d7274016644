"""Curves over time are functions of data and axes that give axes."""

from __future__ import annotations

import numpy as np
import pytest

import sdesim
from sdesim import plots
from sdesim.errors import RunError
from sdesim.plots.arms import views_of
from sdesim.plots.style import NothingToDraw
from sdesim.report.page import drawn
from sdesim.runs.quantities import lookup, names, unregister
from tests.plots.figures import (
    CURVES_ONE,
    CURVES_SEVERAL,
    gives_all_axes_and_draws_into_as_many,
    gives_axes_and_draws_into_given_ones,
)


@pytest.mark.parametrize("name", CURVES_ONE)
def test_a_figure_of_one_panel_gives_axes_and_draws_into_given_ones(name, views):
    gives_axes_and_draws_into_given_ones(getattr(plots, name), views)


@pytest.mark.parametrize("name", CURVES_SEVERAL)
def test_a_figure_of_several_panels_gives_their_axes_and_draws_into_given_ones(name, views):
    gives_all_axes_and_draws_into_as_many(getattr(plots, name), views)


@pytest.mark.parametrize("name", names(lambda row: row.stepped or row.probed))
def test_any_quantity_over_time_is_drawn_with_its_label_and_threshold(name, views):
    row = lookup(name)

    ax = plots.quantity(views, name)

    assert ax.get_ylabel() == row.label
    guides = [line for line in ax.lines if line.get_transform() != ax.transData]
    assert [line.get_ydata()[0] for line in guides] == ([] if row.threshold is None else [row.threshold])
    assert len(ax.lines) - len(guides) == len(views)


def test_literal_forms_and_layers_are_drawn_by_their_names(views):
    assert plots.quantity(views, "C_alpha_literal").get_ylabel().endswith(", literal")
    assert plots.quantity(views, "C_group.first").get_ylabel() == "$C$ of first"


def test_smoothed_series_are_drawn_where_the_measurements_hold_them(runs, measured):
    held = measured["net"].drop_vars([n for n in measured["net"].data_vars if "_smooth" in str(n)])
    whole = {
        f"{name}_smooth": held[name] + 1 for name in ("C_alpha", "C_alpha_low", "C_alpha_high", "C_star")
    }
    whole["C_alpha_smooth_low"] = whole.pop("C_alpha_low_smooth")
    whole["C_alpha_smooth_high"] = whole.pop("C_alpha_high_smooth")

    plain = plots.consolidation(runs["net"], measured=held)
    smooth = plots.consolidation(runs["net"], measured=held.assign(whole))

    # C and C* each move by 1, the source's threshold stays.
    for a, b, by in zip(plain.lines, smooth.lines, (1.0, 1.0, 0.0), strict=True):
        np.testing.assert_allclose(b.get_ydata(), np.asarray(a.get_ydata()) + by)


def test_what_no_run_holds_is_said_and_left_out_of_a_report(runs):
    bare = runs["net"].drop_dims("probe")

    with pytest.raises(NothingToDraw, match="no run holds C_alpha over time"):
        plots.consolidation(bare)
    assert drawn(plots.consolidation, views_of(bare)) is None
    with pytest.raises(RunError, match="found quantity 'C_alfa', allowed: loss"):
        plots.quantity(bare, "C_alfa")
    with pytest.raises(RunError, match="phase has no curve over time"):
        plots.quantity(bare, "phase")


def test_a_quantity_of_ones_own_gets_a_panel_among_the_further_ones(runs):
    sdesim.quantity("mine", label="my own", threshold=2.0)(lambda run, measured: run["signal"])
    try:
        axes = plots.further(runs["net"])
    finally:
        unregister("mine")

    (ax,) = [ax for ax in axes if ax.get_ylabel() == "my own"]
    assert ax.lines[-1].get_ydata()[0] == 2.0
