"""A monitor draws from no generator of the training that it is beside."""

import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from sdesim.training import Monitor, mlp
from tests.training.data.readings import Flipping, sgd


def test_a_monitor_leaves_a_training_alone_whose_data_and_sampler_hold_generators():
    def trained(monitored):
        torch.manual_seed(0)
        source, model = Flipping(), mlp([64, 3, 10], seed=0)
        sampler = torch.utils.data.RandomSampler(source, generator=torch.Generator().manual_seed(1))
        batches = DataLoader(source, batch_sampler=torch.utils.data.BatchSampler(sampler, 8, False))
        optimizer, seen = sgd(model.parameters()), []
        monitor = Monitor(
            model, cross_entropy, batches, optimizer=optimizer, every=2, samples=4, announce=None
        )
        for x, y in batches:
            seen.append(x)
            optimizer.zero_grad()
            cross_entropy(model(x), y).backward()
            optimizer.step()
            if monitored:
                monitor.step()
        return [*model.parameters(), *seen], len(monitor.history)

    bare, watched = trained(False), trained(True)

    assert (bare[1], watched[1]) == (0, 3)
    assert all(map(torch.equal, bare[0], watched[0]))
