"""Probed gradients where examples differ at each reading."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

import sdesim
from sdesim.networks.fully_connected import flat_parameters
from sdesim.training.data.augmentation import Reader
from sdesim.training.data.fresh_examples import oracle_of
from tests.training.data.readings import NETWORK, Flipping, X, Y, flipped, law, train

WEIGHTS = torch.arange(1.0, 41.0).double()


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("name", ["augment", "data set"])
def test_probed_gradients_have_the_law_of_training_with_its_readings(name, weights):
    held = Flipping()
    take = {
        "augment": lambda rows: (X[rows], Y[rows]),
        "data set": lambda rows: (torch.stack([held[int(i)][0] for i in rows]), Y[rows]),
    }
    examples, whole, each, q = law(
        Reader(take[name], flipped if name == "augment" else None, (held,)), weights
    )
    mean, theta = q @ each, flat_parameters(NETWORK)
    covariance = ((each * q[:, None]).T @ each - np.outer(mean, mean)) / 3

    oracle = oracle_of(examples, NETWORK, cross_entropy, 3)
    draws = oracle.gradients(theta, 1000, np.random.default_rng(1))

    # As in test_weighting: 20 means and variances within six standard errors.
    directions = np.random.default_rng(2).standard_normal((10, len(mean)))
    squares = ((draws - mean) @ directions.T) ** 2
    exact = np.einsum("kd,de,ke->k", directions, covariance, directions)
    assert (np.abs((draws.mean(axis=0) - mean) @ directions.T) < 6 * np.sqrt(exact / 1000)).all()
    assert (np.abs(squares.mean(axis=0) - exact) < 6 * squares.std(axis=0) / np.sqrt(1000)).all()
    # The loss of 50 readings of each example: its spread over the signs alone, within six standard errors.
    with torch.no_grad():
        losses = cross_entropy(NETWORK(torch.cat([X, -X])), Y.repeat(2), reduction="none").numpy()
    apart = np.diff(np.reshape(losses, (2, 40)), axis=0)[0] / 2
    error = np.sqrt(((2 * q[:40]) ** 2 * apart**2).sum() / 50)
    assert oracle.loss(theta) == pytest.approx(whole.loss(theta), abs=6 * error)
    # Without the signs the mean would be another.
    plain = 2 * q[:40] @ each[:40]
    assert (np.abs((plain - mean) @ directions.T) > 12 * np.sqrt(exact / 1000)).any()


def test_a_batch_that_is_transformed_as_one_is_probed_as_one():
    def together(x, generator):
        return x * (2 * torch.randint(2, (), generator=generator) - 1)

    draws = []

    def watched(x, generator):
        draws.append(len(x))
        return together(x, generator)

    train(augment=watched, probes=sdesim.Probes(every=20, samples=5, branches=0), steps=1)

    # Eight of the check twice, 50 times 40 in batches of 6, five minibatches of the probe, one step.
    assert draws == [8, 8] + 50 * ([6] * 6 + [4]) + [6] * 5 + [6]
