"""Paths of shuffled epochs are told from paths of independent batches."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdesim.training.families.correlation import epoch_gain

N, BATCH, SEEDS, AXES, STEPS = 60, 10, 3, 8, 240


def path(epochs, momentum=0.0, nesterov=False, every=1, curvature=0.1, rate=0.05):
    rng = np.random.default_rng(0)
    examples = rng.standard_normal((N, AXES))
    examples -= examples.mean(axis=0)
    theta = np.ones((SEEDS, STEPS + 1, AXES))
    for k in range(SEEDS):
        m, order = np.zeros(AXES), np.arange(N)
        for t in range(STEPS):
            place = t % (N // BATCH) * BATCH
            if place == 0:
                order = rng.permutation(N)
            rows = order[place : place + BATCH] if epochs else rng.integers(0, N, BATCH)
            g = curvature * theta[k, t] + examples[rows].mean(axis=0)
            m = momentum * m + g
            theta[k, t + 1] = theta[k, t] - rate * (g + momentum * m if nesterov else m)
    attrs = {
        "optimizer_class": "torch.optim.sgd.SGD", "momentum": momentum, "nesterov": nesterov,
        "batch_size": BATCH, "dataset_size": N,
    }  # fmt: skip
    rates = np.full((SEEDS, STEPS + 1), rate)
    run = xr.Dataset(
        {
            "theta_projection": (("trajectory", "step", "direction"), theta),
            "learning_rate": (("trajectory", "step"), rates),
        },
        coords={"step": np.arange(STEPS + 1)},
        attrs=attrs,
    )
    return run.isel(step=slice(None, None, every))


@pytest.mark.parametrize(
    "settings", [{}, {"momentum": 0.9, "rate": 0.005}, {"momentum": 0.9, "nesterov": True, "rate": 0.005}]
)
def test_epochs_foretell_a_path_of_epochs_better_and_one_of_independent_batches_worse(settings):
    # Each seed by itself, at least ten standard errors from 0 over its blocks.
    shuffled, independent = epoch_gain(path(True, **settings)), epoch_gain(path(False, **settings))

    assert (shuffled.mean(axis=1) > 0.02).all()
    assert (independent.mean(axis=1) < 0.0).all()


def test_saved_points_of_every_third_step_still_tell():
    assert (epoch_gain(path(True, every=3)).mean(axis=1) > 0.005).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"optimizer_class": "torch.optim.adam.Adam"}, "not linear"),
        ({"batch_size": 40}, "fewer than two batches"),
        ({"last_batch": 4}, "smaller than the others"),
        ({"batch_size": 30}, "more than half an epoch"),
    ],
)
def test_what_can_not_be_told_is_said(change, words):
    run = path(True, every=2)

    assert words in epoch_gain(run.assign_attrs(change))


def test_a_short_run_tells_nothing():
    assert "saved points" in epoch_gain(path(True).isel(step=slice(0, 20)))
