"""A small training by torch alone, kept in its middle."""

from __future__ import annotations

import copy

import torch

from sdesim.data import digits
from sdesim.training import Recipe, mlp

LOSS = torch.nn.CrossEntropyLoss()
NET = mlp([64, 5, 10], seed=0).double()
KEPT, MORE = 12, 8


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=1e-2, betas=(0.9, 0.99))


def cosine(optimizer):
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 30)


def recipe(batch_size=None, optimizer=adamw, scheduler=cosine):
    return Recipe(
        NET, LOSS, digits(60, 30), None, optimizer, steps=30, batch_size=batch_size, scheduler=scheduler
    )


def trained():
    """The checkpoint at step KEPT of a training on the full batch, and the losses from there on."""
    data = digits(60, 30)
    x, y = torch.as_tensor(data.x_train, dtype=torch.float64), torch.as_tensor(data.y_train)
    model = copy.deepcopy(NET)
    optimizer = adamw(model.parameters())
    scheduler, losses, kept = cosine(optimizer), [], {}
    for step in range(KEPT + MORE + 1):
        if step == KEPT:
            parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            kept = copy.deepcopy(parts)
        optimizer.zero_grad()
        loss = LOSS(model(x), y)
        losses.append(float(loss.detach()))
        loss.backward()
        optimizer.step()
        scheduler.step()
    return kept, losses[KEPT:]
