"""Any torch module as a surface: the numbers of the surface of the same network, and the module untouched."""

import numpy as np
import pytest

import sdesim
from sdesim.errors import SdesimError
from sdesim.noise import Minibatch
from sdesim.surfaces import MLP, TorchSurface, masked

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


@pytest.mark.usefixtures("two_torch_threads")
def test_module_and_torch_settings_are_left_as_they_were():
    module = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    before = {name: t.clone() for name, t in module.state_dict().items()}
    x, y = data()

    surface = TorchSurface(module, functional.cross_entropy, x, y)
    surface.grad(surface.start + 1.0)

    assert torch.get_num_threads() == 2
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


class Tokens(nn.Module):
    """Whole-number inputs: an embedding, attention over the tokens, layer normalisation."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 3)

    def forward(self, tokens):
        z = self.embedding(tokens)
        z = self.norm(z + self.attention(z, z, z, need_weights=False)[0])
        return self.head(z.mean(dim=1))


def convolutional():
    return nn.Sequential(
        nn.Unflatten(1, (1, 10)), nn.Conv1d(1, 3, 3, stride=2), nn.GELU(), nn.Conv1d(3, 2, 2), nn.SiLU(),
        nn.Flatten(), nn.Linear(6, 3),
    )  # fmt: skip


def pictures():
    return nn.Sequential(
        nn.Unflatten(1, (1, 4, 4)),
        nn.Conv2d(1, 3, 2),
        nn.ReLU(),
        nn.AvgPool2d(3),
        nn.Flatten(),
        nn.Linear(3, 3),
    )


def normalised():
    return nn.Sequential(nn.Linear(5, 6), nn.LayerNorm(6), nn.ELU(), nn.Linear(6, 3), nn.Softplus())


MODULES = {
    "conv1d": (convolutional, lambda rng: rng.standard_normal((8, 10))),
    "conv2d": (pictures, lambda rng: rng.standard_normal((8, 16))),
    "layer-norm": (normalised, lambda rng: rng.standard_normal((8, 5))),
    "tokens": (Tokens, lambda rng: rng.integers(0, 7, (8, 4))),
}


@pytest.fixture(scope="module", params=[(m, loss) for m in MODULES for loss in ("mse", "cross_entropy")])
def any_module(request):
    name, loss = request.param
    rng = np.random.default_rng(6)
    make, draw = MODULES[name]
    torch.manual_seed(1)
    module, x = make().double(), torch.tensor(draw(rng))
    labels = loss == "cross_entropy"
    y = torch.tensor(rng.integers(0, 3, 8) if labels else rng.standard_normal((8, 3)))
    function = functional.cross_entropy if labels else functional.mse_loss
    return module, function, x, y, TorchSurface(module, function, x, y)


def test_any_module_has_the_loss_and_gradient_that_torch_gives_it(any_module):
    module, function, x, y, surface = any_module

    value = function(module(x), y)
    grads = torch.autograd.grad(value, list(module.parameters()))

    expected = np.concatenate([g.reshape(-1).numpy() for g in grads])
    assert float(surface.loss(surface.start)) == pytest.approx(float(value.detach()), rel=1e-13)
    np.testing.assert_allclose(surface.grad(surface.start), expected, atol=1e-13)
    assert surface.examples == 8
    np.testing.assert_allclose(surface.example_gradients(surface.start).mean(axis=0), expected, atol=1e-13)


def test_any_module_has_a_hessian_product_that_is_the_derivative_of_its_gradient(any_module):
    surface = any_module[-1]
    theta = surface.start + 0.05 * np.random.default_rng(8).standard_normal(surface.dim)
    v, h = np.random.default_rng(7).standard_normal(surface.dim), 1e-6

    product = surface.hvp(theta, v)

    change = (surface.grad(theta + h * v) - surface.grad(theta - h * v)) / (2 * h)
    # Truncation h² |∇⁴L| |v|³ is some 1e-10 at |v| ~ 10, rounding 1e-16/h = 1e-10.
    np.testing.assert_allclose(product, change, atol=1e-6)


def test_the_real_side_has_the_same_hessian_product_of_any_module(any_module):
    from sdesim.training import TorchOracle

    module, function, x, y, surface = any_module
    v = np.random.default_rng(7).standard_normal(surface.dim)

    product = TorchOracle(module, function, x, y, 4).hvp(surface.start, v)

    np.testing.assert_allclose(product, surface.hvp(surface.start, v), atol=1e-12)


def test_any_module_can_be_masked(any_module):
    surface = any_module[-1]
    mask = np.random.default_rng(9).random(surface.dim) < 0.5

    part = masked(surface, mask, 0.0)

    whole = surface.grad(np.where(mask, surface.start, 0.0))
    np.testing.assert_array_equal(part.grad(part.start), whole[mask])
    assert part.examples == 8
    assert sum(s.stop - s.start for s in part.groups.values()) == mask.sum()


def test_a_masked_convolutional_network_is_simulated_under_minibatch_noise_as_sgd_would_step():
    rng = np.random.default_rng(6)
    torch.manual_seed(1)
    x, y = rng.standard_normal((8, 10)), rng.integers(0, 3, 8)
    surface = TorchSurface(convolutional(), functional.cross_entropy, x, y)
    part = masked(surface, np.arange(surface.dim) % 3 > 0, 0.0)

    run = sdesim.simulate(
        part, [Minibatch(part, 8, 0.1, law="subsample")], dt=0.1, steps=1, seed=3, progress=False
    )

    # One step of SGD: θ − η Σ_i (k_i/8) ∇ℓ_i with whole k_i that add up to 8; eight unknowns, more equations.
    moved = (part.start - run["theta"].values[0, -1]) / 0.1
    counts = np.linalg.lstsq(part.example_gradients(part.start).T / 8, moved, rcond=None)[0]
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-6)
    assert np.round(counts).sum() == 8


class _Square(torch.autograd.Function):
    """z² with the backward pass of a user: ``factor`` z, of detached values if ``detached``."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z, factor, detached):
        return z * z

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.factor, ctx.detached = inputs[1:]
        if ctx.detached:
            ctx.kept = inputs[0].detach()
        else:
            ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, g):
        z = ctx.kept if ctx.detached else ctx.saved_tensors[0]
        return (g.detach() if ctx.detached else g) * ctx.factor * z, None, None


