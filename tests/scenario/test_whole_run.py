"""Numbers of a whole run: means over its probes, and quantities without a moment."""

import numpy as np
import pytest
import xarray as xr

from sdesim.scenario.whole_run import mean_values, whole_values


def measured(values, steps):
    """Measured effective noise of every trajectory at probes."""
    return xr.Dataset(
        {"noise": (("trajectory", "probe"), np.asarray(values, dtype=np.float64))},
        coords={"probe_step": ("probe", steps)},
    )


def test_a_mean_over_probes_leaves_out_the_start_and_what_was_not_measured():
    found = mean_values(xr.Dataset(), measured([[9.0, 1.0, 3.0], [9.0, np.nan, 4.0]], [0, 10, 20]))

    # Trajectories: (1 + 3)/2 = 2 and 4.
    assert found["noise"]["value"] == pytest.approx(3.0)
    assert found["noise"]["n"] == 2
    assert found["noise"]["low"] < 3.0 < found["noise"]["high"]


def test_the_probe_at_the_start_counts_where_it_is_the_only_one():
    assert mean_values(xr.Dataset(), measured([[1.0], [3.0]], [0]))["noise"]["value"] == 2.0


def test_without_measurements_events_and_wells_there_is_nothing():
    assert mean_values(xr.Dataset(), None) == {}
    assert whole_values("a", xr.Dataset({"loss": (("trajectory", "step"), np.zeros((1, 1)))}), None) == {}
