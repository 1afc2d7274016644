"""The SDE that imitates a recorded run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import sdesim
from sdesim import training
from sdesim.data import digits
from sdesim.errors import RunError
from sdesim.noise import sample_stable
from sdesim.training import TWIN_NOISES, fit_noise, mlp, record, svag, twin, twins
from sdesim.training.loop.svag import amplified_noise
from sdesim.training.twinning.plan import plan_twin, recipe_of_run

LOSS = nn.CrossEntropyLoss()
DATA = digits(120, 60)
NET = mlp([64, 6, 10], seed=0)
MADE_OF = (NET, LOSS, DATA)
CHOSEN = ("none", "minibatch", "stable-truncated")


def recorded(optimizer=lambda p: torch.optim.SGD(p, lr=0.2), batch_size=8, module=NET, **options):
    return record(
        module, LOSS, DATA, None, optimizer, steps=60, batch_size=batch_size, trajectories=3, seed=1,
        save_every=20, probes=sdesim.Probes(every=30, samples=32), progress=False,
        sampling="with-replacement", **options,
    )  # fmt: skip


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


def test_the_fitted_noise_has_the_recorded_trace_and_scale(run):
    fit = fit_noise(run)

    assert fit.trace == pytest.approx(float(run["noise"].mean()))
    assert 0.5 < fit.index <= 2.0
    # Of a Gaussian law γ² = variance/2 along a direction, TrΣ/d on average; heavier tails have less.
    assert 0 < fit.spread < 2 * np.sqrt(fit.trace / run.attrs["dim"])


def test_the_fit_finds_the_index_and_the_scale_of_stable_gradients():
    alpha, spread, eta = 1.5, 0.3, 0.1
    dims = ("trajectory", "probe", "sample", "direction")
    draws = 2.0 + spread * sample_stable(alpha, 0.0, (2, 3, 1000, 16), seed=1)
    made = xr.Dataset(
        {"gradient_projection": (dims, draws), "noise": (dims[:2], np.full((2, 3), 7.0))},
        attrs={"batch_size": 8, "learning_rate": eta},
    )

    fit = fit_noise(made)

    # The fit's own interval says a standard error of 0.0055; five are 0.028.
    assert fit.index == pytest.approx(alpha, abs=0.03)
    # The middle half of 1,000 draws is known to 4%, the mean of 96 to 0.4%, the law to 0.3%: five of both.
    assert fit.spread == pytest.approx(spread, rel=0.025)
    # −σ η^{1/α−1} S is the gradient noise.
    assert fit.scale * eta ** (1 / fit.index - 1) == pytest.approx(fit.spread)
    assert fit.trace == 7.0


def test_any_module_has_a_twin():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 4), nn.LayerNorm(4), nn.Tanh(), nn.Linear(4, 10)).double()
    full = recorded(batch_size=None, module=net)

    made = twin(full, net, LOSS, DATA, noise="none", progress=False)

    np.testing.assert_allclose(made["loss"].values[0], full["loss"].values[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("optimizer", "options", "names", "said"),
    [
        (lambda p: torch.optim.Adam(p, lr=0.01), {}, ["optimizer"], "trains with Adam$"),
        (lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.1), {}, ["weight_decay"], "weight decay$"),
        (
            lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.5, dampening=0.2),
            {"scheduler": lambda o: torch.optim.lr_scheduler.StepLR(o, 30)},
            ["learning_rate_changes", "momentum"],
            "a learning rate that changes and momentum$",
        ),
    ],
)
def test_what_the_sde_does_not_describe_is_simulated_as_sgd_and_said(optimizer, options, names, said):
    run = recorded(optimizer, batch_size=None, **options)

    with pytest.warns(UserWarning, match=said):
        made = twin(run, *MADE_OF, noise="none", trajectories=1, progress=False)

    assert made.attrs["twin_deviations"] == names
    assert made.attrs["learning_rate"] == run.attrs["base_learning_rate"]
    # The twin's steps are of one length; it ends within half of one of the run's time.
    half = made.attrs["dt"] / 2
    assert float(made["time"][-1]) == pytest.approx(float(run["time"][-1]), abs=half * 1.001)


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
    read = plan.evaluation.values(plan.starts[:2])
    np.testing.assert_allclose(read["test_loss"], run["test_loss"].values[:, 0], rtol=1e-12)


def test_a_recipe_stands_for_module_loss_and_data(run):
    recipe = recipe_of_run(run, *MADE_OF, None)
    settings = {"noise": "none", "trajectories": 1, "progress": False}

    one, other = twin(run, recipe, **settings), twin(run, *MADE_OF, **settings)

    assert one["loss"].values.tobytes() == other["loss"].values.tobytes()
    with pytest.raises(RunError, match="leave them out"):
        twin(run, recipe, LOSS, progress=False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m[0].requires_grad_(False), "390 of this run's are frozen"),
        (lambda m: m.insert(1, nn.BatchNorm1d(6, dtype=torch.float64)), "this one has BatchNorm1d"),
        (lambda m: m.insert(1, nn.Dropout(0.5)), "this one has Dropout"),
    ],
)
def test_networks_that_the_sde_would_not_follow_are_refused(change, said):
    net = mlp([64, 6, 10], seed=0)
    change(net)
    made = record(
        net, LOSS, DATA, None, lambda p: torch.optim.SGD(p, lr=0.1), steps=2, batch_size=8, progress=False
    )

    with pytest.raises(RunError, match=said):
        twin(made, net, LOSS, DATA, noise="none", progress=False)


def test_a_summed_loss_is_refused_where_batches_are_summed():
    total = nn.CrossEntropyLoss(reduction="sum")
    made = record(
        NET, total, DATA, None, lambda p: torch.optim.SGD(p, lr=1e-3), steps=2, batch_size=8, progress=False
    )

    with pytest.raises(RunError, match="this one is a sum"):
        twin(made, NET, total, DATA, noise="none", progress=False)


def test_other_data_and_bad_arguments_are_named(run):
    with pytest.raises(RunError, match="are not the run's"):
        twin(run, NET, LOSS, digits(120, 60, seed=4), progress=False)
    with pytest.raises(RunError, match="noise must be one of"):
        twin(run, *MADE_OF, noise="levy", progress=False)
    with pytest.raises(RunError, match="over a whole number"):
        twin(run, *MADE_OF, dt=0.07, progress=False)
    with pytest.raises(RunError, match="whole numbers"):
        svag(run, *MADE_OF, factors=(1, 1.5), progress=False)
    with pytest.raises(RunError, match="needs minibatches"):
        twin(recorded(batch_size=None), *MADE_OF, progress=False)
