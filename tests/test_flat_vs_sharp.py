"""Sweeps over splits of the images, put together, and the law of the particle beside them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from analysis.flat_vs_sharp.__main__ import gibbs, ranks, splits
from sdesim.noise.base import Context
from sdesim.scenario import load_sweep
from sdesim.scenario.load import find_scenario


@pytest.fixture
def folders(tmp_path):
    """Of three sweeps, without their runs: (seed of the images, points) → its folder."""
    text = find_scenario("flat-vs-sharp-digits").read_text(encoding="utf-8")

    def made(seed, points=("a", "b")):
        folder = tmp_path / f"split-{len(list(tmp_path.iterdir()))}"
        for point in points:
            (folder / "points" / point / "sgd.zarr").mkdir(parents=True)
            scenario = text.replace("train: 600,", f"train: 600, seed: {seed},")
            (folder / "points" / point / "scenario.yaml").write_text(scenario, encoding="utf-8")
        return folder

    return made


def test_the_same_images_twice_are_no_two_splits(folders):
    with pytest.raises(ValueError, match=r"images are \[1, 2, 1\]"):
        splits([folders(1), folders(2), folders(1)])


def test_splits_have_the_same_points(folders):
    with pytest.raises(ValueError, match=r"split-1: found other points than in .*split-0"):
        splits([folders(1), folders(2, ["a"])])
    with pytest.raises(ValueError, match="or none"):
        splits([folders(1, [])])


def test_ranks_are_those_within_a_split():
    assert ranks(np.array([[3.0, np.nan, 1], [10, 30, 10]])).tolist()[1] == [1.5, 3, 1.5]
    assert np.nan_to_num(ranks(np.array([[3.0, np.nan, 1]]))).tolist() == [[2, 0, 1]]


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
