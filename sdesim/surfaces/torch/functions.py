"""The torch side of `TorchSurface`: a module's loss and derivatives as functions of a flat float64 θ."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numba import njit, objmode
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.estimators.curvature.differences import difference_hvp
from sdesim.surfaces.derivative_check import check_gradient, wrong_product
from sdesim.surfaces.torch.batched import BatchedLoss

Array = NDArray[np.float64]


def own_tensor(array: Array) -> Tensor:
    """A copy in torch's own, aligned memory: products round by where in memory their factors lie."""
    return torch.tensor(array)


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


class Network:
    """Loss and derivatives of a float64 copy of a module at any θ (d,), one point at a time.

    Raises:
        SdesimError: if the module has no parameters, x and y differ in length, the loss is not a number that
            the weights alone decide, or its gradient not that of its values, at the start and beside it.
    """

    def __init__(self, module: nn.Module, loss_fn: Callable[..., Any], x: Any, y: Any) -> None:
        self.batched = BatchedLoss(module, loss_fn, x, y)
        self.x, self.y, self.is_mean = self.batched.x, self.batched.y, self.batched.is_mean
        self.start = flat_parameters(module)
        self.groups = parameter_groups(module)
        check_gradient(self.loss, self.grad, self.start)

    def loss(self, theta: Array) -> float:
        """L(θ)."""
        return float(self.batched.losses(own_tensor(theta)[None])[0])

    def grad(self, theta: Array) -> Array:
        """∇L(θ): (d,)."""
        return self.batched.gradients(own_tensor(theta)[None])[0].numpy()

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
        with self.batched.network() as network:
            point = own_tensor(theta).requires_grad_(True)
            (slope,) = torch.autograd.grad(
                network.functional(point, self.x, self.y), point, create_graph=True
            )
            if not slope.requires_grad:
                # The loss is linear in θ.
                return np.zeros_like(theta)
            (product,) = torch.autograd.grad(slope, point, own_tensor(v), allow_unused=True)
            return np.zeros_like(theta) if product is None else product.numpy()

    def weighted_gradient(self, theta: Array, weights: Array) -> Array:
        """Σ_i weights_i ∇ℓ_i(θ), examples of weight 0 left out: (d,)."""
        chosen = torch.from_numpy(np.flatnonzero(weights))
        if not len(chosen):
            return np.zeros_like(theta)
        point, scale = own_tensor(theta)[None], own_tensor(weights)
        if len(chosen) == len(weights):
            return self.batched.weighted(point, scale[None])[0].numpy()
        return self.batched.weighted_among(point[0], chosen, scale[chosen]).numpy()

    def example_gradients(self, theta: Array, indices: NDArray[np.int64]) -> Array:
        """∇ℓ_i(θ) of the examples: (k, d)."""
        return self.batched.example_gradients(own_tensor(theta), torch.from_numpy(indices)).numpy()


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
