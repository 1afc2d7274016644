"""Plain training loops, watched or not."""

from __future__ import annotations

import torch
from torch import nn

from sdesim.training import watch

LOSS = nn.CrossEntropyLoss()


def examples(n=120):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 6, generator=generator)
    return x, (x[:, 0] + torch.randn(n, generator=generator) > 0).long()


def network(middle=nn.Tanh):
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(6, 8), middle(), nn.Linear(8, 2))


def train(
    make=torch.optim.SGD, *, sizes=(16,), steps=30, rate=0.1, watched=True, middle=nn.Tanh, clip=None,
    scaler=None, each=None, **options,
):  # fmt: skip
    """A network trained on batches of micro-batches of these sizes, drawn with replacement, and its watch."""
    x, y = examples()
    model = network(middle)
    optimizer = make(model.parameters(), lr=rate)
    monitor = watch(model, optimizer, **({"budget": None} | options)) if watched else None
    torch.manual_seed(1)
    for step in range(steps):
        optimizer.zero_grad()
        for size in sizes:
            rows = torch.randint(0, len(x), (size,))
            loss = LOSS(model(x[rows]), y[rows]) * size / sum(sizes)
            (loss if scaler is None else scaler.scale(loss)).backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        if each is not None:
            each(step, model)
        if scaler is None:
            optimizer.step()
        else:
            scaler.step(optimizer)
            scaler.update()
    return model, monitor


def truth(model, batch):
    """|μ|² and Tr Σ of a batch, over all examples."""
    x, y = examples()
    rows = []
    for k in range(len(x)):
        grads = torch.autograd.grad(LOSS(model(x[k : k + 1]), y[k : k + 1]), list(model.parameters()))
        rows.append(torch.cat([g.reshape(-1) for g in grads]).double())
    g = torch.stack(rows)
    mean = g.mean(dim=0)
    return float(mean @ mean), float(((g - mean) ** 2).sum(dim=1).mean()) / batch
