"""Figures whose shape is their own: distance, layers, clients, phase strips, occupancy."""

from __future__ import annotations

import numpy as np
import pytest

from sdesim import plots
from sdesim.comparison import compare
from sdesim.plots.companions import MAX_STRIPS
from sdesim.plots.style import NothingToDraw
from tests.plots.figures import (
    COMPANIONS_ONE,
    COMPANIONS_SEVERAL,
    gives_all_axes_and_draws_into_as_many,
    gives_axes_and_draws_into_given_ones,
)


def test_distances_are_drawn_of_comparisons_and_of_what_is_stored_of_them(runs, measured):
    found = compare(runs["sde"], runs["net"], measured=(measured["sde"], measured["net"]))

    one, made, stored = (plots.distance(x) for x in (found, [found], [found.to_dict()]))

    assert len(one.lines) == len(made.lines) == len(stored.lines)
    with pytest.raises(NothingToDraw):
        plots.distance([])


def test_strips_of_many_trajectories_are_the_first_and_their_number_is_said(runs, measured):
    def names(count):
        part = measured["net"].isel(trajectory=[0] * count)
        drawn = plots.phase_strip({"net": runs["net"].isel(trajectory=[0] * count)}, measured={"net": part})
        return [tick.get_text() for tick in drawn.get_yticklabels()]

    assert (names(MAX_STRIPS), names(MAX_STRIPS + 2)) == (["net"], [f"net\n{MAX_STRIPS} of {MAX_STRIPS + 2}"])


def test_strips_of_full_batches_say_that_they_are_of_steps_that_were_not_made(runs, measured):
    def names(flag):
        part = measured["net"].assign(phase_flags=(("trajectory", "probe"), np.full(shape, flag)))
        drawn = plots.phase_strip({"net": runs["net"]}, measured={"net": part})
        return [tick.get_text() for tick in drawn.get_yticklabels()]

    shape = measured["net"]["phase"].transpose("trajectory", "probe").shape
    assert names("full_batch") == ["net\nif by single\nexamples"]
    assert names("") == ["net"]


@pytest.mark.parametrize("name", COMPANIONS_ONE)
def test_a_figure_of_one_panel_gives_axes_and_draws_into_given_ones(name, views):
    gives_axes_and_draws_into_given_ones(getattr(plots, name), views)


@pytest.mark.parametrize("name", COMPANIONS_SEVERAL)
def test_a_figure_of_several_panels_gives_their_axes_and_draws_into_given_ones(name, views):
    gives_all_axes_and_draws_into_as_many(getattr(plots, name), views)
