"""A path over time in one call: states, their coordinates and observables, by what the run says of them."""

import numpy as np
import pytest

import sdesim
from sdesim import noise, observables, surfaces
from sdesim.errors import RunError
from sdesim.plots.arms import views_of
from sdesim.plots.held import is_held
from sdesim.plots.look import SERIES
from sdesim.plots.style import NothingToDraw


@pytest.fixture(scope="module")
def run():
    return sdesim.simulate(
        surfaces.Quadratic([1.0, 3.0]), noise.Gaussian(diffusion=[0.1, 0.2]), [1.0, -1.0], dt=0.01, T=1,
        trajectories=8, save_at=[0.1, 0.2, 0.5, 1], save="theta", observe={"r": observables.Norm(units="m")},
        progress=False,
    )  # fmt: skip


def test_a_path_has_a_line_for_each_coordinate_at_the_times_of_the_run(run):
    ax = run.sdesim.plot.curve("theta")

    assert ax.get_legend_handles_labels()[1] == ["θ₀ (8)", "θ₁ (8)"]
    for k, line in enumerate(ax.lines[:2]):
        np.testing.assert_allclose(line.get_xdata(), run["time"])
        np.testing.assert_allclose(line.get_ydata(), run["theta"].mean("trajectory")[:, k])
        assert line.get_color() == SERIES[k]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time t", "parameters")
    few = sdesim.plots.curve(run.isel(trajectory=slice(3)), "theta.1")
    assert len(few.lines) == 3
    np.testing.assert_array_equal(few.lines[2].get_ydata(), run["theta"].values[2, :, 1])


def test_an_observable_is_drawn_in_its_units(run):
    ax = run.sdesim.plot.curve("r")

    assert ax.get_ylabel() == "Euclidean norm of the state (m)"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), run["r"].mean("trajectory"))
    heavy = run.assign_attrs(levy_index=1.5)
    np.testing.assert_allclose(
        sdesim.plots.curve(heavy, "r").lines[0].get_ydata(), run["r"].median("trajectory")
    )


def test_what_no_run_holds_is_told(run):
    views = views_of(run)
    assert is_held(views, "theta.0")
    assert not is_held(views, "loss")
    with pytest.raises(NothingToDraw, match=r"no run holds theta\.2 over time"):
        run.sdesim.plot.curve("theta.2")
    with pytest.raises(RunError, match="found quantity 'nope'"):
        run.sdesim.plot.curve("nope")
    with pytest.raises(RunError, match="to_arviz needs saved steps that are evenly apart"):
        run.sdesim.to_arviz()
