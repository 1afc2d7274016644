"""Networks and losses of every kind are read as training computes them, and nothing of the user's changes."""

import copy
import io
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from sdesim import training
from sdesim.networks.fully_connected import flat_parameters
from sdesim.training import TorchOracle

DEVICES = [
    "cpu",
    *([str(torch.accelerator.current_accelerator())] if torch.accelerator.is_available() else []),
]
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(96, 6, generator=GENERATOR, dtype=torch.float64) * 2 + 1
Y = (X[:, 0] > 1).long()


def network(*more, dtype=torch.float64):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), *more, nn.Tanh(), nn.Linear(8, 2)).to(dtype)


def monitor(net, loss=cross_entropy, x=X, y=Y, **settings):
    base = {"optimizer": torch.optim.SGD(net.parameters(), lr=0.1), "batch_size": 16, "announce": None}
    return training.Monitor(net, loss, (x, y), **(base | settings))


def own_gradients(net, loss, x, y, rows):
    """As a training loop has them."""
    found = []
    for chosen in rows:
        net.zero_grad()
        loss(net(x[chosen]), y[chosen]).backward()
        found.append(flat([torch.zeros_like(p) if p.grad is None else p.grad for p in net.parameters()]))
    net.zero_grad()
    return np.array(found)


def flat(tensors):
    return torch.cat([t.detach().reshape(-1) for t in tensors]).double().numpy()


class Penalised:
    """A loss with a penalty on parameters: of the network, or of a list of them made once."""

    def __init__(self, net, listed):
        self.net, self.listed = net, list(net.parameters()) if listed else None

    def __call__(self, output, y):
        parameters = self.listed or self.net.parameters()
        return cross_entropy(output, y) + 0.3 * sum(p.pow(2).sum() for p in parameters)


