"""Curves over time are functions of data and axes that give axes."""

from __future__ import annotations

import numpy as np
import pytest

import sdesim
from sdesim import plots
from sdesim.errors import RunError
from sdesim.plots.arms import views_of
from sdesim.plots.style import NothingToDraw, axis_label
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
def test_any_quantity_over_time_is_drawn_with_its_label_and_a_line_for_each_of_few_seeds(name, views):
    row = lookup(name)

    ax = plots.curve(views, name)

    guides = [line for line in ax.lines if line.get_transform() != ax.transData]
    named = [text for text in ax.get_legend_handles_labels()[1] if text.startswith(("threshold", "zero"))]
    assert ax.get_ylabel() == axis_label(row)
    assert len(named) == (row.threshold is not None)
    # A threshold beyond the axis is named as such, and not drawn.
    drawn = [line.get_ydata()[0] for line in guides]
    assert drawn == ([row.threshold] if named and "beyond" not in named[0] else [])
    seeds = [line for line in ax.lines if line.get_transform() == ax.transData and len(line.get_xdata())]
    assert len(seeds) == 3 * len(views)


def test_of_many_seeds_the_mean_and_its_band_are_drawn_and_of_few_each(runs):
    several = runs["net"].isel(trajectory=[0, 1, 2] * 3)

    many = plots.curve(several, "loss", measured={"net": None})
    few = plots.curve(runs["net"], "loss", measured={"net": None})

    assert (len(many.lines), len(many.collections)) == (1, 1)
    assert (len(few.lines), len(few.collections)) == (3, 0)
    np.testing.assert_allclose(many.lines[0].get_ydata(), several["loss"].mean("trajectory"), rtol=1e-13)


def test_no_line_is_drawn_where_nothing_was_saved(runs):
    ends = plots.curve(runs["net"].isel(step=[0, -1]), "loss")
    gap = runs["net"].copy(deep=True)
    gap["loss"][:, 10:20] = np.nan

    broken = plots.curve(gap, "loss")

    assert {(line.get_linestyle(), line.get_marker()) for line in ends.lines} == {("None", "o")}
    assert all(np.isnan(line.get_ydata()[10:20]).all() for line in broken.lines)


def test_literal_forms_and_layers_are_drawn_by_their_names(views):
    assert plots.curve(views, "C_alpha_literal").get_ylabel().endswith(", literal")
    assert plots.curve(views, "C_group.first").get_ylabel().replace("\n", " ").endswith(" of first")


def test_smoothed_series_are_drawn_where_the_measurements_hold_them(runs, measured):
    held = measured["net"].drop_vars([n for n in measured["net"].data_vars if "_smooth" in str(n)])
    whole = {
        f"{name}_smooth": held[name] + 1 for name in ("C_alpha", "C_alpha_low", "C_alpha_high", "C_star")
    }
    whole["C_alpha_smooth_low"] = whole.pop("C_alpha_low_smooth")
    whole["C_alpha_smooth_high"] = whole.pop("C_alpha_high_smooth")

    plain = plots.consolidation(runs["net"], measured=held)
    smooth = plots.consolidation(runs["net"], measured=held.assign(whole))

    # C of three seeds and the mean of their C* each move by 1.
    for a, b in zip(plain.lines[:4], smooth.lines[:4], strict=True):
        np.testing.assert_allclose(b.get_ydata(), np.asarray(a.get_ydata()) + 1.0)


def test_what_no_run_holds_is_said_and_left_out_of_a_report(runs):
    bare = runs["net"].drop_dims("probe")

    with pytest.raises(NothingToDraw, match="no run holds C_alpha over time"):
        plots.consolidation(bare)
    assert drawn(plots.consolidation, views_of(bare)) is None
    with pytest.raises(RunError, match="found quantity 'C_alfa', allowed: loss"):
        plots.curve(bare, "C_alfa")
    with pytest.raises(RunError, match="phase has no curve over time"):
        plots.curve(bare, "phase")


def test_a_quantity_of_ones_own_gets_a_panel_among_the_further_ones(runs):
    sdesim.quantity("mine", label="my own", threshold=2.0)(lambda run, measured: run["signal"])
    try:
        axes = plots.further(runs["net"])
    finally:
        unregister("mine")

    (ax,) = [ax for ax in axes if ax.get_ylabel() == "my own"]
    assert any(text.startswith("threshold 2") for text in ax.get_legend_handles_labels()[1])
