"""Trainings of clients, and what their rounds are by hand."""

from __future__ import annotations

import torch

import sdesim
from sdesim.data import digits
from sdesim.training import Clients, mlp, record

DATA = digits(200, 60, seed=1)
LOSS = torch.nn.functional.cross_entropy
RATE, BATCH = 0.2, 10
FOUR = Clients(4, 3, 0.3)


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=RATE)


def train(clients=FOUR, optimizer=sgd, **more):
    settings = {
        "steps": 6, "batch_size": BATCH, "seed": 5, "trajectories": 2, "save_every": 1, "progress": False,
        "probes": sdesim.Probes(every=2, samples=8, estimators=("gradient",)), "clients": clients,
    }  # fmt: skip
    return record(mlp([64, 6, 10], seed=2), LOSS, DATA, None, optimizer, **(settings | more))
