"""What is laid out before a twin is simulated, and what has no twin."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import sdesim
from sdesim import training
from sdesim.data import digits
from sdesim.errors import RunError
from sdesim.optimizers import learning_rates
from sdesim.training import record, svag, twin
from sdesim.training.twinning.plan import plan_twin, recipe_of_run
from sdesim.training.twinning.twins import noises_of
from tests.training.twinning.recorded_runs import DATA, LOSS, MADE_OF, NET, recorded


@pytest.fixture(scope="module")
def run():
    return recorded()


def test_a_plan_lays_out_what_a_simulation_needs(run):
    recipe = recipe_of_run(run, *MADE_OF, None)
    plan = plan_twin(run, recipe, dt=0.1, trajectories=5)

    assert (plan.learning_rate, plan.dt, plan.steps, plan.stretch, plan.batch_size) == (0.2, 0.1, 120, 2, 8)
    assert (plan.save_every, plan.trajectories, plan.scheme) == (40, 5, "euler-maruyama")
    assert plan.trace == pytest.approx(float(run["noise"].mean()))
    assert plan.deviations == {}
    np.testing.assert_array_equal(plan.starts, np.repeat(run["theta"].values[:1, 0], 5, axis=0))
    assert plan.probes == sdesim.Probes(60, 32, 8, ("gradient", "curvature"), 3)


def test_fresh_starts_go_on_beyond_the_seeds_of_the_run_and_masks_leave_out_coordinates():
    mask = np.arange(sum(p.numel() for p in NET.parameters())) % 3 > 0
    recipe = training.Recipe(
        NET, LOSS, DATA, None, lambda p: torch.optim.SGD(p, lr=0.2), steps=4, batch_size=8, trajectories=2,
        init="fresh", mask=mask,
    )  # fmt: skip
    run = record(recipe, progress=False)

    plan = plan_twin(run, recipe, trajectories=3)

    assert plan.surface.dim == int(mask.sum())
    np.testing.assert_array_equal(plan.starts[:2], run["theta"].values[:, 0])
    assert not np.array_equal(plan.starts[2], plan.starts[1])
    assert list(plan.deviations) == ["reshuffled"]
    # Noise that is drawn by epochs deviates no more.
    (drawn,), _ = noises_of(plan, "minibatch")
    assert (drawn.sampling, drawn.drop_last) == ("epoch", True)
    assert "twin_deviations" not in plan.attributes([drawn])
    read = plan.evaluation.values(plan.starts[:2])
    np.testing.assert_allclose(read["test_loss"], run["test_loss"].values[:, 0], rtol=1e-12)


def test_a_recipe_stands_for_module_loss_and_data(run):
    recipe = recipe_of_run(run, *MADE_OF, None)
    settings = {"noise": "none", "trajectories": 1, "progress": False}

    one, other = twin(run, recipe, **settings), twin(run, *MADE_OF, **settings)

    assert one["loss"].values.tobytes() == other["loss"].values.tobytes()
    with pytest.raises(RunError, match="leave them out"):
        twin(run, recipe, LOSS, progress=False)


def test_other_data_and_bad_arguments_are_named(run):
    with pytest.raises(RunError, match="the accuracy on them at the start is"):
        twin(run, NET, LOSS, digits(120, 60, seed=4), progress=False)
    with pytest.raises(RunError, match="noise must be one of"):
        twin(run, *MADE_OF, noise="levy", progress=False)
    with pytest.raises(RunError, match="over a whole number"):
        twin(run, *MADE_OF, dt=0.07, progress=False)
    with pytest.raises(RunError, match="whole numbers"):
        svag(run, *MADE_OF, factors=(1, 1.5), progress=False)
    with pytest.raises(RunError, match="needs minibatches"):
        twin(recorded(batch_size=None), *MADE_OF, progress=False)


def test_a_schedule_that_never_reaches_the_optimizers_rate_is_followed():
    recipe = training.Recipe(
        NET, LOSS, DATA, None, lambda p: torch.optim.SGD(p, lr=0.2), steps=4, batch_size=8,
        scheduler=learning_rates.ConstantLR(0.5, 100), sampling="with-replacement",
    )  # fmt: skip
    run = record(recipe, progress=False)

    plan = plan_twin(run, recipe)

    assert plan.deviations == {}
    np.testing.assert_array_equal(plan.scheme.rates(np.arange(5)), np.full(5, 0.1))
    np.testing.assert_array_equal(plan.scheme.times(np.arange(5)), run["time"].values)
