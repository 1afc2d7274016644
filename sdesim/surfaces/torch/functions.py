"""The torch side of `TorchSurface`: a module's loss and derivatives as functions of a flat float64 θ."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numba import njit, objmode
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from sdesim.errors import SdesimError
from sdesim.estimators.curvature.differences import difference_hvp
from sdesim.surfaces.derivative_check import check_gradient, wrong_product

Array = NDArray[np.float64]
# Example gradients of at most this many numbers are held at once: 128 MB.
_ROOM = 2**24
# The number of torch's threads is global: two threads of the engine must not change it under each other.
_LOCK = threading.RLock()


def flat_parameters(module: nn.Module) -> Array:
    """θ (d,): the parameters in `named_parameters` order, each row-major, as float64."""
    return flat(module.parameters())


def flat(parameters: Iterable[Tensor]) -> Array:
    """The numbers of some tensors one after the other, each row-major, as float64."""
    return np.concatenate([p.detach().cpu().reshape(-1).double().numpy() for p in parameters])


def parameter_groups(module: nn.Module) -> dict[str, slice]:
    """Coordinates of each top-level part of the module that holds parameters: name → slice of θ."""
    groups: dict[str, slice] = {}
    place = 0
    for name, parameter in module.named_parameters():
        top = name.split(".", 1)[0]
        end = place + parameter.numel()
        before = groups.get(top)
        if before is not None and before.stop != place:
            # A part whose parameters don't lie side by side keeps one group for each stretch.
            top, before = name, None
        groups[top] = slice(place if before is None else before.start, end)
        place = end
    return groups


@contextmanager
def one_thread() -> Iterator[None]:
    """One torch thread, so that no sum is split, and torch's setting as it was once it is over."""
    with _LOCK:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


@contextmanager
def twice_differentiable() -> Iterator[None]:
    """Attention by plain products: its fused form has no second derivative."""
    with sdpa_kernel(SDPBackend.MATH):
        yield


