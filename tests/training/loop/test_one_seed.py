"""Seeds have generators of their own."""

import torch

from sdesim.networks.fully_connected import flat_parameters
from sdesim.training import mlp
from tests.training.recorded import PROBES, train


def test_the_same_seed_gives_the_same_bits_and_seeds_do_not_disturb_each_other():
    three, one = train(trajectories=3), train(trajectories=1)

    assert train(trajectories=3).theta.values.tobytes() == three.theta.values.tobytes()
    assert three.theta.values[0].tobytes() == one.theta.values[0].tobytes()
    assert three.theta.values[1].tobytes() != one.theta.values[0].tobytes()


def test_recording_leaves_the_module_and_the_global_generators_alone():
    network = mlp([64, 8, 10], seed=0)
    before = flat_parameters(network)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)

    train(network=network, probes=PROBES)

    assert (flat_parameters(network) == before).all()
    assert torch.equal(torch.rand(3), expected)


def test_fresh_seeds_start_elsewhere_and_module_seeds_at_the_module():
    same, fresh = train(trajectories=2), train(trajectories=2, init="fresh")

    assert (same.theta.values[0, 0] == same.theta.values[1, 0]).all()
    assert (fresh.theta.values[0, 0] != fresh.theta.values[1, 0]).any()
