"""Least squares of which every example has the same Hessian, so that any batch gives exact answers."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from sdesim.training.watching.batches import Drawn
from sdesim.training.watching.goods.base import Visit

SPECTRUM = (6.0, 4.0, 2.0, 1.0, 0.5)


def bowl(dtype=torch.float32, noise=0.0, n=64, seed=0):
    """A network x ↦ x·w, examples x (n, k, k) all one matrix A, targets A·1 (and noise), and H = AᵀA."""
    generator = torch.Generator().manual_seed(seed)
    k = len(SPECTRUM)
    turn, _ = torch.linalg.qr(torch.randn(k, k, generator=generator, dtype=torch.float64))
    matrix = torch.diag(torch.tensor(SPECTRUM, dtype=torch.float64).sqrt()) @ turn
    torch.manual_seed(seed)
    net = nn.Linear(k, 1, bias=False).to(dtype)
    y = (matrix.sum(dim=1) + noise * torch.randn(n, k, generator=generator, dtype=torch.float64)).to(dtype)
    return net, matrix.to(dtype).expand(n, k, k).clone(), y, matrix.T @ matrix


def loss(output, y):
    return 0.5 * (output[..., 0] - y).square().sum(dim=1).mean()


def loader(x, y, size=8):
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=size, shuffle=True)


def step(net, optimizer, x, y):
    optimizer.zero_grad()
    loss(net(x), y).backward()
    optimizer.step()


def visit(net, optimizer, examples, heldout=None, at=0, size=8, function=loss):
    """A visit of a shop that draws from a loader."""
    weight = next(net.parameters())
    held = None if heldout is None else Drawn(loader(*heldout, size), "heldout", function, weight)
    return Visit(
        model=net, optimizer=optimizer, step=at, rng=np.random.default_rng(at), heldout=held,
        train=Drawn(loader(*examples, size), "loader", function, weight),
    )  # fmt: skip
