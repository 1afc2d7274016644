"""Losses and gradients of many plain networks of one shape, as products of batches of matrices."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sdesim.networks.fully_connected import Dense
from sdesim.networks.outer_products import FUNCTIONS, slope_of


@torch.no_grad()
def stacked_gradients(
    dense: Dense, parameters: Sequence[Tensor], x: Tensor, y: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """Minibatch losses (G,) and their gradients, like the parameters, of G networks.

    Network g has loss L_g = Σ_b ℓ(f(x_gb; θ_g), y_gb) / B, and with δ = ∂L_g/∂z of a layer of inputs a the
    gradients δᵀa and Σ_b δ_b. No number of one network is a term of another's.

    Args:
        dense: shape and loss of each of them.
        parameters: stacks (G, out, in), and with biases (G, out), in the order of the layers.
        x: inputs (G, B, features). y: labels (G, B), or targets (G, B, outputs).
    """
    parts = 2 if dense.bias else 1
    weights = parameters[::parts]
    inputs, raw = [x], []
    for layer, weight in enumerate(weights):
        if dense.bias:
            z = torch.baddbmm(parameters[2 * layer + 1].unsqueeze(1), inputs[-1], weight.transpose(1, 2))
        else:
            z = torch.bmm(inputs[-1], weight.transpose(1, 2))
        raw.append(z)
        if layer < len(weights) - 1:
            inputs.append(FUNCTIONS[dense.activation](z))
    losses, delta = _loss(dense.loss, raw[-1], y)
    found: list[Tensor] = []
    for layer in range(len(weights) - 1, -1, -1):
        if dense.bias:
            found.append(delta.sum(dim=1))
        found.append(torch.bmm(delta.transpose(1, 2), inputs[layer]))
        if layer:
            slope = slope_of(dense.activation, raw[layer - 1], inputs[layer])
            delta = torch.bmm(delta, weights[layer]).mul_(slope)
    return losses, found[::-1]


def _loss(name: str, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L_g (G,) and ∂L_g/∂z (G, B, outputs)."""
    batch, outputs = z.shape[1:]
    if name == "mse":
        off = z - y
        return (off * off).mean(dim=(1, 2)), off.mul_(2 / (batch * outputs))
    logs = torch.log_softmax(z, dim=2)
    if y.is_floating_point():
        losses = -(y * logs).sum(dim=2).mean(dim=1)
        delta = logs.exp_().mul_(y.sum(dim=2, keepdim=True)).sub_(y)
    else:
        labels = y.unsqueeze(2)
        losses = -logs.gather(2, labels).squeeze(2).mean(dim=1)
        delta = logs.exp_()
        delta.scatter_add_(2, labels, torch.full((), -1.0, dtype=z.dtype).expand(labels.shape))
    return losses, delta.div_(batch)
