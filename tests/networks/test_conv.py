"""Convolutional networks: what is refused, and sizes behind halvings."""

import pytest

from sdesim.data import Digits, ModularAddition
from sdesim.kinds import Misfit
from sdesim.networks import Conv

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kernel": 2}, "kernel: found 2, allowed: odd numbers"),
        ({"blocks": 2}, "blocks: found 2, allowed: 1, plain networks have no blocks"),
        ({"channels": (2, 2, 2, 2)}, "channels: found 4 of them, but 4 halvings leave nothing of 8×8"),
    ],
)
def test_what_can_not_be_is_refused(fields, message):
    with pytest.raises(Misfit, match=message):
        Conv(**{"shape": (1, 8, 8), "outputs": 10, "channels": (2,), **fields})


@pytest.mark.parametrize(
    ("pooling", "flat"), [("max", 3 * 1 * 2), ("mean", 3 * 1 * 2), ("stride", 3 * 2 * 3), ("none", 3 * 5 * 9)]
)
def test_every_way_of_halving_leaves_the_size_that_it_says(pooling, flat):
    network = Conv((1, 5, 9), 2, (2, 3), pooling=pooling)

    assert network.shapes[-2] == (2, flat)
    assert network.build()(torch.zeros(3, 45, dtype=torch.float64)).shape == (3, 2)


def test_a_shape_that_is_not_the_datas_is_told_with_both():
    [problem] = Conv((1, 4, 16), 10, (2,)).problems(Digits(20, 0))
    assert problem == (("shape",), "found [1, 4, 16], allowed: [1, 8, 8], the shape of the data")
    # Features in a row have no shape but what the network says.
    assert list(Conv((2, 1, 5), 5, (2,), pooling="none").problems(ModularAddition(5, 0.5))) == []


def test_a_plain_one_is_lenet():
    network = Conv((1, 8, 8), 10, (2, 3), hidden=(7,), activation="tanh", pooling="mean")

    names = [type(part).__name__ for part in network.build()]

    assert names == [
        *("Arranged", "Conv2d", "Tanh", "AvgPool2d", "Conv2d", "Tanh", "AvgPool2d"),
        *("Flatten", "Linear", "Tanh", "Linear"),
    ]


def test_a_block_adds_what_it_was_given():
    block = Conv((1, 4, 4), 2, (2,), style="residual", normalisation="none").build()[3]
    with torch.no_grad():
        for parameter in block.body.parameters():
            parameter.zero_()
    x = torch.randn(2, 2, 4, 4, dtype=torch.float64)

    assert torch.equal(block(x), x.relu())
