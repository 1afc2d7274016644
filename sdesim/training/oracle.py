"""A torch network with its minibatch sampler as a `GradientOracle`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from sdesim.errors import RunError
from sdesim.surfaces.torch_functions import twice_differentiable
from sdesim.training.networks import Dense, as_dense, one_hot, one_hot_mse, parameter_groups

Array = NDArray[np.float64]
# Most numbers that the outer-product path holds at once for one layer: 64 MB.
_ROOM = 8_000_000


class TorchOracle:
    """Loss, minibatch gradients and Hessian-vector products of a torch network at any θ.

    A stochastic gradient is that of the mean loss of ``batch_size`` examples drawn with replacement. For
    Linear/activation networks under torch's mean cross-entropy or squared error, gradients are exact
    per-layer outer products δᵀa / B; any other network goes through autograd, one minibatch at a time.

    θ is float64 (d,) in `named_parameters` order; the work is done in the module's own dtype. Loss and
    Hessian-vector products use evaluation mode, minibatch gradients the module's own mode.

    Args:
        module: the network; a copy is kept, its weights don't matter.
        loss_fn: ``loss_fn(output, y)`` → scalar mean loss.
        x: inputs (N, …).
        y: labels or targets (N, …).
        batch_size: B.

    Raises:
        RunError: if batch_size is below 1 or x and y differ in length.
    """

    def __init__(
        self, module: nn.Module, loss_fn: Callable[..., Any], x: Tensor, y: Tensor, batch_size: int
    ) -> None:
        if batch_size < 1:
            raise RunError(f"batch_size must be at least 1, got {batch_size}")
        if len(x) != len(y) or not len(x):
            raise RunError(f"x and y must be equally long and not empty, got {len(x)} and {len(y)} examples")
        self.module = copy.deepcopy(module)
        self.loss_fn = loss_fn
        self.x, self.y = x, y
        self.batch_size = int(batch_size)
        self.groups = parameter_groups(module)
        named = dict(module.named_parameters())
        self.dim = sum(p.numel() for p in named.values())
        self._shapes = {name: p.shape for name, p in named.items()}
        self._dtype = next(iter(named.values())).dtype
        self._training = module.training
        dense = as_dense(module, loss_fn)
        # What the outer-product path takes for y.
        self._targets = one_hot(y, dense.widths[-1], self._dtype) if dense and loss_fn is one_hot_mse else y
        self._dense = dense if dense is not None and _fits(dense, x, self._targets) else None
        # Lanczos asks for many products at one θ: the graph of its gradient is kept for the next call.
        self._graph: tuple[bytes, Tensor, Tensor] | None = None

    def loss(self, theta: Array) -> float:
        """Mean loss over all N examples at theta (d,)."""
        with torch.no_grad():
            return float(self._loss(self._tensor(theta), self.x, self.y, training=False))

    def gradients(self, theta: Array, n: int, rng: np.random.Generator) -> Array:
        """n independent minibatch gradients at theta (d,): (n, d)."""
        rows = torch.from_numpy(rng.integers(0, len(self.x), size=(n, self.batch_size)))
        return self.gradients_of(theta, rows, rng)

    def gradients_of(self, theta: Array, rows: Tensor, rng: np.random.Generator) -> Array:
        """Gradients at theta (d,) of the minibatches ``rows`` (n, B): (n, d); rng seeds random layers."""
        flat = self._tensor(theta)
        if self._dense is not None:
            return _outer_gradients(self._dense, flat, self.x, self._targets, rows)
        out = np.empty((len(rows), self.dim))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(0, 2**63)))
            for i, chosen in enumerate(rows):
                point = flat.clone().requires_grad_(True)
                value = self._loss(point, self.x[chosen], self.y[chosen], training=self._training)
                out[i] = torch.autograd.grad(value, point)[0].double().numpy()
        return out

    def hvp(self, theta: Array, v: Array) -> Array:
        """∇²L(theta) v of the mean loss over all examples, by double backward: (d,)."""
        key = np.ascontiguousarray(theta, dtype=np.float64).tobytes()
        if self._graph is None or self._graph[0] != key:
            point = self._tensor(theta).requires_grad_(True)
            with twice_differentiable():
                value = self._loss(point, self.x, self.y, training=False)
                (grad,) = torch.autograd.grad(value, point, create_graph=True)
            self._graph = (key, point, grad)
        _, point, grad = self._graph
        if not grad.requires_grad:
            # The loss is linear in θ.
            return np.zeros(self.dim)
        (product,) = torch.autograd.grad(grad, point, self._tensor(v), retain_graph=True, allow_unused=True)
        return np.zeros(self.dim) if product is None else product.double().numpy()

    def _tensor(self, theta: Array) -> Tensor:
        array = np.array(theta, dtype=np.float64)
        if array.shape != (self.dim,):
            raise RunError(f"theta must have shape ({self.dim},), got {array.shape}")
        return torch.from_numpy(array).to(self._dtype)

    def _loss(self, theta: Tensor, x: Tensor, y: Tensor, *, training: bool) -> Tensor:
        parts, place = {}, 0
        for name, shape in self._shapes.items():
            size = shape.numel()
            parts[name] = theta[place : place + size].reshape(shape)
            place += size
        # Copies of the buffers: batch normalisation writes to them.
        buffers = {name: b.clone() for name, b in self.module.named_buffers()}
        self.module.train(training)
        value: Tensor = self.loss_fn(functional_call(self.module, {**parts, **buffers}, (x,)), y)
        return value


def _fits(dense: Dense, x: Tensor, y: Tensor) -> bool:
    """Whether the outer-product path knows data of these shapes (torch would broadcast others)."""
    targets = y.is_floating_point() and y.shape == (len(x), dense.widths[-1])
    labels = not y.is_floating_point() and y.ndim == 1 and bool((y >= 0).all())
    return x.ndim == 2 and (targets or (labels and dense.loss == "cross_entropy"))


def _slope(activation: str, z: Tensor, a: Tensor) -> Tensor:
    """f′(z) from z and a = f(z)."""
    if activation == "tanh":
        return 1 - a * a
    if activation == "relu":
        return (z > 0).to(z.dtype)
    if activation == "gelu":
        density = torch.exp(-0.5 * z * z) / (2 * torch.pi) ** 0.5
        slope: Tensor = torch.special.ndtr(z) + z * density
        return slope
    return 2 * z


_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "gelu": nn.functional.gelu,
    "quadratic": torch.square,
}


def _signals(dense: Dense, theta: Tensor, x: Tensor, y: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Per layer the inputs a (m, in) and the errors δ = ∂ℓ_i/∂z (m, out) of each example."""
    widths, place = dense.widths, 0
    weights, inputs, raw = [], [x], []
    last = len(widths) - 2
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        weight = theta[place : place + fan_out * fan_in].reshape(fan_out, fan_in)
        place += fan_out * fan_in
        if dense.bias:
            z = torch.addmm(theta[place : place + fan_out], inputs[-1], weight.T)
            place += fan_out
        else:
            z = inputs[-1] @ weight.T
        weights.append(weight)
        raw.append(z)
        if layer < last:
            inputs.append(_FUNCTIONS[dense.activation](z))
    if dense.loss == "mse":
        delta = 2 * (raw[-1] - y) / widths[-1]
    elif y.is_floating_point():
        delta = torch.softmax(raw[-1], dim=1) * y.sum(dim=1, keepdim=True) - y
    else:
        delta = torch.softmax(raw[-1], dim=1)
        delta[torch.arange(len(y)), y] -= 1
    errors = [delta]
    for layer in range(last, 0, -1):
        slope = _slope(dense.activation, raw[layer - 1], inputs[layer])
        errors.insert(0, (errors[0] @ weights[layer]) * slope)
    return inputs, errors


