"""Correlations over a grid of trainings, on numbers made here."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from analysis.flat_vs_sharp.__main__ import correlation, gibbs, interval
from sdesim.noise.base import Context
from sdesim.scenario import load_sweep


def test_a_confounder_makes_a_correlation_that_is_gone_once_it_is_given():
    rng = np.random.default_rng(1)
    batch = np.repeat(np.arange(25.0), 4)
    x, y = batch + rng.standard_normal(100), -batch + rng.standard_normal(100)

    # |r| of the batch's part is 52/53; what is left is the noise's own r, of standard error 0.1.
    assert correlation(x, y) < -0.95
    assert abs(correlation(x, y, batch[:, None])) < 0.5


def test_the_interval_counts_cells_and_not_seeds():
    rng = np.random.default_rng(2)
    cells = np.repeat(np.arange(16.0), 25)
    x, y = (rng.standard_normal(16)[cells.astype(int)] + 1e-3 * rng.standard_normal(400) for _ in range(2))

    value, low, high = interval(x, y, cells)

    # 16 cells: r of unrelated numbers has standard error 1/sqrt(15) = 0.26; 400 free rows would give 0.05.
    assert low < value < high
    assert high - low > 0.4


def test_the_particle_between_the_wells_is_as_hot_as_the_point_is():
    sweep = load_sweep("flat-vs-sharp-digits")

    for point in sweep.points:
        sgd, wells = point.scenario.arms["sgd"].train, point.scenario.arms["wells"].simulate
        noise = wells.noise[0].resolved(Context(1, wells.learning_rate))
        assert noise.diffusion == pytest.approx(24 * sgd.optimizer.lr / sgd.optimizer.batch_size)
        assert wells.dt * wells.steps == pytest.approx(sgd.time)
    assert len(sweep.points) == 16


@pytest.mark.parametrize("diffusion", [0.01, 2.4])
def test_the_gibbs_share_of_the_flat_well_is_that_of_adaptive_quadrature(diffusion):
    surface = load_sweep("flat-vs-sharp-digits").scenario.arms["wells"].simulate.surface

    def weight(x):
        return float(np.exp(-surface.loss(np.array([x])) / diffusion))

    left = quad(weight, -40, surface.top, points=[-2], limit=500)[0]
    right = quad(weight, surface.top, 40, points=[2], limit=500)[0]
    assert gibbs(surface, diffusion) == pytest.approx(left / (left + right), abs=1e-5)
