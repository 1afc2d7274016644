"""Which weights are taken away before a training."""

import pytest

from sdesim.kinds import Misfit
from sdesim.networks import MLP
from sdesim.networks.ticket import Prune


def test_what_is_left_is_the_share_of_each_layers_weights_and_all_biases():
    # Layers of 24 and 12 weights, 6 + 2 biases; each layer keeps at least one weight.
    network = MLP((4, 6, 2))

    assert Prune("random", 0.75).dim(network) == 6 + 3 + 8
    assert Prune("random", 0.99).dim(network) == 1 + 1 + 8


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rule": "random", "steps": 5}, "random pruning takes no steps"),
        ({"rule": "magnitude"}, "magnitude pruning needs steps, those of the training before each round"),
        ({"rule": "one-shot", "steps": 5, "rounds": 2}, "one-shot pruning takes rounds: 1, found 2"),
    ],
)
def test_steps_and_rounds_that_a_rule_does_not_take_are_refused(fields, words):
    with pytest.raises(Misfit) as caught:
        Prune(sparsity=0.5, **fields)

    assert str(caught.value) == words