class Running(nn.Module):
    """A loss that scales itself by a running mean."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.ones((), dtype=torch.float64))
        self.seen = 0

    def forward(self, output, y):
        value = cross_entropy(output, y)
        self.mean.mul_(0.5).add_(0.5 * value.detach())
        self.seen += 1
        return value / self.mean


class Auxiliary(nn.Module):
    """A network that leaves a term of the loss in an attribute, as mixtures of experts do."""

    def __init__(self):
        super().__init__()
        self.body, self.aux = network(), 0.0

    def forward(self, x):
        z = self.body(x)
        self.aux = z.pow(2).mean()
        return z


def auxiliary():
    net = Auxiliary()
    return net, lambda output, y: cross_entropy(output, y) + net.aux


def hooked_parameters():
    net = network()
    net[0].weight.register_hook(lambda g: 0.5 * g)
    net[0].bias.register_hook(torch.zeros_like)
    return net, cross_entropy


def hooked_outputs():
    net = network()
    net[0].register_forward_hook(lambda module, args, output: 3 * output)
    return net, cross_entropy


def scripted():
    return torch.jit.script(network()), cross_entropy


def parallel():
    return nn.DataParallel(network()), cross_entropy


def replaced_head():
    net = network()
    net[2] = nn.Linear(8, 2).double()
    net[2].weight = nn.Parameter(torch.ones(2, 8, dtype=torch.float64))
    return net, cross_entropy


def penalised(listed):
    net = network()
    return net, Penalised(net, listed)


KINDS = {
    "penalty": lambda: penalised(False),
    "penalty on a list": lambda: penalised(True),
    "auxiliary term": auxiliary,
    "hooks of parameters": hooked_parameters,
    "hooks of outputs": hooked_outputs,
    "running loss": lambda: (network(), Running()),
    "scripted": scripted,
    "parallel": parallel,
    "replaced head": replaced_head,
    "batch norm": lambda: (network(nn.BatchNorm1d(8)), cross_entropy),
    "weight norm": lambda: (
        nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 2).double())), cross_entropy
    ),
    "class weights": lambda: (
        network(), nn.CrossEntropyLoss(weight=torch.tensor([1.0, 4.0], dtype=torch.float64))
    ),
}  # fmt: skip


def everything(net, loss):
    held = [t.detach().clone() for t in (*net.parameters(), *net.buffers())]
    if isinstance(loss, nn.Module):
        held += [b.clone() for b in loss.buffers()]
    return held, [part.training for part in net.modules()], [p.grad for p in net.parameters()]


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_training_and_nothing_changes(kind):
    net, loss = KINDS[kind]()
    rows = torch.from_numpy(np.random.default_rng(1).integers(0, 96, (5, 16)))
    state = copy.deepcopy(loss.state_dict()) if isinstance(loss, nn.Module) else None
    buffers = [b.detach().clone() for b in net.buffers()]
    right = []
    for chosen in rows:
        # Each draw is a step that might be the next: from the state at hand.
        if state is not None:
            loss.load_state_dict(state)
        right.append(own_gradients(net, loss, X, Y, [chosen])[0])
    if state is not None:
        loss.load_state_dict(state)
    for b, old in zip(net.buffers(), buffers, strict=True):
        b.data.copy_(old)
    before, generator, inputs = everything(net, loss), torch.get_rng_state(), X.clone()
    found = TorchOracle(net, loss, X, Y, 16)

    gradients = found.gradients_of(flat_parameters(net), rows, np.random.default_rng(0))
    found.loss(flat_parameters(net))
    found.hvp(flat_parameters(net), np.ones(found.dim))

    # Rounding of sums in another order.
    np.testing.assert_allclose(gradients, right, rtol=1e-8, atol=1e-11)
    after = everything(net, loss)
    assert all(torch.equal(a, b) for a, b in zip(before[0], after[0], strict=True))
    assert before[1:] == after[1:]
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.equal(X, inputs)


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("hooks of parameters", "running loss")])
def test_loss_gradient_and_hessian_are_of_one_objective(kind):
    net, loss = KINDS[kind]()
    found, theta = TorchOracle(net, loss, X, Y, 16), flat_parameters(net)
    v = np.random.default_rng(0).standard_normal(theta.size)
    h = 1e-5

    slope = (found.loss(theta + h * v) - found.loss(theta - h * v)) / (2 * h)
    product = (found.gradient(theta + h * v) - found.gradient(theta - h * v)) / (2 * h)

    # Truncation h²|v|² times third derivatives, about 1e-8 here.
    assert slope == pytest.approx(found.gradient(theta) @ v, rel=1e-5)
    np.testing.assert_allclose(found.hvp(theta, v), product, rtol=1e-4, atol=1e-5 * np.abs(product).max())


def full_batch_hessian(net, x, y):
    """λ_max of the loss of all examples in one batch, by the whole matrix."""
    names = [n for n, _ in net.named_parameters()]
    sizes = [p.numel() for p in net.parameters()]
    shapes = [p.shape for p in net.parameters()]

    def value(theta):
        parts = {n: t.reshape(s) for n, t, s in zip(names, torch.split(theta, sizes), shapes, strict=True)}
        parts |= {n: b.clone() for n, b in net.named_buffers()}
        return cross_entropy(functional_call(net, parts, (x,)), y)

    theta = torch.cat([p.detach().reshape(-1) for p in net.parameters()])
    return float(torch.linalg.eigvalsh(torch.autograd.functional.hessian(value, theta))[-1]), float(
        value(theta)
    )


@pytest.mark.parametrize("device", DEVICES)
def test_full_batch_training_with_batch_norm_is_read_in_one_batch(device):
    net = network(nn.BatchNorm1d(8)).to(device)
    right, loss = full_batch_hessian(net, X.to(device), Y.to(device))

    found = monitor(net, batch_size=96).measure()

    # Lanczos stops at a residual of 1e-3.
    assert found.lambda_max.value == pytest.approx(right, rel=2e-3)
    assert found.loss == pytest.approx(loss, rel=1e-9)
    assert "batch_coupled" in found.flags
    assert "eval_mode_curvature" not in found.flags
    evaluated = monitor(net, batch_size=96, mode="eval").measure()
    assert "eval_mode_curvature" in evaluated.flags
    right_there, loss_there = full_batch_hessian(copy.deepcopy(net).eval(), X.to(device), Y.to(device))
    assert evaluated.lambda_max.value == pytest.approx(right_there, rel=2e-3)
    assert evaluated.loss == pytest.approx(loss_there, rel=1e-9)


def test_with_minibatches_the_objective_is_the_mean_over_batches_of_their_size():
    net = network(nn.BatchNorm1d(8))
    found = TorchOracle(net, cross_entropy, X, Y, 16)
    theta = flat_parameters(net)

    batches = found._batches()
    right = [float(cross_entropy(net(X[rows]), Y[rows])) for rows in batches]

    assert [len(rows) for rows in batches] == [16] * 6
    assert sorted(torch.cat(batches).tolist()) == list(range(96))
    assert found.loss(theta) == pytest.approx(np.mean(right), rel=1e-12)


def test_dropout_keeps_its_masks_within_a_reading_and_takes_others_in_the_next():
    net = network(nn.Dropout(0.5))
    theta = flat_parameters(net)
    one, other = (TorchOracle(net, cross_entropy, X, Y, 16, seed=s) for s in (1, 2))

    assert one.loss(theta) == one.loss(theta)
    assert one.loss(theta) != other.loss(theta)
    # Differences of the loss see the same masks as the Hessian.
    v = one.gradient(theta)
    assert one.sharpness(theta, v) == pytest.approx(v @ one.hvp(theta, v) / (v @ v), rel=1e-3)


def test_a_measurement_made_between_validation_and_training_is_of_training():
    net = network(nn.BatchNorm1d(8))
    watch = monitor(net, batch_size=96)
    first = watch.measure()

    net.eval()
    second = watch.measure()

    assert second.loss == first.loss
    assert not net.training
    only = monitor(net, batch_size=96).measure()
    assert "eval_mode_curvature" in only.flags


@pytest.mark.parametrize("constant", [False, True])
def test_a_sum_over_the_batch_is_put_on_the_scale_of_its_training(constant):
    net = network()
    extra = (lambda: net[0].weight.pow(2).sum()) if constant else (lambda: 0.0)
    total = lambda o, y: cross_entropy(o, y, reduction="sum") + 16 * extra()  # noqa: E731
    mean = lambda o, y: cross_entropy(o, y) + extra()  # noqa: E731
    theta = flat_parameters(net)
    one, other = (TorchOracle(net, loss, X, Y, 16) for loss in (mean, total))
    v = np.random.default_rng(0).standard_normal(theta.size)

    assert other.loss(theta) == pytest.approx(16 * one.loss(theta), rel=1e-9)
    np.testing.assert_allclose(other.hvp(theta, v), 16 * one.hvp(theta, v), rtol=1e-7, atol=1e-8)
    draws = [o.gradients(theta, 3, np.random.default_rng(0)) for o in (one, other)]
    np.testing.assert_allclose(draws[1], 16 * draws[0], rtol=1e-8, atol=1e-9)
    if not constant:
        # Single examples stand for a batch of 16: on its scale too.
        singles = TorchOracle(net, total, X, Y, 1, training_batch=16)
        alone = TorchOracle(net, mean, X, Y, 1)
        both = [o.gradients(theta, 3, np.random.default_rng(0)) for o in (alone, singles)]
        np.testing.assert_allclose(both[1], 16 * both[0], rtol=1e-8, atol=1e-9)


def test_weighted_means_are_read_in_batches_and_say_so():
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 9.0], dtype=torch.float64))
    net = network()

    found = monitor(net, loss).measure()

    assert "loss_weighted_mean" in found.flags
    assert "loss_weighted_mean" in found.C_1.flags
    assert "loss_weighted_mean" not in found.C_alpha.flags
    oracle = TorchOracle(net, loss, X, Y, 16)
    right = [float(loss(net(X[rows]), Y[rows])) for rows in oracle._batches()]
    assert oracle.loss(flat_parameters(net)) == pytest.approx(np.mean(right), rel=1e-12)


class Holding(nn.Module):
    def __init__(self, held):
        super().__init__()
        self.layer, self.held, self.last = nn.Linear(6, 2).double(), held, None

    def forward(self, x):
        self.last = self.layer(x)
        return self.last


@pytest.mark.parametrize(
    "held", [threading.Lock(), io.BytesIO(b"a"), torch.Generator(), (i for i in range(3))],
    ids=["lock", "file", "generator", "iterator"],
)  # fmt: skip
def test_what_cannot_be_copied_is_read(held):
    net = Holding(held)
    cross_entropy(net(X[:8]), Y[:8]).backward()
    last = net.last

    found = monitor(net).measure()

    assert found.C_alpha is not None
    assert not found.reasons
    assert net.last is last
    right = monitor(nn.Sequential(copy.deepcopy(net.layer))).measure()
    assert found.lambda_max.value == pytest.approx(right.lambda_max.value, rel=1e-6)


def test_a_reading_inside_inference_mode_or_autocast_is_the_same():
    net = network(nn.LayerNorm(8), dtype=torch.float32)
    right = monitor(net, x=X.float()).measure()

    with torch.inference_mode():
        inside = monitor(net, x=X.float()).measure()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = monitor(net, x=X.float()).measure()

    assert inside.C_alpha.value == cast.C_alpha.value == right.C_alpha.value
    assert inside.lambda_max.value == cast.lambda_max.value == right.lambda_max.value


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_read_in_single(dtype):
    half = network(nn.LayerNorm(8), dtype=dtype)
    single = copy.deepcopy(half).float()

    # By draws: what a loss makes of single examples can't be told in half precision.
    found = monitor(half, x=X.to(dtype), exact=False).measure()

    right = monitor(single, x=X.to(dtype).float(), exact=False).measure()
    assert found.C_alpha.value == pytest.approx(right.C_alpha.value, rel=1e-5)
    assert found.lambda_max.value == pytest.approx(right.lambda_max.value, rel=1e-4)
    assert all(p.dtype == dtype for p in half.parameters())


def test_mixed_numbers_are_read_each_in_its_own():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 2).double()

        def forward(self, x):
            return self.second(torch.tanh(self.first(x)).double())

    torch.manual_seed(0)
    net = Mixed()
    rows = torch.arange(16)[None]

    found = TorchOracle(net, cross_entropy, X.float(), Y, 16)

    gradient = found.gradients_of(flat_parameters(net), rows, np.random.default_rng(0))
    right = own_gradients(net, cross_entropy, X.float(), Y, rows)
    np.testing.assert_allclose(gradient, right, rtol=1e-4, atol=1e-6)


def test_plain_layers_in_half_precision_are_read():
    half = training.mlp([6, 4, 2], seed=0, dtype=torch.bfloat16)

    found = monitor(half, x=X.to(torch.bfloat16)).measure()

    right = monitor(copy.deepcopy(half).float(), x=X.to(torch.bfloat16).float()).measure()
    assert found.C_alpha.value == pytest.approx(right.C_alpha.value, rel=1e-5)


def test_frozen_parameters_count_in_neither_way_and_from_then_on_once_unfrozen():
    net = network()
    net[0].requires_grad_(False)
    told = monitor(net, optimizer=torch.optim.SGD(net.parameters(), lr=0.1))
    untold = monitor(net, optimizer=None, learning_rate=0.1)

    one, other = told.measure(), untold.measure()
    net[0].requires_grad_(True)
    later = untold.measure()

    for name in ("C_alpha", "C_star", "lambda_max", "S"):
        assert getattr(other, name).value == pytest.approx(getattr(one, name).value, rel=1e-9)
    assert other.signal == one.signal
    assert later.signal > other.signal


def test_hooks_without_effect_do_not_run_and_hooks_of_gradients_are_told():
    seen = []
    net = network()
    net[0].register_forward_hook(lambda module, args, output: seen.append(output))
    net[0].register_full_backward_hook(lambda module, given, out: seen.append(out))

    found = monitor(net).measure()

    assert not seen
    bare = monitor(network()).measure()
    # Lanczos stops at a residual of 1e-3, at which rounding may differ.
    assert found.lambda_max.value == pytest.approx(bare.lambda_max.value, rel=1e-5)
    bent, _ = hooked_parameters()
    assert "gradient_hooks" in monitor(bent).measure().flags
    late = network()
    late[0].weight.register_post_accumulate_grad_hook(lambda p: p.grad.zero_())
    assert "gradient_hook_not_run" in monitor(late).measure().flags


def test_parameters_of_a_loss_are_told():
    class Centres(nn.Module):
        def __init__(self):
            super().__init__()
            self.centres = nn.Parameter(torch.randn(2, 2, dtype=torch.float64))

        def forward(self, output, y):
            return cross_entropy(output, y) + (output - self.centres[y]).pow(2).mean()

    net, loss = network(), Centres()

    found = monitor(
        net, loss, optimizer=torch.optim.SGD([*net.parameters(), *loss.parameters()], lr=0.1)
    ).measure()

    assert "other_parameters" in found.flags
    assert loss.centres.grad is None


class Failing(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.broken = nn.Linear(6, 2).double(), True

    def forward(self, x):
        if self.broken:
            raise ValueError("no sensor")
        return self.layer(x)


def test_a_reading_that_fails_is_told_with_its_reason_and_tried_again_more_sparsely():
    net = Failing()
    watch = monitor(net)

    with pytest.warns(UserWarning, match="no sensor"):
        first = watch.measure()
    assert {"gradient_failed", "loss_failed"} <= set(first.flags)
    assert first.C_alpha is None
    assert "no sensor" in first.reasons["gradient"]
    net.broken = False
    pattern = [watch.measure().C_alpha is not None for _ in range(4)]

    assert pattern == [False, True, True, True]
    assert not watch.history[-1].reasons
    assert watch.run().sizes["probe"] == 5
