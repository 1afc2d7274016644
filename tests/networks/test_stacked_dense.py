"""Stacked networks have the losses and gradients that each of them has alone."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from sdesim.networks.fully_connected import as_dense, mlp
from sdesim.networks.stacked_dense import stacked_gradients

NETWORKS, BATCH = 3, 4
LABELS = torch.tensor([[0, 1, 2, 1]] * NETWORKS)
TARGETS = torch.rand(NETWORKS, BATCH, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
CASES = {
    "labels": ([5, 4, 3], {}, cross_entropy, LABELS),
    "class probabilities": ([5, 4, 3], {"activation": "relu"}, cross_entropy, TARGETS),
    "targets, two hidden layers": ([5, 4, 2, 3], {"activation": "gelu"}, mse_loss, TARGETS),
    "without biases": ([5, 4, 3], {"activation": "quadratic", "bias": False}, nn.MSELoss(), TARGETS),
    "one layer": ([5, 3], {}, nn.CrossEntropyLoss(), LABELS),
}


@pytest.mark.parametrize("case", CASES)
def test_losses_and_gradients_are_those_of_autograd(case):
    widths, settings, loss_fn, y = CASES[case]
    models = [mlp(widths, seed=k, **settings) for k in range(NETWORKS)]
    x = torch.randn(NETWORKS, BATCH, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    columns = zip(*[m.parameters() for m in models], strict=True)

    losses, gradients = stacked_gradients(
        as_dense(models[0], loss_fn), [torch.stack(column).detach() for column in columns], x, y
    )

    for g, model in enumerate(models):
        loss = loss_fn(model(x[g]), y[g])
        loss.backward()
        # Sums of at most a few dozen terms of order 1.
        assert float(losses[g]) == pytest.approx(float(loss.detach()), rel=1e-13)
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            torch.testing.assert_close(gradient[g], parameter.grad, rtol=1e-12, atol=1e-14)


def test_a_network_that_is_not_finite_changes_no_bit_of_another():
    # Widths and a batch that are no multiple of what a processor takes at once.
    models = [mlp([5, 7, 3], seed=k) for k in range(NETWORKS)]
    x = torch.randn(NETWORKS, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    stacks = [torch.stack(c).detach() for c in zip(*[m.parameters() for m in models], strict=True)]
    dense = as_dense(models[0], cross_entropy)

    whole = stacked_gradients(dense, stacks, x, LABELS[:, :3])
    for spoilt in (torch.nan, torch.inf, 1e300):
        stacks[0][1].fill_(spoilt)
        losses, gradients = stacked_gradients(dense, stacks, x, LABELS[:, :3])

        for at in (0, 2):
            assert torch.equal(losses[at], whole[0][at])
            assert all(torch.equal(a[at], b[at]) for a, b in zip(gradients, whole[1], strict=True))
