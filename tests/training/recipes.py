"""A recipe to change."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy

from sdesim import data
from sdesim.training import Recipe, mlp

DIGITS = data.digits(60, 40, seed=0)
NETWORK = mlp([64, 8, 10], seed=0)


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1)


def recipe(**changes):
    return Recipe(NETWORK, cross_entropy, DIGITS, None, sgd, **({"steps": 6, "batch_size": 10} | changes))
