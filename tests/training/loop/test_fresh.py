"""init="fresh": what is trained is drawn anew by the network's own rules, or refused in one line."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dataclasses import dataclass  # noqa: E402

from torch import nn  # noqa: E402

from sdesim import training  # noqa: E402
from sdesim.errors import RunError  # noqa: E402
from sdesim.networks import Base  # noqa: E402
from sdesim.training.loop.fresh import fresh_module, redrawn  # noqa: E402
from sdesim.training.loop.one_seed import stream_seed  # noqa: E402

X = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()


def sgd(params):
    return torch.optim.SGD(params, lr=0.1)


def starts(module, **settings):
    run = training.record(
        module, nn.functional.cross_entropy, (X, Y), None, sgd, steps=1, batch_size=8, progress=False,
        **{"init": "fresh", "trajectories": 3, "seed": 5, **settings},
    )  # fmt: skip
    return run.theta.values[:, 0], run


def built(make, seed=0):
    torch.manual_seed(seed)
    return make()


def small():
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))


def test_a_plain_network_begins_as_if_it_were_made_from_the_seed_of_the_trajectory():
    theta, run = starts(built(small))

    for k in (1, 2):
        torch.manual_seed(stream_seed(5, k, 1))
        again = torch.cat([p.detach().flatten() for p in small().parameters()])
        np.testing.assert_array_equal(theta[k], again.numpy())
    assert run.attrs["init"] == "fresh"


def test_frozen_weights_and_the_buffers_of_frozen_parts_stay():
    module = built(lambda: nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 2)))
    module(torch.randn(50, 4))
    module[0].requires_grad_(False)
    module[1].requires_grad_(False)
    module[3].bias.requires_grad_(False)

    model = fresh_module(module, 7)

    for old, new in zip(module[:2].state_dict().values(), model[:2].state_dict().values(), strict=True):
        assert torch.equal(old, new)
    assert torch.equal(module[3].bias, model[3].bias)
    assert not torch.equal(module[3].weight, model[3].weight)


class Whole(nn.Module):
    """Its own rule has the last word over those of its parts, as when it was made."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 30), nn.Linear(30, 2)
        self.reset_parameters()

    def reset_parameters(self):
        for part in (self.one, self.two):
            part.reset_parameters()
            nn.init.normal_(part.weight, 0.0, 0.01)
            nn.init.zeros_(part.bias)

    def forward(self, x):
        return self.two(torch.tanh(self.one(x)))


def test_a_rule_that_resets_its_parts_again_has_the_last_word():
    theta, _ = starts(built(Whole))

    # 180 normal weights of deviation 0.01: a sample deviation within 5 sigma, 0.01 (1 ± 5/√360).
    for weights in theta[1:, np.r_[0:120, 150:210]]:
        assert 0.0073 < np.std(weights) < 0.0127
    np.testing.assert_array_equal(theta[:, 120:150], 0.0)


class Tied(nn.Module):
    def __init__(self, first_wins):
        super().__init__()
        self.inner, self.outer = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.outer.weight = self.inner.weight

    def forward(self, x):
        return self.outer(torch.tanh(self.inner(x)))


def test_tied_weights_are_drawn_once_and_stay_tied():
    model = fresh_module(built(lambda: Tied(True)), 3)

    assert model.outer.weight is model.inner.weight
    assert len(list(model.parameters())) == 1


class Silent(nn.Linear):
    def reset_parameters(self):
        torch.manual_seed(1)
        super().reset_parameters()


class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 2))

    def forward(self, x):
        return x @ self.weight


def by_hand(module):
    nn.init.normal_(module[0].weight, 0.0, 0.01)
    return module


def trained():
    module = nn.Sequential(nn.Linear(4, 60), nn.Tanh(), nn.Linear(60, 2))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    for _ in range(200):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(X), Y).backward()
        optimizer.step()
    return module


def spectral():
    return nn.Sequential(nn.utils.spectral_norm(nn.Linear(4, 2)))


def biases():
    module = nn.Sequential(nn.Linear(4, 2))
    nn.init.zeros_(module[0].bias)
    return module


