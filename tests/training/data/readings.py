"""Examples that differ at each reading, and trainings on them."""

import random

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

import sdesim
from sdesim import data
from sdesim.networks.fully_connected import flat_parameters
from sdesim.training import TorchOracle, mlp, record
from sdesim.training.data.examples import Examples, read_anew

DIGITS = data.digits(40, 30, seed=0)
X, Y = torch.as_tensor(DIGITS.x_train), torch.as_tensor(DIGITS.y_train).long()
NETWORK = mlp([64, 3, 10], seed=0)


def flipped(x, generator):
    """Each example with either sign."""
    return x * (2 * torch.randint(2, (len(x), 1), generator=generator) - 1)


class Flipping(Dataset):
    """The same by generators of its own, or by global ones."""

    def __init__(self, own=True):
        self.own = [torch.Generator(), np.random.default_rng(0), random.Random(0)] if own else None

    def __len__(self):
        return 40

    def __getitem__(self, i):
        if self.own is None:
            draws = int(torch.randint(2, ())), np.random.randint(2), random.randint(0, 1)  # noqa: NPY002
        else:
            draws = (
                int(torch.randint(2, (), generator=self.own[0])), int(self.own[1].integers(2)),
                self.own[2].randint(0, 1),
            )  # fmt: skip
        return X[i] * (2 * (sum(draws) % 2) - 1), Y[i]


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1)


def train(source=(X, Y), test=None, loss=cross_entropy, **changes):
    arguments = {"steps": 9, "seed": 3, "save_every": 3, "progress": False,
                 "probes": sdesim.Probes(every=4, samples=4)}  # fmt: skip
    if not isinstance(source, DataLoader):
        arguments["batch_size"] = 6
    return record(NETWORK, loss, source, test, sgd, **(arguments | changes))


def law(reader, weights=None):
    """Examples read anew, and exact mean gradients, losses and probabilities of all 80 signed examples."""
    examples = Examples(X, Y, None if weights is None else weights / weights.sum(), reader=reader)
    examples = read_anew(examples, None, 8, lambda k: k)
    q = torch.full((40,), 1 / 40).double() if weights is None else weights / weights.sum()
    both, labels, q = torch.cat([X, -X]), Y.repeat(2), (q.repeat(2) / 2)
    whole = TorchOracle(NETWORK, cross_entropy, both, labels, 1, q)
    each = whole.gradients_of(flat_parameters(NETWORK), torch.arange(80)[:, None], np.random.default_rng(0))
    return examples, whole, each, q.numpy()
