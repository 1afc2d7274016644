"""A training with a monitor beside it."""

from __future__ import annotations

import random

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from sdesim.training import (
    Monitor,
)

LOSS = nn.CrossEntropyLoss()


def examples(n=64):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 6, generator=generator)
    return x, (x[:, 0] > 0).long()


def network(kind):
    torch.manual_seed(3)
    middle = {"dropout": nn.Dropout(0.3), "norm": nn.BatchNorm1d(8), "plain": nn.Tanh()}[kind]
    return nn.Sequential(nn.Linear(6, 8), middle, nn.Tanh(), nn.Linear(8, 2))


def train(kind, optimizer, monitored, steps=25, data=None, **options):
    x, y = examples()
    model = network(kind)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    loader = DataLoader(data or TensorDataset(x, y), batch_size=8, shuffle=True)
    chosen = optimizer(model.parameters())
    monitor = None
    if monitored:
        options = {"every": 5, "curvature_every": 2, "samples": 4, "announce": None, **options}
        monitor = Monitor(model, LOSS, loader, optimizer=chosen, **options)
    made = 0
    while made < steps:
        for a, b in loader:
            chosen.zero_grad()
            LOSS(model(a), b).backward()
            chosen.step()
            made += 1
            if monitor is not None:
                monitor.step()
    return model, monitor
