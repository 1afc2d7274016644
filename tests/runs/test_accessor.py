"""`run.sdesim`."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes

from sdesim import plots
from sdesim.errors import RunError
from sdesim.runs import RunWriter, measure
from tests.runs.complete_run import complete_run

RUN = complete_run()


def test_every_figure_of_a_run_is_offered_and_drawn_of_it():
    assert dir(RUN.sdesim.plot) == list(plots.OF_RUNS)
    assert set(plots.OF_RUNS) < set(plots.__all__)
    ax = RUN.sdesim.plot.curve("loss", measured={"net": None})
    assert isinstance(ax, Axes)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), RUN["loss"].values[0])
    with pytest.raises(AttributeError, match="found figure 'claim', allowed: accuracy, animate"):
        _ = RUN.sdesim.plot.claim


def test_a_quantity_is_measured_or_held_with_its_interval_and_units():
    measured = measure(RUN)

    c, part, loss = (RUN.sdesim.quantity(name) for name in ("C_alpha", "C_group.first", "loss"))

    np.testing.assert_array_equal(c.values, measured["C_alpha"].values)
    np.testing.assert_array_equal(c["low"].values, measured["C_alpha_low"].values)
    np.testing.assert_array_equal(part.values, measured["C_group"].values[..., 0])
    assert part.attrs["long_name"].endswith(", of first")
    assert loss.attrs["units"] == "loss"
    assert RUN.sdesim.quantity("phase").dtype.kind == "U"
    with pytest.raises(RunError, match="found quantity 'C_alfa', allowed: theta"):
        RUN.sdesim.quantity("C_alfa")


def test_measurements_are_a_table_with_a_row_for_each_quantity_trajectory_and_probe():
    table = RUN.sdesim.to_table()

    measured = measure(RUN)
    rows = table[table.quantity == "C_alpha"]
    assert list(table.columns) == ["quantity", "trajectory", "step", "time", "value", "low", "high", "units"]
    np.testing.assert_array_equal(rows.value, measured["C_alpha"].values.ravel())
    np.testing.assert_array_equal(rows.step, np.tile(measured["probe_step"].values, 3))
    assert RUN.drop_dims("probe").sdesim.to_table().empty


def test_an_ensemble_becomes_arvizs_tree_without_what_diverged():
    run = RUN.copy(deep=True)
    run["theta"][1, 40:] = np.nan

    tree = run.sdesim.to_arviz(burn_in=1.0)

    assert isinstance(tree, xr.DataTree)
    assert set(tree.children) == {"posterior", "sample_stats"}
    assert dict(tree["posterior"].sizes) == {"chain": 2, "draw": 51, "param": 6}
    assert tree["posterior"]["theta"].dims == ("chain", "draw", "param")
    assert tree["posterior"].attrs["left_out"] == "1"
    assert {"loss", "weight_norm"} <= set(tree["sample_stats"].data_vars)
    np.testing.assert_array_equal(tree["posterior"]["theta"].values, run["theta"].values[[0, 2], 10:])
    with pytest.raises(RunError, match="no trajectory is finite"):
        run.isel(trajectory=[1]).sdesim.to_arviz()
    with pytest.raises(RunError, match="holds no path"):
        run.drop_vars(["theta", "theta_projection"]).sdesim.to_arviz()


def test_a_run_tells_of_itself_in_a_line_and_its_name_is_no_markup():
    writer = RunWriter(
        kind="simulated", trajectories=2, steps=[0, 1], time=[0.0, 0.5], dim=1, variables=["loss", "status"],
        attrs={"name": "<b>x</b>", "seed": 3, "learning_rate": 0.5}, out=None,
    )  # fmt: skip
    writer.write("loss", np.zeros((2, 2)))
    writer.write("status", [0, 1])
    run = writer.finish()

    assert repr(run.sdesim) == (
        "<run '<b>x</b>': kind simulated; trajectories 2; saved steps 2, to t = 0.5; parameters 1; probes "
        "none; learning rate 0.5; seed 3; diverged 1 trajectories>"
    )
    assert "<b>x" not in run.sdesim._repr_html_()


def test_the_accessor_needs_neither_matplotlib_nor_torch():
    code = "import sys, sdesim.runs.store; print([m for m in ('matplotlib', 'torch') if m in sys.modules])"

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert out.strip() == "[]"
