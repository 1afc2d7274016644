"""Names of the figures by their number of panels, and what holds for each of them."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sdesim.errors import RunError

CURVES_ONE = ("accuracy", "consolidation", "edge", "intelligence", "probability", "weight_norm")
CURVES_SEVERAL = ("curvature", "further", "geometry", "loss", "lyapunov", "signal_noise")
COMPANIONS_ONE = ("occupancy", "phase_strip")
COMPANIONS_SEVERAL = ("clients", "layers")


def curves_of(axes):
    return [line for ax in np.ravel(np.asarray(axes, dtype=object)) for line in ax.lines]


def gives_axes_and_draws_into_given_ones(plot, views):
    """A figure of one panel draws the same into new axes and into given ones."""
    mine = Figure().subplots()

    own, given = plot(views), plot(views, ax=mine)

    assert isinstance(own, Axes)
    assert own.figure is not mine.figure
    assert given is mine
    assert len(own.lines) == len(mine.lines)
    assert own.get_ylabel() == mine.get_ylabel()


def gives_all_axes_and_draws_into_as_many(plot, views):
    """A figure of several panels draws the same into new axes and into as many given ones."""
    own = plot(views)
    mine = Figure().subplots(len(own), 1, squeeze=False)

    given = plot(views, axes=mine)

    assert all(isinstance(ax, Axes) for ax in own)
    assert list(given) == list(mine.ravel())
    assert [ax.get_ylabel() for ax in given] == [ax.get_ylabel() for ax in mine.ravel()]
    assert len(curves_of(given)) == len(curves_of(own))
    with pytest.raises(RunError, match=f"axes: found {len(own) + 1}, allowed: {len(own)}"):
        plot(views, axes=Figure().subplots(len(own) + 1))
