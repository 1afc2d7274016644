"""Short recorded trainings."""

import torch
from torch.nn.functional import cross_entropy

import sdesim
from sdesim import data
from sdesim.training import mlp, record

DIGITS = data.digits(60, 40, seed=0)
PROBES = sdesim.Probes(every=4, samples=6)


def sgd(lr=0.1, **settings):
    return lambda parameters: torch.optim.SGD(parameters, lr=lr, **settings)


def train(**changes):
    arguments = {"steps": 8, "batch_size": 10, "seed": 3, "progress": False, "save_every": 1}
    network = changes.pop("network", None) or mlp([64, 8, 10], seed=0)
    optimizer, loss_fn = changes.pop("optimizer", sgd()), changes.pop("loss_fn", cross_entropy)
    return record(network, loss_fn, DIGITS, None, optimizer, **(arguments | changes))
