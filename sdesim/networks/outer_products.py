"""Exact minibatch gradients of plain networks as per-layer outer products, without autograd."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.networks.fully_connected import Dense

Array = NDArray[np.float64]
# Most numbers held at once for one layer: 64 MB.
_ROOM = 8_000_000


def fits(dense: Dense, x: Any, y: Any) -> bool:
    """Whether the outer-product path knows data of these shapes (torch would broadcast others)."""
    if not (torch.is_tensor(x) and torch.is_tensor(y)):
        return False
    targets = y.is_floating_point() and y.shape == (len(x), dense.widths[-1])
    labels = not y.is_floating_point() and y.ndim == 1 and bool((y >= 0).all())
    return x.ndim == 2 and (targets or (labels and dense.loss == "cross_entropy"))


def slope_of(activation: str, z: Tensor, a: Tensor) -> Tensor:
    """f′(z) of an activation from z and a = f(z)."""
    if activation == "tanh":
        return 1 - a * a
    if activation == "relu":
        return (z > 0).to(z.dtype)
    if activation == "gelu":
        density = torch.exp(-0.5 * z * z) / (2 * torch.pi) ** 0.5
        slope: Tensor = torch.special.ndtr(z) + z * density
        return slope
    return 2 * z


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "gelu": nn.functional.gelu,
    "quadratic": torch.square,
}


def _signals(dense: Dense, theta: Tensor, x: Tensor, y: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Per layer the inputs a (m, in) and the errors δ = ∂ℓ_i/∂z (m, out) of each example."""
    widths, place = dense.widths, 0
    weights, inputs, raw = [], [x], []
    last = len(widths) - 2
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        weight = theta[place : place + fan_out * fan_in].reshape(fan_out, fan_in)
        place += fan_out * fan_in
        if dense.bias:
            z = torch.addmm(theta[place : place + fan_out], inputs[-1], weight.T)
            place += fan_out
        else:
            z = inputs[-1] @ weight.T
        weights.append(weight)
        raw.append(z)
        if layer < last:
            inputs.append(FUNCTIONS[dense.activation](z))
    if dense.loss == "mse":
        delta = 2 * (raw[-1] - y) / widths[-1]
    elif y.is_floating_point():
        delta = torch.softmax(raw[-1], dim=1) * y.sum(dim=1, keepdim=True) - y
    else:
        delta = torch.softmax(raw[-1], dim=1)
        delta[torch.arange(len(y)), y] -= 1
    errors = [delta]
    for layer in range(last, 0, -1):
        slope = slope_of(dense.activation, raw[layer - 1], inputs[layer])
        errors.insert(0, (errors[0] @ weights[layer]) * slope)
    return inputs, errors


@torch.no_grad()
def outer_gradients(dense: Dense, theta: Tensor, x: Tensor, y: Tensor, rows: Tensor) -> Array:
    """Mean gradients (n, d) of the minibatches rows (n, B): per layer Σ_b δ_b a_bᵀ / B, no autograd."""
    n, batch = rows.shape
    x, y, rows = x.to(theta.device), y.to(theta.device), rows.to(theta.device)
    out = torch.empty(n, theta.numel(), dtype=theta.dtype, device=theta.device)
    whole = n * batch >= len(x)
    shared = _signals(dense, theta, x, y) if whole else None
    step = max(1, _ROOM // (batch * max(dense.widths)))
    for start in range(0, n, step):
        part = rows[start : start + step]
        flat = part.reshape(-1)
        if shared is None:
            inputs, errors = _signals(dense, theta, x[flat], y[flat])
        else:
            inputs, errors = [a[flat] for a in shared[0]], [e[flat] for e in shared[1]]
        place = 0
        for a, delta in zip(inputs, errors, strict=True):
            error = delta.reshape(len(part), batch, -1) / batch
            size = error.shape[2] * a.shape[1]
            rows_of_layer = a.reshape(len(part), batch, -1)
            # Of single examples a plain product gives the same bits much faster.
            product = (
                error.transpose(1, 2) * rows_of_layer
                if batch == 1
                else torch.bmm(error.transpose(1, 2), rows_of_layer)
            )
            out[start : start + step, place : place + size] = product.reshape(len(part), -1)
            place += size
            if dense.bias:
                out[start : start + step, place : place + error.shape[2]] = error.sum(dim=1)
                place += error.shape[2]
    return out.double().cpu().numpy()