class Network:
    """Loss and derivatives of a float64 copy of a module at any θ (d,), one point at a time.

    Raises:
        SdesimError: if the module has no parameters, x and y differ in length, the loss is not a number that
            the weights alone decide, or its gradient not that of its values, at the start and beside it.
    """

    def __init__(self, module: nn.Module, loss_fn: Callable[..., Any], x: Any, y: Any) -> None:
        self.module = copy.deepcopy(module).cpu().double()
        self.loss_fn = loss_fn
        self.x, self.y = _double(x), _double(y)
        self.start = flat_parameters(module) if any(True for _ in module.parameters()) else np.empty(0)
        if not self.start.size:
            raise SdesimError("the module has no parameters to train")
        if self.x.ndim == 0 or self.y.ndim == 0 or len(self.x) != len(self.y) or not len(self.x):
            raise SdesimError(
                f"x and y must be equally long and not empty, got {tuple(self.x.shape)} and "
                f"{tuple(self.y.shape)}"
            )
        self.groups = parameter_groups(module)
        self._shapes = {name: p.shape for name, p in module.named_parameters()}
        with one_thread(), torch.no_grad():
            theta = own_tensor(self.start)
            value = self._loss(theta, self.x, self.y)
            if not isinstance(value, Tensor) or value.ndim != 0:
                raise SdesimError(
                    "loss_fn must give one number for all examples, such as torch's mean losses"
                )
            if not torch.equal(value, self._loss(theta, self.x, self.y)):
                raise SdesimError(
                    "the loss must depend on the weights alone, two calls differ: is dropout on? Call "
                    "module.eval() first"
                )
            self.vectorised = self._vectorises(theta)
            self.is_mean = self._is_mean(theta, value)
        check_gradient(self.loss, self.grad, self.start)

    def _loss(self, theta: Tensor, x: Tensor, y: Tensor) -> Any:
        parts, place = {}, 0
        for name, shape in self._shapes.items():
            parts[name] = theta[place : place + shape.numel()].reshape(shape)
            place += shape.numel()
        # Copies of the buffers: batch normalisation writes to them.
        buffers = {name: b.clone() for name, b in self.module.named_buffers()}
        of_weights = getattr(self.loss_fn, "of_weights", None)
        with twice_differentiable():
            value = self.loss_fn(functional_call(self.module, {**parts, **buffers}, (x,)), y)
            return value if of_weights is None else value + of_weights(parts)

    def _one(self, theta: Tensor, x: Tensor, y: Tensor) -> Any:
        return self._loss(theta, x[None], y[None])

    def _vectorises(self, theta: Tensor) -> bool:
        """Whether torch can take the examples side by side; control flow on values can't be."""
        try:
            vmap(self._one, (None, 0, 0))(theta, self.x[:1], self.y[:1])
        except (RuntimeError, ValueError):
            return False
        return True

    def _is_mean(self, theta: Tensor, value: Tensor) -> bool:
        """Whether the loss is the mean of the losses of the examples alone, at one point."""
        try:
            mean = self._example_losses(theta, self.x, self.y).mean()
        except (RuntimeError, ValueError):
            # Some modules take no single example (batch normalisation in training mode).
            return False
        return bool(torch.allclose(mean, value, rtol=1e-9, atol=1e-12))

    def _example_losses(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        if self.vectorised:
            losses: Tensor = vmap(self._one, (None, 0, 0))(theta, x, y)
            return losses
        return torch.stack([self._one(theta, a, b) for a, b in zip(x, y, strict=True)])

    def loss(self, theta: Array) -> float:
        """L(θ)."""
        with one_thread(), torch.no_grad():
            return float(self._loss(own_tensor(theta), self.x, self.y))

    def grad(self, theta: Array) -> Array:
        """∇L(θ): (d,)."""
        with one_thread():
            slope: Tensor = grad(self._loss)(own_tensor(theta), self.x, self.y)
            return slope.numpy()

    @cached_property
    def second_pass_holds(self) -> bool:
        """Whether a second backward pass gives the derivative of the gradient: tried once, at the start and
        beside it. Detached or missing derivatives would else read as 0."""
        try:
            return wrong_product(self.grad, self._second_pass, self.start.copy()) is None
        except (RuntimeError, NotImplementedError):
            return False

    def hvp(self, theta: Array, v: Array) -> Array:
        """∇²L(θ) v: (d,). By a second backward pass where that is right, else by differences of ∇L."""
        if self.second_pass_holds:
            return self._second_pass(theta, v)
        return difference_hvp(self.grad, theta, v)

    def _second_pass(self, theta: Array, v: Array) -> Array:
        """The gradient of ∇L·v: (d,)."""
        # Forward mode is not there for every layer (attention, some losses); backward twice is.
        with one_thread():
            point = own_tensor(theta).requires_grad_(True)
            (slope,) = torch.autograd.grad(self._loss(point, self.x, self.y), point, create_graph=True)
            if not slope.requires_grad:
                # The loss is linear in θ.
                return np.zeros_like(theta)
            (product,) = torch.autograd.grad(slope, point, own_tensor(v), allow_unused=True)
            return np.zeros_like(theta) if product is None else product.numpy()

    def weighted_gradient(self, theta: Array, weights: Array) -> Array:
        """Σ_i weights_i ∇ℓ_i(θ), examples of weight 0 left out: (d,)."""
        with one_thread():
            chosen = torch.from_numpy(np.flatnonzero(weights))
            if not len(chosen):
                return np.zeros_like(theta)
            scale, x, y = own_tensor(weights)[chosen], self.x[chosen], self.y[chosen]

            def total(point: Tensor) -> Tensor:
                return scale @ self._example_losses(point, x, y)

            slope: Tensor = grad(total)(own_tensor(theta))
            return slope.numpy()

    def example_gradients(self, theta: Array, indices: NDArray[np.int64]) -> Array:
        """∇ℓ_i(θ) of the examples: (k, d)."""
        point = own_tensor(theta)
        out = np.empty((len(indices), len(theta)))
        step = max(1, _ROOM // len(theta))
        each = grad(self._one)
        with one_thread():
            for start in range(0, len(indices), step):
                part = torch.from_numpy(indices[start : start + step])
                x, y = self.x[part], self.y[part]
                if self.vectorised:
                    out[start : start + step] = vmap(each, (None, 0, 0))(point, x, y).numpy()
                else:
                    for k in range(len(part)):
                        out[start + k] = each(point, x[k], y[k]).numpy()
        return out


def own_tensor(array: Array) -> Tensor:
    """A copy in torch's own, aligned memory: products round by where in memory their factors lie."""
    return torch.tensor(array)


def _double(values: Any) -> Tensor:
    """A tensor of its own: float64, or int64 for whole numbers."""
    tensor = torch.as_tensor(values).detach().cpu()
    return (tensor.double() if tensor.is_floating_point() else tensor.long()).clone()


def compiled_functions(network: Network) -> dict[str, Any]:
    """Compiled functions on blocks (d, W) that call back into torch, one column after another."""

    def fill_loss(x: Array, out: Array) -> None:
        for w in range(x.shape[1]):
            out[w] = network.loss(x[:, w].copy())

    def fill_grad(x: Array, out: Array) -> None:
        for w in range(x.shape[1]):
            out[:, w] = network.grad(x[:, w].copy())

    def fill_hvp(x: Array, v: Array, out: Array) -> None:
        for w in range(x.shape[1]):
            out[:, w] = network.hvp(x[:, w].copy(), v[:, w].copy())

    def fill_weighted(x: Array, weights: Array, out: Array) -> None:
        for w in range(x.shape[1]):
            out[:, w] = network.weighted_gradient(x[:, w].copy(), weights[:, w].copy())

    # Without the options of other kernels: these hold the interpreter's lock while torch works.
    @njit
    def loss(x, params, data0, data1, out):  # type: ignore[no-untyped-def]
        with objmode():
            fill_loss(x, out)

    @njit
    def gradient(x, params, data0, data1, out):  # type: ignore[no-untyped-def]
        with objmode():
            fill_grad(x, out)

    @njit
    def hvp(x, v, params, data0, data1, out):  # type: ignore[no-untyped-def]
        with objmode():
            fill_hvp(x, v, out)

    @njit
    def weighted_grad(x, weights, params, data0, data1, out):  # type: ignore[no-untyped-def]
        with objmode():
            fill_weighted(x, weights, out)

    functions = {"loss": loss, "grad": gradient, "hvp": hvp}
    return functions | {"weighted_grad": weighted_grad} if network.is_mean else functions
