"""Steps of a network's training as they were read, against what each did to the loss of all examples."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from sdesim.training import watch
from sdesim.training.watching.readings import _FIELDS

_SGD = torch.optim.SGD
BATCH, EXAMPLES, _BLOCK = 16, 240, 50
# Name: optimizer, norm that gradients are cut to, micro-batches, whether a loader is given.
LOOPS: dict[str, tuple[Callable[..., Any], float | None, int, bool]] = {
    "SGD": (functools.partial(_SGD, lr=0.2), None, 1, False),
    "SGD, 4 micro-batches": (functools.partial(_SGD, lr=0.2), None, 4, False),
    "momentum 0.9": (functools.partial(_SGD, lr=0.02, momentum=0.9), None, 1, False),
    "Nesterov 0.9, L2": (
        functools.partial(_SGD, lr=0.02, momentum=0.9, nesterov=True, weight_decay=0.01), None, 1, False
    ),
    "SGD, clipped": (functools.partial(_SGD, lr=0.2), 0.3, 1, True),
    "Adam": (functools.partial(torch.optim.Adam, lr=0.01), None, 1, True),
    "AdamW, clipped": (functools.partial(torch.optim.AdamW, lr=0.01, weight_decay=0.1), 0.3, 1, True),
    "RMSprop": (functools.partial(torch.optim.RMSprop, lr=0.003), None, 4, True),
}  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """Mean change of the loss per step: as read, as it was, and the standard error of their difference."""

    read: float
    true: float
    error: float


def progress(name: str, steps: int, seed: int) -> Progress:
    """The change of the loss by the steps of one training, batches drawn with replacement."""
    make, clip, parts, given = LOOPS[name]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(EXAMPLES, 6, generator=generator)
    y = (x[:, 0] + torch.randn(EXAMPLES, generator=generator) > 0).long()
    torch.manual_seed(seed)
    model, loss = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2)), nn.CrossEntropyLoss()
    optimizer = make(model.parameters())
    data = torch.utils.data.TensorDataset(x, y)
    draws = torch.utils.data.RandomSampler(data, replacement=True, num_samples=EXAMPLES)
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, sampler=draws)
    more: dict[str, Any] = {"loss": loss, "loader": loader} if given else {}
    monitor = watch(model, optimizer, budget=None, **more)
    losses = []
    for _ in range(steps):
        with torch.no_grad():
            losses.append(float(loss(model(x), y)))
        optimizer.zero_grad()
        for rows in torch.randint(0, EXAMPLES, (BATCH,)).chunk(parts):
            (loss(model(x[rows]), y[rows]) / parts).backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    rows = np.array(monitor._readings._rows)
    step, before, after = (rows[:, _FIELDS.index(k)] for k in ("step", "before", "after"))
    known = np.isfinite(before) & np.isfinite(after) & (step < steps - 1)
    change = np.diff(losses)[step[known].astype(int)]
    gap = 0.5 * (before + after)[known] - change
    means = gap[len(gap) % _BLOCK :].reshape(-1, _BLOCK).mean(axis=1)
    error = float(means.std(ddof=1)) / np.sqrt(len(means))
    return Progress(float(0.5 * (before + after)[known].mean()), float(change.mean()), float(error))
