"""Hessian-vector products of a network's objective by double backward, and the check that they are right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.estimators.curvature.differences import agreement
from sdesim.surfaces.torch.settings import twice_differentiable
from sdesim.training.probes.network_call import NetworkCall

Array = NDArray[np.float64]
METHODS = ("double backward", "differences")
TWICE, DIFFERENCES = METHODS
# Double backward is symmetric, u·Hv = v·Hu, to this share of |Hv||u|; one that leaves paths out rarely is.
_LOPSIDED = 1e-3


class HessianProduct:
    """H v of a mean of losses of batches by a second backward pass.

    The graph of the gradient is kept for the next product at the same θ, where calls neither wrote into
    tensors nor had to put other weights into the network.

    Args:
        called: how the network is called. batches: x, y and weights of each. scale: factor of their sum.
        seed: of random layers.
    """

    def __init__(
        self, called: NetworkCall, batches: Sequence[tuple[Any, Any, Tensor | None]], scale: float, seed: int
    ) -> None:
        self._called, self._batches, self._scale, self._seed = called, batches, scale, seed
        self._graph: tuple[bytes, Tensor | list[nn.Parameter], Tensor] | None = None

    def __call__(self, theta: Array, v: Array) -> Array:
        """H v at theta (d,), along v (d,)."""
        key = np.ascontiguousarray(theta, dtype=np.float64).tobytes()
        if self._graph is not None and self._graph[0] == key:
            return self._product(*self._graph[1:], v)
        called, self._graph = self._called, None
        with called.open(gradient_hooks=False), twice_differentiable():
            flat = called.point(theta)
            if called.in_place:
                with called.weights(flat) as lasting:
                    sources = [p for p in called.parameters if p.requires_grad]
                    slope = called.slopes(self._value(called.placed), graph=True)
                    found = self._product(sources, slope, v)
                made: tuple[bytes, Tensor | list[nn.Parameter], Tensor] = (key, sources, slope)
            else:
                flat, lasting = flat.requires_grad_(True), True
                # Split once: a backward pass would go through as many splits as there are batches.
                parts = called.split(flat)
                value = self._value(lambda x, y, weights: called.functional(parts, x, y, weights))
                (slope,) = torch.autograd.grad(value, flat, create_graph=True)
                found, made = self._product(flat, slope, v), (key, flat, slope)
            if not called.reset() and lasting:
                self._graph = made
        return found

    def _value(self, call: Callable[[Any, Any, Tensor | None], Tensor]) -> Tensor:
        total: Tensor | None = None
        for k, (x, y, weights) in enumerate(self._batches):
            self._called.reseed(self._seed + k)
            # Copies: a forward pass may write to its inputs.
            value = call(self._called.inputs(x), self._called.inputs(y), weights)
            total = value if total is None else total + value
        assert total is not None
        return total * self._scale

    def _product(self, sources: Tensor | list[nn.Parameter], slope: Tensor, v: Array) -> Array:
        called = self._called
        if not slope.requires_grad:
            # The loss is linear in θ.
            return np.zeros(called.dim)
        along = called.point(v)
        with called.plainly():
            grads = torch.autograd.grad(slope, sources, along, retain_graph=True, allow_unused=True)
        if isinstance(sources, Tensor):
            return np.zeros(called.dim) if grads[0] is None else grads[0].double().cpu().numpy()
        held = {id(p): g for p, g in zip(sources, grads, strict=True)}
        pieces = [
            np.zeros(p.numel()) if held.get(id(p)) is None else held[id(p)].double().cpu().reshape(-1).numpy()
            for p in called.parameters
        ]
        return np.concatenate(pieces)


def split_product(
    called: NetworkCall, shares: Sequence[Sequence[tuple[Any, Any, Tensor | None]]], scales: Sequence[float],
    seed: int,
) -> Callable[[Array, Array], Array]:  # fmt: skip
    """θ (d,), v (m, d) ↦ H_i v_i (m, d) of m shares of the examples, without a graph that lasts.

    Args:
        shares: batches of each, as of `HessianProduct`; scales: factor of each one's sum. seed: of random
            layers, which draw other numbers in each share.
    """

    def along(theta: Array, v: Array) -> Array:
        rows = []
        for k, (share, scale) in enumerate(zip(shares, scales, strict=True)):
            rows.append(HessianProduct(called, share, scale, seed + k)(theta, v[k]))
        return np.array(rows)

    return along


@dataclass(frozen=True)
class SecondDerivative:
    """How Hessian-vector products are taken.

    Attributes:
        method: a word of `METHODS`. error: relative error of a product that is a difference, 0 for others.
    """

    method: str
    error: float = 0.0


def second_derivative(
    module: nn.Module, loss_fn: Callable[..., Any], modes: Sequence[bool], called: NetworkCall,
    x: Any, y: Any, theta: Array, seed: int,
) -> SecondDerivative:  # fmt: skip
    """Hold double backward against differences of gradients, on a few examples along two directions.

    In float64 where the network can be cast, for there steps are so short that kinks and rounding hardly
    matter. Where differences decide nothing (kinks in float32), a product that is not symmetric is wrong.

    Args:
        module, loss_fn, modes: the network, in the mode of the reading. called: how it is called.
        x, y: a few examples. theta: θ (d,). seed: of random layers.
    """
    for each in _ways(module, loss_fn, modes, called):
        found = _held_against_differences(each, x, y, theta, seed)
        if found is not None:
            return found
    return SecondDerivative(DIFFERENCES)


def _held_against_differences(
    called: NetworkCall, x: Any, y: Any, theta: Array, seed: int
) -> SecondDerivative | None:
    """The same in one way of calling; None where that has no gradient."""
    kind = "float64" if called.accuracy == torch.float64 else "float32"
    moving = np.concatenate([np.full(p.numel(), float(p.requires_grad)) for p in called.parameters])

    def gradient(point: Array) -> Array:
        with called.open(gradient_hooks=False):
            called.reseed(seed)
            slope = called.gradient(called.point(point), called.inputs(x), called.inputs(y))[1]
            return np.asarray(slope * moving)

    try:
        slope = gradient(theta)
    except Exception:
        return None
    aside = np.random.default_rng(0).standard_normal(len(theta)) * moving
    first = slope if np.linalg.norm(slope) > 0 else aside
    directions = [d / np.linalg.norm(d) for d in (first, aside)]
    product = HessianProduct(called, [(x, y, None)], 1.0, seed)
    rounding = float(np.finfo(kind).eps) ** (2 / 3)
    try:
        products = [product(theta, d) * moving for d in directions]
    except Exception:
        return SecondDerivative(DIFFERENCES, rounding)
    found = [agreement(p, gradient, theta, d, dtype=kind) for p, d in zip(products, directions, strict=True)]
    spread = max(rounding, *(a.spread for a in found))
    if any(a.decided and not a.agreed for a in found):
        return SecondDerivative(DIFFERENCES, spread)
    if all(a.decided for a in found) or not _lopsided(products, directions):
        return SecondDerivative(TWICE)
    return SecondDerivative(DIFFERENCES, spread)


def _ways(
    module: nn.Module, loss_fn: Callable[..., Any], modes: Sequence[bool], called: NetworkCall
) -> list[NetworkCall]:
    if called.in_place or called.accuracy == torch.float64:
        return [called]
    return [
        NetworkCall(module, loss_fn, modes, hooks=called.hooks, cast=torch.float64, only=called.only),
        called,
    ]


def _lopsided(products: Sequence[Array], directions: Sequence[Array]) -> bool:
    (hu, hv), (u, v) = products, directions
    size = float(np.linalg.norm(hu)) + float(np.linalg.norm(hv))
    return abs(float(v @ hu) - float(u @ hv)) > _LOPSIDED * size
