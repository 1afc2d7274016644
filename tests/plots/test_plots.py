"""Figures are functions of data and axes that give axes, and the table of quantities has one for each row."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import sdesim
from sdesim import plots
from sdesim.comparison import compare
from sdesim.errors import RunError
from sdesim.plots.arms import views_of
from sdesim.plots.dashboard import FIGURES
from sdesim.plots.style import NothingToDraw
from sdesim.report.page import drawn
from sdesim.runs import measure
from sdesim.runs.quantities import lookup, names, quantities, unregister
from sdesim.training import Measurement
from tests.runs.complete_run import complete_run

ONE = ("accuracy", "consolidation", "edge", "exits", "intelligence", "occupancy", "phases", "probability",
       "weight_norm")  # fmt: skip
SEVERAL = ("clients", "curvature", "further", "geometry", "layers", "loss", "lyapunov", "signal_noise")


@pytest.fixture(scope="module")
def runs():
    return {"net": complete_run(), "sde": complete_run("simulated", 1, "sde")}


@pytest.fixture(scope="module")
def measured(runs):
    return {name: measure(run) for name, run in runs.items()}


@pytest.fixture(scope="module")
def views(runs, measured):
    return views_of(runs, measured)


def curves_of(axes):
    return [line for ax in np.ravel(np.asarray(axes, dtype=object)) for line in ax.lines]


def test_every_row_has_a_figure_of_the_report_but_for_numbers_that_none_draws(views, runs, measured):
    figures = {spec.name: spec for spec in FIGURES}
    found = compare(runs["sde"], runs["net"], measured=(measured["sde"], measured["net"]))
    pictures = {name: drawn(spec.draw, views, [found.to_dict()]) for name, spec in figures.items()}

    assert all(picture is not None for picture in pictures.values())
    assert [row.name for row in quantities() if row.figure not in figures] == ["theta_tail_index"]
    labels = {name: {ax.get_ylabel() for ax in picture.axes} for name, picture in pictures.items()}
    for row in quantities():
        if row.probed and row.figure in ("further", "geometry", "lyapunov", "signal_noise", "curvature"):
            assert row.label in labels[row.figure], row.name


@pytest.mark.parametrize("name", ONE)
def test_a_figure_of_one_panel_gives_axes_and_draws_into_given_ones(name, views):
    plot = getattr(plots, name)
    mine = Figure().subplots()

    own, given = plot(views), plot(views, ax=mine)

    assert isinstance(own, Axes)
    assert own.figure is not mine.figure
    assert given is mine
    assert len(own.lines) == len(mine.lines)
    assert own.get_ylabel() == mine.get_ylabel()


@pytest.mark.parametrize("name", SEVERAL)
def test_a_figure_of_several_panels_gives_their_axes_and_draws_into_given_ones(name, views):
    plot = getattr(plots, name)
    own = plot(views)
    mine = Figure().subplots(len(own), 1, squeeze=False)

    given = plot(views, axes=mine)

    assert all(isinstance(ax, Axes) for ax in own)
    assert list(given) == list(mine.ravel())
    assert [ax.get_ylabel() for ax in given] == [ax.get_ylabel() for ax in mine.ravel()]
    assert len(curves_of(given)) == len(curves_of(own))
    with pytest.raises(RunError, match=f"axes: found {len(own) + 1}, allowed: {len(own)}"):
        plot(views, axes=Figure().subplots(len(own) + 1))


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


def test_data_are_one_run_runs_by_name_or_runs_in_a_row(runs, measured):
    one = plots.quantity(runs["net"], "C_alpha", measured=measured["net"])
    named = plots.quantity(runs, "C_alpha", measured=measured)
    row = plots.quantity(list(runs.values()), "C_alpha", measured=list(measured.values()))
    alone = plots.quantity(runs["net"], "C_alpha")

    np.testing.assert_array_equal(one.lines[0].get_ydata(), alone.lines[0].get_ydata())
    assert named.get_legend_handles_labels()[1] == row.get_legend_handles_labels()[1]
    with pytest.raises(RunError, match="two runs have one name"):
        plots.quantity([runs["net"], runs["net"]], "loss")


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


def test_the_panel_of_a_monitor_draws_into_six_axes():
    history = [Measurement.of(k, loss=1.0 / (k + 1), C_alpha=1.0) for k in range(3)]
    mine = Figure().subplots(3, 2)

    given = plots.panel(history, axes=mine)

    assert list(given) == list(mine.ravel())
    assert given[0].get_title(loc="left") + given[0].get_title() == "Loss"


def test_distances_are_drawn_of_comparisons_and_of_what_is_stored_of_them(runs, measured):
    found = compare(runs["sde"], runs["net"], measured=(measured["sde"], measured["net"]))

    made, stored = plots.distances([found]), plots.distances([found.to_dict()])

    assert len(made.lines) == len(stored.lines)
    with pytest.raises(NothingToDraw):
        plots.distances([])


def test_every_public_figure_is_tested_here_or_with_the_sweeps():
    others = {
        "NothingToDraw",
        "curves",
        "distances",
        "panel",
        "phase_map",
        "quantity",
        "quantity_map",
        "styled",
    }

    assert set(plots.__all__) == {*ONE, *SEVERAL, *others}
    assert all(callable(getattr(plots, name)) for name in plots.__all__)


def test_the_names_of_figures_need_no_matplotlib_to_be_known():
    code = "import sys, sdesim; dir(sdesim.plots); print('matplotlib' in sys.modules, 'numpy' in sys.modules)"

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert out.split() == ["False", "False"]
