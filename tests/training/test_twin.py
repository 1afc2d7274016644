"""The SDE that imitates a recorded run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import sdesim
from sdesim.data import digits
from sdesim.errors import RunError
from sdesim.noise import sample_stable
from sdesim.training import TWIN_NOISES, fit_noise, mlp, record, svag, twin, twins
from sdesim.training.loop.svag import amplified_noise

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
    from sdesim.training.twinning.original import original

    surface = original(run, *MADE_OF, None).surface
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
    ("optimizer", "said"),
    [
        (lambda p: torch.optim.Adam(p, lr=0.01), "trained by 'adam'"),
        (lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.1), "needs weight_decay 0"),
    ],
)
def test_optimizers_that_the_sde_does_not_describe_are_refused(optimizer, said):
    with pytest.raises(RunError, match=said):
        twin(recorded(optimizer), *MADE_OF, progress=False)


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
