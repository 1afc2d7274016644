"""Densities beside their law."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from sdesim import plots, surfaces
from sdesim.errors import RunError
from sdesim.plots.style import NothingToDraw
from tests.plots.ensembles import ensemble

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("dim", [1, 2])
def test_the_gibbs_law_of_a_bowl_is_gaussian_in_each_coordinate(dim):
    bowl = surfaces.Quadratic([2.0, 0.5][:dim])
    x = np.linspace(-2, 2, 9)

    law = plots.gibbs(bowl, 0.3, -8, 8, coordinate=dim - 1)

    # Variance D/λ; the grid's step of 0.02 leaves an error of its square.
    np.testing.assert_allclose(law(x), norm.pdf(x, scale=np.sqrt(0.3 / [2.0, 0.5][dim - 1])), atol=2e-4)
    assert law([9.0]) == 0.0


def test_a_law_that_goes_on_beyond_its_ends_or_can_not_be_integrated_is_refused():
    with pytest.raises(RunError, match="mass beyond"):
        plots.gibbs(surfaces.Quadratic([1.0]), 1.0, -1, 1)
    with pytest.raises(RunError, match="one or two dimensions"):
        plots.gibbs(surfaces.Quadratic([1.0, 1.0, 1.0]), 1.0, -9, 9)
    with pytest.raises(RunError, match="positive diffusion"):
        plots.gibbs(surfaces.Quadratic([1.0]), 0.0, -9, 9)


def test_bins_hold_their_share_of_all_samples_and_intervals_are_over_trajectories():
    theta = RNG.standard_normal((12, 50, 1))

    ax = plots.density(ensemble(theta), norm, bins=20, burn_in=5.0)

    heights, edges, _ = ax.patches[0].get_data()
    kept = theta[:, 10:, 0]
    counts = np.histogram(kept, edges)[0]
    np.testing.assert_allclose(heights, counts / kept.size / np.diff(edges))
    x, y = ax.lines[-1].get_data()
    np.testing.assert_allclose(y, norm.pdf(x))
    assert len(ax.collections) == 1
    # Of four trajectories there is no interval.
    assert not plots.density(ensemble(theta[:4])).collections


def test_what_lies_beyond_the_axis_is_said():
    theta = RNG.standard_normal((1, 1000, 1))
    theta[0, :2] = 1e6

    label = plots.density(ensemble(theta)).get_legend_handles_labels()[1][0]

    assert label.endswith("% beyond the axis")
    assert plots.density(RNG.standard_normal(1000)).get_xlabel() == "x"


def test_what_can_not_be_drawn_is_said():
    run = ensemble(RNG.standard_normal((2, 5, 1)))

    with pytest.raises(NothingToDraw, match="after the burn-in"):
        plots.density(run, burn_in=1e3)
    with pytest.raises(RunError, match="coordinate: found 1, allowed: 0 to 0"):
        plots.density(run, coordinate=1)
    with pytest.raises(RunError, match="bins: found 1"):
        plots.density(run, bins=1)