class TiedToAnother(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.outer = nn.Embedding(50, 8), nn.Linear(8, 50, bias=False)
        self.outer.weight = self.table.weight


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Silent(4, 2), "draws the same weights for every seed; give init a function"),
        (Bare, r"needs reset_parameters\(\) on Bare; add it, or give init"),
        (lambda: by_hand(small()), r"can't draw others like the weights 0.weight: .*deviation 0.0"),
        (trained, "can't draw others like the weights"),
        (spectral, "can't draw 0.weight_orig anew: no reset_parameters"),
        (biases, r"like the weights 0.bias: they have mean 0 and deviation 0, "),
        (TiedToAnother, "like the weights table.weight: .*deviation (1|0.9)"),
        (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 2)), "needs reset_parameters"),
    ],
)
def test_what_the_rules_would_not_draw_alike_is_refused_in_one_line(make, words):
    with pytest.raises(RunError, match=words) as caught:
        fresh_module(built(make), 3)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        small,
        lambda: nn.Linear(1, 1),
        lambda: nn.Sequential(nn.Conv1d(3, 8, 3), nn.BatchNorm1d(8), nn.PReLU(), nn.GroupNorm(2, 8)),
        lambda: nn.LSTM(4, 6, 2),
        lambda: nn.Sequential(nn.Embedding(9, 4, padding_idx=0), nn.LayerNorm(4)),
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 3, enable_nested_tensor=False),
        lambda: nn.MultiheadAttention(8, 2),
        lambda: training.mlp([4, 8, 2], init="xavier-normal", scale=3.0),
    ],
)
def test_networks_whose_layers_drew_their_weights_are_taken(make):
    """At a level of 1e-10 for each of some ten looks at each array, none of these is refused by chance."""
    for seed in range(4):
        fresh_module(built(make, seed), 3)


class Narrow(nn.Module):
    """Draws by an own law in its constructor alone."""

    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 2))
        nn.init.normal_(self.layers[0].weight, 0.0, 0.01)

    def forward(self, x):
        return self.layers(x)


@dataclass(frozen=True)
class NarrowKind(Base):
    width: int = 50
    seed: int = 0

    def make(self):
        return Narrow(self.width)


def test_a_network_by_its_kind_is_built_anew_where_its_layers_draw_otherwise():
    theta, _ = starts(NarrowKind(seed=2))

    for k in (1, 2):
        again = NarrowKind(seed=stream_seed(5, k, 1)).build()
        np.testing.assert_array_equal(
            theta[k], torch.cat([p.detach().flatten() for p in again.parameters()]).numpy()
        )


def test_a_function_gives_every_trajectory_its_weights():
    def make(seed):
        torch.manual_seed(seed)
        return Narrow(50)

    theta, run = starts(built(lambda: Narrow(50)), init=make)

    for k in range(3):
        expected = torch.cat([p.detach().flatten() for p in make(stream_seed(5, k, 1)).parameters()])
        np.testing.assert_array_equal(theta[k], expected.numpy())
    assert run.attrs["init"] == "factory"
    # Torch's generator is seeded before, so that the function may leave its argument aside.
    np.testing.assert_array_equal(starts(built(lambda: Narrow(50)), init=lambda _: Narrow(50))[0], theta)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda seed: built(small), "init gives the same weights for every seed"),
        (lambda seed: None, "init must return a module for a seed, got NoneType"),
        (lambda seed: nn.Linear(4, 2), "init must return a module with the parameters of the recipe's"),
        (lambda seed: 1 / 0, "fails: ZeroDivisionError"),
    ],
)
def test_a_function_that_gives_no_such_weights_is_refused(make, words):
    with pytest.raises(RunError, match=words):
        starts(built(small), init=make)


def test_lazy_layers_are_refused_until_they_have_weights():
    with pytest.raises(RunError, match="lazy layers without weights yet: call it once"):
        starts(nn.Sequential(nn.LazyLinear(2)))


def test_a_pruned_network_gets_new_weights_whatever_its_own_are():
    model = training.reinitialised(built(trained), 3)

    assert 0.0 < float(model[0].weight.abs().max()) <= 0.5
    assert torch.equal(model[0].weight, redrawn(built(trained), stream_seed(3, 1, 1))[0].weight)
