"""Figures that need to know what drove a simulated arm."""

from dataclasses import replace

import numpy as np
import pytest

import sdesim
from sdesim import noise, surfaces
from sdesim.plots.arms import arm_views
from sdesim.plots.grounded import Ground, density_on_ground, paths_on_ground
from sdesim.plots.style import NothingToDraw

WELL = surfaces.Quadratic([1.0])


@pytest.fixture(scope="module")
def views():
    run = sdesim.simulate(
        WELL, noise.Gaussian(diffusion=0.5), dt=0.1, steps=200, trajectories=50, save_every=20, progress=False
    )
    stopped = run.assign(status=("trajectory", np.full(50, 2)))
    return arm_views({"free": run, "stopped": stopped}, {})


def test_a_density_stands_beside_the_gibbs_law_of_the_arms_that_have_it(views):
    ground = Ground(WELL, 0.5)

    ax = density_on_ground(views, {"free": ground, "stopped": ground})

    law = next(line for line in ax.lines if line.get_label() == "exact law")
    x, y = law.get_data()
    # ρ = exp(−x²/2D)/√(2πD) with D = 0.5; interpolated on a grid of spacing 0.02.
    assert y == pytest.approx(np.exp(-(x**2)) / np.sqrt(np.pi), abs=2e-3)
    names = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert any(name.startswith("free (50)") for name in names)
    assert not any(name.startswith("stopped") for name in names)


def test_there_is_no_law_without_one_diffusion_and_no_path_without_a_surface(views):
    with pytest.raises(NothingToDraw, match="Gibbs law"):
        density_on_ground(views, {"free": Ground(WELL)})
    with pytest.raises(NothingToDraw, match="holds theta"):
        paths_on_ground(views, {})


def test_there_is_no_law_of_trajectories_that_all_blew_up(views):
    run = views[0].run
    lost = arm_views({"lost": run.assign(theta=run["theta"] * np.nan)}, {})

    with pytest.raises(NothingToDraw, match="blew up"):
        density_on_ground(lost, {"lost": Ground(WELL, 0.5)})


def test_what_blew_up_is_not_drawn(views):
    ground = {"free": Ground(WELL, 0.5)}
    blown = [replace(v, run=v.run.assign(status=("trajectory", np.ones(50, dtype=int)))) for v in views[:1]]

    with pytest.raises(NothingToDraw):
        paths_on_ground(blown, ground)


def test_paths_are_those_of_arms_on_one_loss(views):
    ax = paths_on_ground(views, {"free": Ground(WELL), "stopped": Ground(surfaces.Quadratic([2.0]))})

    names = {text.get_text() for text in ax.figure.legends[0].get_texts()}
    assert "free" in names
    assert "stopped" not in names


def test_the_diffusion_of_a_noise_is_known_where_it_is_one_number():
    assert noise.Gaussian(diffusion=0.5).constant_diffusion == 0.5
    assert noise.Gaussian(diffusion=[0.5, 1.0]).constant_diffusion is None
    assert noise.Stable(alpha=1.5, scale=0.1).constant_diffusion is None
