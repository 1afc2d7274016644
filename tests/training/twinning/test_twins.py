"""The SDE that imitates a recorded run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import sdesim
from sdesim.comparison import sde_limit
from sdesim.errors import RunError
from sdesim.optimizers import SGD
from sdesim.training import TWIN_NOISES, Recipe, record, svag, twin, twins
from sdesim.training.loop.svag import amplified_noise
from sdesim.training.twinning.plan import plan_twin, recipe_of_run
from tests.training.twinning.recorded_runs import MADE_OF, recorded

CHOSEN = ("none", "minibatch", "stable-truncated")


@pytest.fixture(scope="module")
def run():
    return recorded()


@pytest.fixture(scope="module")
def imitations(run):
    # Each further noise compiles for ten seconds.
    return twins(run, *MADE_OF, noises=CHOSEN, progress=False)


def test_every_twin_begins_where_the_run_began_and_keeps_its_times(run, imitations):
    assert set(CHOSEN) < set(TWIN_NOISES)
    assert set(imitations) == set(CHOSEN)
    for name, made in imitations.items():
        np.testing.assert_allclose(made["time"].values, run["time"].values, rtol=1e-12)
        np.testing.assert_allclose(made["loss"].values[:, 0], run["loss"].values[:, 0], rtol=1e-5)
        np.testing.assert_array_equal(made["probe_step"].values, run["probe_step"].values)
        assert {"train_accuracy", "test_loss", "test_accuracy"} <= set(made.data_vars), name
        assert made.attrs["twin_noise"] == name


def test_without_noise_the_twin_is_full_batch_gradient_descent(imitations):
    descent = recorded(batch_size=None)

    np.testing.assert_allclose(imitations["none"]["loss"].values[0], descent["loss"].values[0], rtol=1e-4)


def test_momentum_makes_the_twin_a_heavy_ball():
    descent = recorded(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8), batch_size=None)

    made = twin(descent, *MADE_OF, noise="none", progress=False)

    np.testing.assert_allclose(made["loss"].values[0], descent["loss"].values[0], rtol=1e-4)


def test_a_comparison_holds_a_run_and_its_twin_side_by_side(run, imitations):
    compared = sdesim.compare(imitations["minibatch"], run, ["loss", "weight_norm", "C_alpha"])

    assert set(compared.quantities) == {"loss", "weight_norm", "C_alpha"}


def test_amplified_noise_has_l_times_the_covariance_per_l_times_shorter_step(run):
    # Per step of length η/l the covariance is l (η/l)² Σ, so over l steps it is η² Σ, whatever l.
    surface = plan_twin(run, recipe_of_run(run, *MADE_OF, None)).surface
    spread = {}
    for factor in (1, 4):
        noises = amplified_noise(surface, 8, 0.2, factor)
        flat = sdesim.simulate(
            surface, noises, surface.start, dt=0.2 / factor, steps=1, trajectories=4000, seed=5,
            learning_rate=0.2, save=("theta", "loss"), progress=False,
        )  # fmt: skip
        spread[factor] = float(flat["theta"].values[:, 1].var(axis=0).sum()) * factor

    # Relative s.e. of a trace of 4,000 draws ≤ √(2/4000) = 0.022 (one direction holding it all); kurtosis of
    # subsampled gradients at most doubles it. 5 s.e. of a ratio: 5 · 2 · √2 · 0.022 = 0.32.
    assert abs(spread[4] / spread[1] - 1) < 0.32


def test_factor_one_of_the_amplified_family_is_sgd_itself(run, imitations):
    made = svag(run, *MADE_OF, factors=(1, 2), seed=9, progress=False)
    again = twin(run, *MADE_OF, noise="subsample", seed=9, progress=False)

    np.testing.assert_allclose(made[1]["loss"].values, again["loss"].values, rtol=1e-9)
    np.testing.assert_allclose(made[2]["time"].values, run["time"].values, rtol=1e-12)


def test_the_amplified_family_of_adam_is_trained_again_by_its_recipe():
    recipe = Recipe(
        *MADE_OF, None, lambda p: torch.optim.Adam(p, lr=0.01), steps=4, batch_size=8, trajectories=2,
        sampling="with-replacement",
    )  # fmt: skip
    adam = record(recipe, save_every=2, progress=False)

    made = svag(adam, recipe, factors=(1, 2), progress=False)

    for factor, run in made.items():
        np.testing.assert_array_equal(run["time"].values, adam["time"].values)
        assert run.attrs["svag_factor"] == factor
        assert run.attrs["seed"] not in (0, made[3 - factor].attrs["seed"])
    assert "amplify" not in made[1].attrs
    assert made[2].attrs["amplify"] == 2
    judged = {"loss", "test_loss", "train_accuracy", "test_accuracy", "weight_norm"}
    assert set(sde_limit(made).gaps) == judged


def test_sgd_with_decay_has_its_own_sde_from_what_the_run_says_of_itself():
    descent = recorded(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.5, weight_decay=0.1), batch_size=None)

    made = twin(descent, *MADE_OF, noise="none", trajectories=1, progress=False)

    assert "twin_deviations" not in made.attrs
    np.testing.assert_allclose(made["loss"].values[0], descent["loss"].values[0], rtol=1e-4)


@pytest.mark.parametrize(
    ("optimizer", "options", "said"),
    [
        (
            lambda p: torch.optim.Adam(p, lr=0.01),
            {},
            "by Adam, whose settings it does not hold: give the recipe",
        ),
        (
            lambda p: torch.optim.SGD(p, lr=0.1),
            {"scheduler": lambda o: torch.optim.lr_scheduler.StepLR(o, 30)},
            "rate at step 40 is 0.01, this recipe's 0.1: give the recipe",
        ),
    ],
)
def test_what_a_run_does_not_say_of_its_optimizer_is_asked_for(optimizer, options, said):
    run = recorded(optimizer, batch_size=None, **options)

    with pytest.raises(RunError, match=said):
        twin(run, *MADE_OF, noise="none", trajectories=1, progress=False)


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        (lambda p: torch.optim.SGD(p, lr=0.02), "has optimizer_class=torch.optim.adamw.AdamW, the recipe's"),
        (
            lambda p: torch.optim.AdamW(p, lr=0.02, betas=(0.5, 0.9)),
            r"betas=\[0.9, 0.999\], the recipe's \(0.5",
        ),
        (lambda p: torch.optim.AdamW(p, lr=0.02, weight_decay=0.5), "weight_decay=0.01, the recipe's 0.5"),
    ],
)
def test_a_recipe_of_another_optimizer_is_not_that_of_the_run(run, optimizer, said):
    made = replace(
        recipe_of_run(run, *MADE_OF, None), steps=2, optimizer=lambda p: torch.optim.AdamW(p, lr=0.02)
    )
    trained = record(made, progress=False)

    with pytest.raises(RunError, match=said):
        twin(trained, replace(made, optimizer=optimizer), progress=False)


def test_a_form_that_is_none_is_refused():
    assert SGD(0.1, momentum=0.9).sde(form="overdumped") == (
        "form must be underdamped or overdamped, got 'overdumped'"
    )


def test_a_law_of_other_batches_or_another_clip_is_not_that_of_the_run(run):
    made = replace(recipe_of_run(run, *MADE_OF, None), steps=2, clip={"value": 1e-3})
    trained = record(made, progress=False)

    for changes, said in (
        ({"batch_size": 4}, "batch_size 8, the recipe 4"),
        ({"clip": {"norm": 1}}, "clipped"),
    ):
        with pytest.raises(RunError, match=said):
            twin(trained, replace(made, **changes), progress=False)


def test_noise_that_is_added_is_read_as_it_drives_whatever_the_schedule_makes_of_the_rate(run):
    made = recipe_of_run(run, *MADE_OF, None)
    falling = replace(
        made, steps=4, scheduler=lambda o: torch.optim.lr_scheduler.StepLR(o, 2), trajectories=2,
        sampling="with-replacement",
    )  # fmt: skip
    made = record(falling, probes=sdesim.Probes(every=2, samples=8), progress=False)

    isotropic = twin(made, falling, noise="isotropic", progress=False)

    np.testing.assert_allclose(isotropic["exact_noise"].values, isotropic.attrs["twin_trace"], rtol=1e-9)
    assert made["learning_rate"].values[0, -1] < 0.2 * made["learning_rate"].values[0, 0]
