"""Norms of single examples' gradients from one backward pass are those of the gradients themselves."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sdesim.errors import RunError
from sdesim.training import example_norms

GENERATOR = torch.Generator().manual_seed(0)
B, TOKENS, VOCABULARY, WIDTH = 6, 5, 11, 8
X = torch.randn(B, 4, generator=GENERATOR, dtype=torch.float64)
IMAGES = torch.randn(B, 4, 6, 6, generator=GENERATOR, dtype=torch.float64)
IDS = torch.randint(VOCABULARY, (B, TOKENS), generator=GENERATOR)
LABELS = torch.randint(3, (B,), generator=GENERATOR)


class Twice(nn.Module):
    """One layer used twice, with something that writes in place between."""

    def __init__(self):
        super().__init__()
        self.inner, self.out = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.out(F.relu_(self.inner(torch.tanh(self.inner(x)))))


class Tied(nn.Module):
    """A language model whose embedding is its head too."""

    def __init__(self, tied=True, norm=nn.LayerNorm):
        super().__init__()
        self.tokens, self.norm = nn.Embedding(VOCABULARY, WIDTH, padding_idx=0), norm(WIDTH)
        self.mix, self.head = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, VOCABULARY, bias=False)
        if tied:
            self.head.weight = self.tokens.weight

    def forward(self, ids):
        h = self.tokens(ids)
        return self.head(self.norm(h + torch.cumsum(self.mix(h), dim=1)))


class Pictures(nn.Module):
    def __init__(self, groups):
        super().__init__()
        self.first = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=groups)
        self.norm, self.row = nn.GroupNorm(2, 6), nn.Conv1d(6, 4, 2, dilation=2, bias=False)
        self.last = nn.Linear(4, 3)

    def forward(self, x):
        h = torch.tanh(self.norm(self.first(x))).flatten(2)
        return self.last(self.row(h).mean(dim=2))


def tokens_loss(output, ids):
    return F.cross_entropy(output.flatten(0, 1), ids.flatten())


CASES = {
    "linear": (nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)), X, LABELS, F.cross_entropy),
    "used twice": (Twice(), X, LABELS, F.cross_entropy),
    "sequence": (Tied(tied=False), IDS, IDS, tokens_loss),
    "sequence normed by size": (Tied(tied=False, norm=nn.RMSNorm), IDS, IDS, tokens_loss),
    "tied": (Tied(), IDS, IDS, tokens_loss),
    "convolution": (Pictures(1), IMAGES, LABELS, F.cross_entropy),
    "grouped convolution": (Pictures(2), IMAGES, LABELS, F.cross_entropy),
}


def of_each(net, loss, x, y):
    parameters = [p for p in net.parameters() if p.requires_grad]
    losses = [loss(net(x[i : i + 1]), y[i : i + 1]) for i in range(len(x))]
    gradients = [torch.autograd.grad(value, parameters) for value in losses]
    return torch.stack([torch.cat([g.reshape(-1) for g in each]) for each in gradients])


@pytest.mark.parametrize("name", CASES)
def test_norms_are_those_of_the_gradients_of_single_examples(name):
    net, x, y, loss = CASES[name]
    net = net.double()
    gradients = of_each(net, loss, x, y)

    found = example_norms(net, loss, x, y)

    torch.testing.assert_close(found.squares, gradients.square().sum(dim=1), rtol=1e-9, atol=1e-14)
    torch.testing.assert_close(found.mean, float(gradients.mean(dim=0).square().sum()), rtol=1e-9, atol=1e-14)
    torch.testing.assert_close(found.noise, float(gradients.var(dim=0).sum()), rtol=1e-9, atol=1e-14)


def test_frozen_parameters_count_nothing():
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    net[0].weight.requires_grad_(False)

    found = example_norms(net, F.cross_entropy, X, LABELS)

    expected = of_each(net, F.cross_entropy, X, LABELS).square().sum(dim=1)
    torch.testing.assert_close(found.squares, expected, rtol=1e-9, atol=1e-14)


class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.scale = nn.Linear(4, 3), nn.Parameter(torch.ones(3))

    def forward(self, x):
        return self.layer(x) * self.scale


class Around(nn.Module):
    """A weight that something else than its layer uses too."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return F.linear(self.layer(x), self.layer.weight)[:, :3]


class Places(nn.Module):
    """Positions that are looked up once for all examples."""

    def __init__(self):
        super().__init__()
        self.places, self.layer = nn.Embedding(4, 1), nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x + self.places(torch.arange(4)).T)


@pytest.mark.parametrize(
    ("net", "why"),
    [
        (Bare(), "scale is used in another way"),
        (Around(), "layer.weight is used in another way"),
        (Places(), "Embedding is not called on the 6 examples"),
        (nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), "examples meet in 1"),
    ],
)
def test_what_has_no_norms_is_refused_by_name(net, why):
    with pytest.raises(RunError, match=why):
        example_norms(net.double(), F.cross_entropy, X, LABELS)


def test_a_loss_that_is_no_mean_is_refused():
    net = nn.Sequential(nn.Linear(4, 3)).double()

    with pytest.raises(RunError, match="this is: sum"):
        example_norms(net, nn.CrossEntropyLoss(reduction="sum"), X, LABELS)


def test_hooks_are_gone_afterwards():
    net = Twice().double()

    example_norms(net, F.cross_entropy, X, LABELS)

    assert not any(part._forward_hooks for part in net.modules())
    assert all(p.grad is None for p in net.parameters())
