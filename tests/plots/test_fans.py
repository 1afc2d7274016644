"""Forecasts as fans beside what happened."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdesim.plots import fan
from sdesim.plots.style import NothingToDraw


def run(kind, first, last, count, **attrs):
    steps = np.arange(first, last + 1)
    loss = np.exp(-0.1 * steps) * (1 + 0.01 * np.arange(count))[:, None]
    return xr.Dataset(
        {"loss": (("trajectory", "step"), loss)},
        {"step": steps - first, "time": ("step", 0.5 * steps)},
        {"kind": kind, **attrs},
    )


TOLD = run("simulated", 10, 30, 41, forecast_from=10, forecast_of=1)
REAL = run("real", 0, 60, 3)


def test_the_bands_of_the_forecast_stand_beside_the_seed_that_it_was_made_of():
    (ax,) = fan({"coming": TOLD, "training": REAL})

    labels = [t.get_text() for t in ax.figure.legends[0].get_texts()]
    assert labels == [
        "coming: 90% of the draws",
        "coming: 50% of the draws",
        "coming: median",
        "training: what happened",
    ]
    median, happened = ax.lines[0], ax.lines[1]
    np.testing.assert_allclose(median.get_ydata(), TOLD["loss"][20])
    # From as long before the start as is foretold, to the end of the forecast.
    np.testing.assert_allclose(happened.get_xdata(), REAL["time"][:31])
    np.testing.assert_allclose(happened.get_ydata(), REAL["loss"][1, :31])


def test_without_a_forecast_there_is_nothing_to_draw():
    with pytest.raises(NothingToDraw, match="no run is a forecast"):
        fan(REAL)
    with pytest.raises(NothingToDraw, match="holds test_loss"):
        fan(TOLD, "test_loss")
