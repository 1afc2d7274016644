"""Layers as the model names them."""

from torch import nn

from sdesim.training.watching.layers import layer_names


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = nn.Linear(2, 3)
        self.inner = nn.Sequential(nn.ReLU(), nn.Linear(3, 2))


class Stack(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 2)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.gain = nn.Parameter(nn.Linear(2, 2).weight.detach())


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Stack()
        self.head = nn.Linear(2, 5, bias=False)
        self.head.weight = self.body.embed.weight


def names(model):
    found = layer_names(model)
    return {name: found[id(p)] for name, p in model.named_parameters()}


def test_each_block_of_a_list_is_a_layer_and_so_is_each_part_beside_it():
    found = names(Model())

    assert found["body.embed.weight"] == "body.embed"
    assert found["body.blocks.0.wide.weight"] == "body.blocks.0"
    assert found["body.gain"] == "body.gain"
    assert set(found.values()) == {"body.embed", "body.blocks.0", "body.blocks.1", "body.gain"}


def test_parts_of_a_sequence_and_of_sequences_in_it_are_layers():
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1)))

    assert set(names(net).values()) == {"0", "1.0", "1.2"}
