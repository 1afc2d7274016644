"""A user's own module classes as networks."""

import pickle
import sys

import numpy as np
import pytest

from sdesim.data import Digits
from sdesim.errors import SdesimError
from sdesim.kinds import Misfit, documented, dump, read, trusting
from sdesim.networks.losses import CrossEntropy

torch = pytest.importorskip("torch")
SMALL = Digits(40, 20)

OWN = '''
import torch
from torch import nn


class Net(nn.Module):
    """Two layers.

    Args:
        features: of the data.
        dim: units between.
    """

    def __init__(self, features: int, dim: int = 8, outputs: int = 10, *, layers: list[int] = [4], rate=0,
                 activation=nn.Tanh(), drop: float | None = None, **more):
        super().__init__()
        assert isinstance(layers, list)
        self.first = nn.Linear(features, dim)
        self.between = nn.ModuleList(nn.Linear(dim, dim) for _ in layers)
        self.activation = activation
        self.last = nn.Linear(dim, outputs, bias=False)

    def forward(self, x):
        z = self.activation(self.first(x))
        for layer in self.between:
            z = z + layer(z)
        return self.last(z)


class Needs(nn.Module):
    def __init__(self, block: nn.Module):
        super().__init__()


class Fails(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(64, 10))
        raise RuntimeError("no such thing")


class Rows(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(64, 10))

    def forward(self, x):
        return (x @ self.w).sum()


class Empty(nn.Module):
    pass


class Other:
    pass
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A trusted module of a user's beside the scenario."""
    name = f"own_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    with trusting([name], tmp_path):
        yield name
    sys.modules.pop(name, None)


def test_a_module_class_is_a_network_with_its_arguments_as_fields(own):
    recipe = read("networks", {"kind": f"{own}:Net", "features": 64, "dim_": 6, "layers": [1, 2], "seed": 4})

    assert (recipe.inputs, recipe.outputs, recipe.kind) == (None, 10, f"{own}:Net")
    assert recipe.dim == 64 * 6 + 6 + 2 * (36 + 6) + 60
    assert recipe.weights == (384, 36, 36, 60)
    module = recipe.build()
    assert type(module).__name__ == "Net"
    assert {p.dtype for p in module.parameters()} == {torch.float64}
    assert torch.equal(module.last.weight, recipe.build().last.weight)
    again = read("networks", {"kind": f"{own}:Net", "features": 64, "dim_": 6, "layers": [1, 2], "seed": 5})
    assert not torch.equal(module.last.weight, again.build().last.weight)
    assert list(recipe.problems(SMALL)) == []
    assert recipe.surface(np.zeros((2, 64)), np.zeros(2, dtype=int), CrossEntropy()) is None


def test_a_module_class_travels_and_is_explained_like_our_own(own):
    recipe = read("networks", {"kind": f"{own}:Net", "features": 64})

    assert read("networks", dump(recipe)) == recipe
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    assert dump(recipe)["layers"] == [4]
    said = documented(type(recipe))
    assert said.first == "Two layers."
    assert said.fields["dim_"] == "units between."
    assert list(said.fields) == ["features", "dim_", "outputs", "layers", "rate", "drop", "seed"]


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ({"kind": "Net"}, "features: missing"),
        ({"kind": "Net", "features": "x"}, "features: found 'x', allowed: a whole number"),
        ({"kind": "Net", "features": 64, "dim": 3}, "dim: unknown field, did you mean 'dim_'?"),
        ({"kind": "Net", "features": 64, "activation": 3}, "activation: unknown field"),
        ({"kind": "Needs"}, "kind: found '.*:Needs', but Needs needs block, which no file can give"),
        ({"kind": "Other"}, "kind: found '.*:Other', but Other is neither a kind of networks nor a torch.nn"),
        ({"kind": "Nett"}, "kind: found '.*:Nett', but .* has no class Nett"),
    ],
)
def test_what_a_module_class_can_not_take_is_told(own, network, words):
    with pytest.raises(Misfit, match=f"^{words}"):
        read("networks", {**network, "kind": f"{own}:{network['kind']}"})


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (
            {"kind": "Net", "features": 32},
            "can't take two examples of 64 features, the data's: RuntimeError: ",
        ),
        ({"kind": "Net", "features": 64, "outputs": 9}, "found 9, allowed: 10, the classes of the data"),
        ({"kind": "Rows"}, r"gives \(\) for two examples, allowed: \(2, 10\), the classes of the data"),
        ({"kind": "Fails"}, ".*:Fails can't be built: RuntimeError: no such thing"),
        ({"kind": "Empty"}, ".*:Empty built Empty, allowed: a torch.nn.Module with parameters"),
    ],
)
def test_a_module_class_that_does_not_fit_the_data_is_found_by_a_trial(own, network, words):
    recipe = read("networks", {**network, "kind": f"{own}:{network['kind']}"})

    (problem,) = recipe.problems(SMALL)

    assert problem[0] == ()
    assert "\n" not in problem[1]
    with pytest.raises(SdesimError, match=f"^{words}"):
        raise SdesimError(problem[1])
