"""Gradient noise by draws of a training's own gradients."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from sdesim import Probes, simulate, training
from sdesim.errors import RunError
from sdesim.noise import Gaussian, increments
from sdesim.noise.epochs import Epochs, orders
from sdesim.noise.kernel import Drawn
from sdesim.training.twinning.drawn_gradients import DrawnGradients
from sdesim.training.twinning.own_steps import own_steps
from sdesim.training.twinning.training_law import TrainingLaw

X = torch.tensor([[1.0], [-0.5], [2.0], [0.3]], dtype=torch.float64)
Y = torch.tensor([[0.2], [1.0], [-1.0], [0.4]], dtype=torch.float64)
THETA, LIMIT, DRAWS = 0.7, 0.8, 500
ASKED = [(1.0, 1.0), (0.5, 1.0)]


def law(**options):
    net = nn.Linear(1, 1, bias=False).double()
    return TrainingLaw(
        training.Recipe(
            net,
            nn.MSELoss(),
            (X, Y),
            None,
            lambda p: torch.optim.SGD(p, lr=0.1),
            steps=1,
            batch_size=2,
            clip={"value": LIMIT},
            **options,
        )
    )


def test_inputs_have_the_mean_and_the_covariance_of_clipped_batches():
    a, b = 2.0, 0.7
    noise = DrawnGradients(law(), 2, 0.1)
    driven = noise.drives(1, Drawn(3, 0, 0, DRAWS, 4, 1), 0, None)
    theta = torch.full((DRAWS, 1), THETA, dtype=torch.float64)

    (found,) = driven.inputs(theta, [(a, b)])

    each = (2 * X * (THETA * X - Y)).numpy()[:, 0]
    pairs = [(one + other) / 2 for one, other in itertools.product(each, repeat=2)]
    batches = np.clip(pairs, -LIMIT, LIMIT)
    values = found.numpy()[:, 0]
    # False alarms below 1e-6: 5 standard errors; kurtosis of sums of bounded draws is below 6.
    assert abs(values.mean() - a * batches.mean()) < 5 * b * batches.std() / DRAWS**0.5
    assert abs(values.var() / (b * b * batches.var()) - 1) < 5 * (5 / DRAWS) ** 0.5


def test_numbers_depend_on_the_trajectory_alone_and_not_on_those_beside_it():
    noise = DrawnGradients(law(), 2, 0.1)
    theta = torch.linspace(-1, 1, 5, dtype=torch.float64)[:, None]

    driven = noise.drives(1, Drawn(3, 0, 2, 5, 4, 1), 4, None)
    together = driven.inputs(theta, ASKED)
    apart = driven.among(slice(3, 5)).inputs(theta[3:], ASKED)

    for one, other in zip(together, apart, strict=True):
        np.testing.assert_array_equal(one[3:].numpy(), other.numpy())


def test_the_steps_of_an_epoch_add_up_to_the_clipped_gradients_of_its_batches():
    noise = DrawnGradients(law(), 2, 0.1, drawn="epoch")
    kernel, drawn = noise.kernel(1, 0.1, 0.1), Drawn(3, 0, 0, 5, 2, 2)
    weights = increments(kernel, kernel.rows, 5, 2, seed=3) / -0.1
    theta = torch.full((5, 1), THETA, dtype=torch.float64)

    steps = [kernel.drives(drawn, k, weights[k]).inputs(theta, [(1.0, 1.0)])[0].numpy() for k in range(2)]

    each = (2 * X * (THETA * X - Y)).numpy()[:, 0]
    batches = np.clip(each[orders(Epochs(4, 2), drawn, 0, 1)].reshape(5, 2, 2).mean(axis=2), -LIMIT, LIMIT)
    np.testing.assert_allclose((steps[0] + steps[1])[:, 0], batches.sum(axis=1), rtol=1e-6)
    # Gaussian weights: a step is not one of the batches.
    assert np.abs(steps[0] - batches).min(axis=1).max() > 1e-4


def test_epochs_with_a_smaller_last_batch_have_independent_draws():
    ragged = DrawnGradients(law(), 3, 0.1, drawn="epoch", drop_last=False)

    assert (ragged.way, ragged.sampling, ragged.draws) == ("draws", "with-replacement", 4)


def test_a_law_of_its_own_drives_once_and_what_else_is_added_comes_on_top():
    own = law()
    noise = DrawnGradients(own, 2, 0.1)
    made = {"theta0": np.full((4, 1), THETA), "dt": 0.1, "steps": 1, "trajectories": 4, "learning_rate": 0.1}
    scheme = own_steps(
        training.record(own._recipe, progress=False), own._recipe, own.train, own, steps=1, stretch=1
    )[0]
    with pytest.raises(RunError, match="takes it once"):
        simulate(own, [noise, noise], scheme=scheme, seed=0, **made)

    probed = {
        k: simulate(own, some, scheme=scheme, seed=0, probes=Probes(every=1, branches=400), **made)
        for k, some in {"law": [noise], "both": [Gaussian(5.0), noise]}.items()
    }

    # The loss rises by half the curvature times the variance 2 D dt of what is added, at any place of it.
    rise = float(np.mean(2 * X.numpy() ** 2)) * 5.0 * 0.1
    gap = float(probed["both"]["progress"][0, 0] - probed["law"]["progress"][0, 0])
    error = float(np.hypot(*(run["progress_error"][0, 0] for run in probed.values())))
    assert abs(gap - rise) < 5 * error
