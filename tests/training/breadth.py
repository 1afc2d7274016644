"""Short trainings of every kind."""

import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import (
    DataLoader,
)

from sdesim import data
from sdesim.training import mlp, record

DIGITS = data.digits(60, 0, seed=0)
X, Y = torch.as_tensor(DIGITS.x_train), torch.as_tensor(DIGITS.y_train).long()
OPTIM, SCHEDULES = torch.optim, torch.optim.lr_scheduler


def sgd(parameters):
    return OPTIM.SGD(parameters, lr=0.1)


def train(train=(X, Y), network=None, loss=cross_entropy, optimizer=sgd, **changes):
    arguments = {"steps": 8, "seed": 3, "save_every": 1, "progress": False}
    if not isinstance(train, DataLoader):
        arguments["batch_size"] = 10
    return record(network or mlp([64, 8, 10], seed=0), loss, train, None, optimizer, **(arguments | changes))