class _Squared(nn.Linear):
    def __init__(self, factor, detached):
        super().__init__(5, 3)
        self.factor, self.detached = factor, detached

    def forward(self, x):
        return _Square.apply(super().forward(x), self.factor, self.detached)


def _squared(factor, detached):
    x, y = data()
    torch.manual_seed(0)
    return TorchSurface(
        _Squared(factor, detached), functional.cross_entropy, torch.tensor(x), torch.tensor(y)
    )


def test_a_wrong_backward_pass_is_refused_with_the_numbers():
    with pytest.raises(SdesimError, match=r"grad is not the gradient of loss: .*the central difference"):
        _squared(3, False)


def test_a_product_without_a_second_derivative_is_taken_by_differences():
    detached, right = _squared(2, True), _squared(2, False)
    v = np.random.default_rng(0).standard_normal(detached.dim)

    expected = right.hvp(right.start, v)

    assert detached._network.second_pass_holds is False
    assert right._network.second_pass_holds is True
    # Central differences with a step of 6e-6: ε^{2/3} relative, and the third derivative here is of order 10.
    np.testing.assert_allclose(detached.hvp(detached.start, v), expected, rtol=1e-6, atol=1e-7)
    assert np.linalg.norm(expected) > 0.1


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.Hardtanh(), nn.LeakyReLU(), nn.GELU()])
def test_networks_with_kinks_are_taken_with_their_second_pass(activation):
    x, y = data(200)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 30), activation, nn.Linear(30, 30), activation, nn.Linear(30, 3))
    surface = TorchSurface(module, functional.cross_entropy, torch.tensor(x), torch.tensor(y))

    assert surface._network.second_pass_holds
