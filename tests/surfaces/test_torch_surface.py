"""Any torch module as a surface: the numbers of the surface of the same network, and the module untouched."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.noise import Minibatch
from sdesim.surfaces import MLP, TorchSurface

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional


def data(n=12):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, 5)), rng.integers(0, 3, n)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))


@pytest.fixture(scope="module")
def pair():
    x, y = data()
    surface = TorchSurface(network(), functional.cross_entropy, torch.tensor(x), torch.tensor(y))
    return surface, MLP((5, 4, 3), x, y, loss="cross_entropy", start=surface.start)


def test_it_has_the_numbers_of_the_surface_of_the_same_network(pair):
    surface, twin = pair
    points = surface.start + 0.5 * np.random.default_rng(1).standard_normal((2, 3, surface.dim))
    weights = np.random.default_rng(2).standard_normal(12)

    np.testing.assert_allclose(surface.loss(points), twin.loss(points), rtol=1e-13)
    np.testing.assert_allclose(surface.grad(points), twin.grad(points), atol=1e-14)
    np.testing.assert_allclose(surface.hvp(points, points[0, 0]), twin.hvp(points, points[0, 0]), atol=1e-13)
    theta = points[1, 2]
    np.testing.assert_allclose(surface.example_gradients(theta), twin.example_gradients(theta), atol=1e-14)
    np.testing.assert_allclose(
        surface.weighted_gradient(theta, weights), twin.weighted_gradient(theta, weights), atol=1e-13
    )
    assert surface.groups == twin.groups
    assert Minibatch(surface, 4, 0.1).examples == 12


def test_compiled_functions_call_torch_and_do_not_depend_on_the_width_of_the_block(pair):
    surface, _ = pair
    kernel = surface.kernel()
    rng = np.random.default_rng(3)
    x, v = rng.standard_normal((surface.dim, 3)), rng.standard_normal((surface.dim, 3))
    weights = rng.standard_normal((12, 3))
    arrays = (kernel.params, kernel.data0, kernel.data1)
    found = {}

    for width in (3, 1):
        loss, grad, hvp, pulled = np.empty(3), np.empty_like(x), np.empty_like(x), np.empty_like(x)
        for first in range(0, 3, width):
            part = slice(first, first + width)
            block, along, w = (np.ascontiguousarray(a[:, part]) for a in (x, v, weights))
            value, g, h, p = np.empty(width), *(np.empty_like(block) for _ in range(3))
            kernel.functions["loss"](block, *arrays, value)
            kernel.functions["grad"](block, *arrays, g)
            kernel.functions["hvp"](block, along, *arrays, h)
            kernel.functions["weighted_grad"](block, w, *arrays, p)
            loss[part], grad[:, part], hvp[:, part], pulled[:, part] = value, g, h, p
        found[width] = loss, grad, hvp, pulled

    for one, whole in zip(found[1], found[3], strict=True):
        np.testing.assert_array_equal(one, whole)
    np.testing.assert_array_equal(found[3][0], surface.loss(x.T))
    np.testing.assert_array_equal(found[3][1].T, surface.grad(x.T))
    np.testing.assert_array_equal(found[3][2].T, surface.hvp(x.T, v.T))
    np.testing.assert_array_equal(found[3][3][:, 1], surface.weighted_gradient(x[:, 1], weights[:, 1]))


def test_module_and_torch_settings_are_left_as_they_were():
    module = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    before = {name: t.clone() for name, t in module.state_dict().items()}
    threads = torch.get_num_threads()
    x, y = data()

    surface = TorchSurface(module, functional.cross_entropy, x, y)
    surface.grad(surface.start + 1.0)

    assert torch.get_num_threads() == threads
    for name, value in module.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    # Batch normalisation ties the examples together: no minibatch noise.
    assert surface.kernel().weighted_grad is None
    with pytest.raises(SdesimError, match="mean over examples"):
        Minibatch(surface, 4, 0.1)


class Branching(nn.Module):
    """Control flow on values, which torch can't take side by side; two layers share one weight."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(5, 5, bias=False)
        self.second = nn.Linear(5, 5)
        self.second.weight = self.first.weight

    def forward(self, x):
        z = torch.tanh(self.first(x))
        if z.sum() > 0:
            z = z * 2
        return self.second(z)


def test_modules_that_torch_can_not_vectorise_give_their_examples_one_by_one():
    x, y = data()
    surface = TorchSurface(Branching().eval(), lambda out, t: out[:, 0].square().mean(), x[:1], y[:1])
    h, v = 1e-6, np.random.default_rng(4).standard_normal(surface.dim)

    rows = surface.example_gradients(surface.start)

    assert surface.dim == 30
    np.testing.assert_allclose(rows[0], surface.grad(surface.start), atol=1e-14)
    slope = (surface.loss(surface.start + h * v) - surface.loss(surface.start - h * v)) / (2 * h)
    # Truncation h² L‴ ~ 1e-11, rounding 1e-16/h = 1e-10.
    assert rows[0] @ v == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize(
    ("module", "loss", "rows", "words"),
    [
        (lambda: nn.Dropout(0.5), functional.cross_entropy, 12, "no parameters to train"),
        (lambda: nn.Sequential(nn.Linear(5, 3), nn.Dropout(0.5)), functional.cross_entropy, 12, "dropout on"),
        (network, functional.cross_entropy, 5, "equally long"),
        (network, lambda out, y: out, 12, "one number for all examples"),
    ],
)
def test_what_can_not_be_a_surface_is_refused(module, loss, rows, words):
    x, y = data()
    with pytest.raises(SdesimError, match=words):
        TorchSurface(module(), loss, x, y[:rows])
