"""Paths in a plane."""

from __future__ import annotations

import numpy as np
import pytest

from sdesim import plots, surfaces
from sdesim.errors import RunError
from sdesim.plots.style import NothingToDraw
from tests.plots.ensembles import ensemble

RNG = np.random.default_rng(1)
FLAT = RNG.standard_normal((3, 40, 2)).cumsum(axis=1)


def test_two_dimensions_are_drawn_as_they_are_on_the_contours_of_the_loss():
    ax = plots.paths(ensemble(FLAT), surfaces.Quadratic([1.0, 2.0]))

    np.testing.assert_array_equal(np.array(ax.lines[0].get_data()).T, FLAT[0])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("θ₀", "θ₁")
    assert ax.collections
    assert not plots.paths(ensemble(FLAT)).collections


def test_more_dimensions_are_drawn_along_the_directions_of_motion_with_their_shares():
    # A line in the direction (3, 4, 0), and a small swing in (0, 0, 1).
    s = np.linspace(0, 1, 50)
    theta = s[:, None] * [3.0, 4.0, 0.0] + 0.1 * np.sin(9 * s)[:, None] * [0.0, 0.0, 1.0]

    ax = plots.paths(ensemble(theta[None]), trajectories=1)

    x, _ = ax.lines[0].get_data()
    np.testing.assert_allclose(x - x[0], 5 * s, atol=0.02)
    assert ax.get_xlabel() == "along the motion (100% of its variance)"


def test_one_dimension_is_drawn_over_time_with_the_minima():
    ax = plots.paths(ensemble(FLAT[..., :1]), surfaces.DoubleWell())

    np.testing.assert_array_equal(ax.lines[0].get_ydata(), FLAT[0, :, 0])
    assert sorted(line.get_ydata()[0] for line in ax.lines[2:]) == [-1.0, 1.0]


def test_points_beyond_the_axes_are_counted():
    far = np.concatenate([RNG.standard_normal((1, 999, 2)), np.full((1, 1, 2), 1e4)], axis=1)

    names = plots.paths(ensemble(far), trajectories=1).get_legend_handles_labels()[1]

    found = next(name for name in names if name.endswith("points beyond the axes"))
    assert 1 <= int(found.split()[0]) <= 20
    assert found.split()[2] == "1,000"


def test_what_can_not_be_drawn_is_said(runs):
    run = ensemble(FLAT)

    with pytest.raises(RunError, match="trajectories: found 0"):
        plots.paths(run, trajectories=0)
    with pytest.raises(RunError, match="found 3 dimensions, allowed: 2"):
        plots.paths(run, surfaces.Quadratic([1.0, 1.0, 1.0]))
    with pytest.raises(RunError, match="two different ones of 0 to 1"):
        plots.paths(run, coordinates=(0, 2))
    with pytest.raises(RunError, match="differ in their number of parameters"):
        plots.paths({"a": run, "b": ensemble(FLAT[..., :1])})
    with pytest.raises(NothingToDraw, match="no run holds a path"):
        plots.paths(run.drop_vars("theta"))
    bare = runs["net"].drop_vars("theta")
    assert plots.paths(bare).lines
    with pytest.raises(RunError, match="contours need the parameters"):
        plots.paths(bare, surfaces.Quadratic([1.0] * 4))


def test_a_film_shows_saved_steps_and_a_trail(tmp_path):
    run = ensemble(FLAT)

    film = plots.animate(run, surfaces.Quadratic([1.0, 2.0]), frames=3)
    film.save(tmp_path / "film.gif", writer="pillow", fps=5)

    from PIL import Image

    assert Image.open(tmp_path / "film.gif").n_frames == 3
    with pytest.raises(RunError, match="frames: found 1"):
        plots.animate(run, frames=1)
    with pytest.raises(RunError, match="two dimensions"):
        plots.animate(ensemble(FLAT[..., :1]))


def test_a_path_ends_where_an_event_stopped_it():
    theta = np.arange(11.0)[None, :, None] * np.ones((2, 1, 1))
    run = ensemble(theta, exits=np.array([2.0, np.nan]), watched=np.array([2.0, 5.0]))

    first, second = plots.paths(run).lines

    # dt = 0.5: the exit is at the fifth save.
    np.testing.assert_allclose(first.get_xdata(), [0, 0.5, 1, 1.5, 2])
    assert len(second.get_xdata()) == 11