class SurvivingOracle:
    """A `GradientOracle` of the surviving coordinates alone; the others are fixed at 0.

    Args:
        oracle: of all D coordinates.
        mask: booleans (D,), d of them true.
    """

    def __init__(self, oracle: TorchOracle, mask: NDArray[np.bool_]) -> None:
        self._oracle, self._mask = oracle, mask
        self.dim = int(mask.sum())
        self.groups = surviving_groups(oracle.groups, mask)

    def _embed(self, vector: Array) -> Array:
        full = np.zeros(len(self._mask))
        full[self._mask] = vector
        return full

    def loss(self, theta: Array) -> float:
        """Mean loss over all examples at theta (d,)."""
        return self._oracle.loss(self._embed(theta))

    def gradients(self, theta: Array, n: int, rng: np.random.Generator) -> Array:
        """n independent minibatch gradients at theta (d,): (n, d)."""
        return self._oracle.gradients(self._embed(theta), n, rng)[:, self._mask]

    def hvp(self, theta: Array, v: Array) -> Array:
        """The surviving rows and columns of ∇²L(theta), times v: (d,)."""
        return self._oracle.hvp(self._embed(theta), self._embed(v))[self._mask]


def surviving_groups(groups: Mapping[str, slice], mask: NDArray[np.bool_]) -> dict[str, slice]:
    """The slices of the surviving coordinates of each group; groups without any are left out."""
    before = np.concatenate([[0], np.cumsum(mask)])
    found = {name: slice(int(before[s.start]), int(before[s.stop])) for name, s in groups.items()}
    return {name: s for name, s in found.items() if s.stop > s.start}


@torch.no_grad()
def _outer_gradients(dense: Dense, theta: Tensor, x: Tensor, y: Tensor, rows: Tensor) -> Array:
    """Mean gradients (n, d) of the minibatches rows (n, B): per layer Σ_b δ_b a_bᵀ / B, no autograd."""
    n, batch = rows.shape
    out = torch.empty(n, theta.numel(), dtype=theta.dtype)
    whole = n * batch >= len(x)
    shared = _signals(dense, theta, x, y) if whole else None
    step = max(1, _ROOM // (batch * max(dense.widths)))
    for start in range(0, n, step):
        part = rows[start : start + step]
        flat = part.reshape(-1)
        if shared is None:
            inputs, errors = _signals(dense, theta, x[flat], y[flat])
        else:
            inputs, errors = [a[flat] for a in shared[0]], [e[flat] for e in shared[1]]
        place = 0
        for a, delta in zip(inputs, errors, strict=True):
            error = delta.reshape(len(part), batch, -1) / batch
            size = error.shape[2] * a.shape[1]
            product = torch.bmm(error.transpose(1, 2), a.reshape(len(part), batch, -1))
            out[start : start + step, place : place + size] = product.reshape(len(part), -1)
            place += size
            if dense.bias:
                out[start : start + step, place : place + error.shape[2]] = error.sum(dim=1)
                place += error.shape[2]
    return out.double().numpy()
