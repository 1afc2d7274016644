"""Recorded runs and their twins."""

from __future__ import annotations

import torch
from torch import nn

import sdesim
from sdesim.data import digits
from sdesim.training import mlp, record

LOSS = nn.CrossEntropyLoss()
DATA = digits(120, 60)
NET = mlp([64, 6, 10], seed=0)
MADE_OF = (NET, LOSS, DATA)


def recorded(optimizer=lambda p: torch.optim.SGD(p, lr=0.2), batch_size=8, module=NET, **options):
    return record(
        module, LOSS, DATA, None, optimizer, steps=60, batch_size=batch_size, trajectories=3, seed=1,
        save_every=20, probes=sdesim.Probes(every=30, samples=32), progress=False,
        sampling="with-replacement", **options,
    )  # fmt: skip
