"""Seeds have generators of their own."""

import numpy as np
import pytest
import torch

from sdesim.networks.fully_connected import flat_parameters
from sdesim.training import mlp
from sdesim.training.loop.one_seed import norm_of_moved
from tests.training.recorded import PROBES, train


def test_the_same_seed_gives_the_same_bits_and_seeds_do_not_disturb_each_other():
    three, one = train(trajectories=3), train(trajectories=1)

    assert train(trajectories=3).theta.values.tobytes() == three.theta.values.tobytes()
    assert three.theta.values[0].tobytes() == one.theta.values[0].tobytes()
    assert three.theta.values[1].tobytes() != one.theta.values[0].tobytes()


@pytest.mark.usefixtures("two_torch_threads")
def test_recording_leaves_the_module_the_global_generators_and_torchs_threads_alone():
    network = mlp([64, 8, 10], seed=0)
    before = flat_parameters(network)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)

    train(network=network, probes=PROBES)

    assert (flat_parameters(network) == before).all()
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == 2


def test_fresh_seeds_start_elsewhere_and_module_seeds_at_the_module():
    same, fresh = train(trajectories=2), train(trajectories=2, init="fresh")

    assert (same.theta.values[0, 0] == same.theta.values[1, 0]).all()
    assert (fresh.theta.values[0, 0] != fresh.theta.values[1, 0]).any()


def test_the_norm_counts_what_is_trained_and_tied_weights_once():
    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.outer = torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 2, bias=False)
            self.outer.weight = self.inner.weight
            self.gain = torch.nn.Parameter(torch.tensor([12.0]))
            self.frozen = torch.nn.Parameter(torch.tensor([100.0]), requires_grad=False)

    module = Tied()
    with torch.no_grad():
        module.inner.weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
    whole = torch.optim.SGD(module.parameters(), lr=0.1)
    part = torch.optim.SGD([module.inner.weight], lr=0.1)
    theta = flat_parameters(module)

    assert theta.size == 6
    assert norm_of_moved(module, whole, theta) == 13.0
    assert norm_of_moved(module, part, theta) == 5.0
    module.frozen.requires_grad_(True)
    assert norm_of_moved(module, whole, theta) == np.linalg.norm(theta)
