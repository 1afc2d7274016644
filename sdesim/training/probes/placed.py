"""Gradients and Hessian products of a network at the weights where it stands, one vector at a time.

Vectors are flat tensors (d,) of the trained parameters, in the network's own numbers and on its device. A
gradient takes 4 bytes a parameter in float32, a Hessian product 8 beside its two vectors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sdesim.estimators.curvature.differences import SHORTER, Agreement, difference_step, judged
from sdesim.io.memory import paged
from sdesim.surfaces.torch.settings import twice_differentiable
from sdesim.training.data.batches import rows_of
from sdesim.training.probes.network_call import NetworkCall
from sdesim.training.probes.second_derivative import DIFFERENCES, TWICE, SecondDerivative

# Numbers that are made double at a time.
_BLOCK = 2**16
# Double backward is symmetric, u·Hv = v·Hu, to this share of |Hv||u|.
_LOPSIDED = 1e-3


@dataclass(frozen=True, eq=False)
class Part:
    """A batch, rows of x and y (None: all): ``factor`` times its loss, under random numbers of ``seed``."""

    x: Any
    y: Any
    rows: Tensor | slice | None
    weights: Tensor | None
    factor: float
    seed: int


class Placed:
    """Derivatives of the losses of batches by the parameters themselves.

    Args:
        called: how the network is called, in place.
    """

    def __init__(self, called: NetworkCall) -> None:
        self.called = called
        self.parameters = [p for p in called.parameters if p.requires_grad]
        self.places, self.dim = [], 0
        for p in self.parameters:
            self.places.append(slice(self.dim, self.dim + p.numel()))
            self.dim += p.numel()

    @contextmanager
    def open(self, *, gradient_hooks: bool = True) -> Iterator[None]:
        """Calls are made inside."""
        with self.called.open(gradient_hooks=gradient_hooks), twice_differentiable(), paged():
            yield

    def loss(self, parts: Iterable[Part]) -> float:
        """Σ factor·L over the parts."""
        total = 0.0
        with torch.no_grad():
            for part in parts:
                total += float(self._value(part))
                self.called.reset()
        return total

    def gradient(self, part: Part) -> list[Tensor]:
        """factor·∇L of one part, for each parameter; zeros where it does not depend on one."""
        try:
            found = torch.autograd.grad(self._value(part), self.parameters, allow_unused=True)
        finally:
            self.called.reset()
        return [
            torch.zeros_like(p) if g is None else g.detach()
            for g, p in zip(found, self.parameters, strict=True)
        ]

    def product(self, v: Tensor, parts: Iterable[Part]) -> Tensor:
        """Σ factor·Hv over the parts, by a second backward pass: a new vector (d,)."""
        made, pieces = self.vector(), self.pieces(v)
        for part in parts:
            try:
                slopes = torch.autograd.grad(
                    self._value(part), self.parameters, create_graph=True, allow_unused=True
                )
                # Numbers, so that the gradient itself is not kept.
                along = [
                    _Along.apply(s, w)  # type: ignore[no-untyped-call]
                    for s, w in zip(slopes, pieces, strict=True)
                    if s is not None and s.requires_grad
                ]
                del slopes
                if along:
                    with self._gathered(made):
                        torch.autograd.grad(along, self.parameters, allow_unused=True)
            finally:
                self.called.reset()
        return made

    @contextmanager
    def _gathered(self, made: Tensor) -> Iterator[None]:
        """Gradients are added to ``made`` as soon as each is there, and not held until all are."""

        def gather(place: slice) -> Any:
            def hook(g: Tensor) -> Tensor:
                made[place].add_(g.reshape(-1))
                return g.new_zeros(()).expand(g.shape)

            return hook

        pairs = zip(self.parameters, self.places, strict=True)
        handles = [p.register_hook(gather(s)) for p, s in pairs]  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def difference(self, v: Tensor, parts: Iterable[Part], step: float) -> Tensor:
        """The same by central differences of gradients over ±step along v."""
        parts, made, length = list(parts), self.vector(), norm(v)
        if length == 0.0:
            return made
        for sign in (1.0, -1.0):
            with self._moved(v, sign * step / length):
                for part in parts:
                    self._add(made, self.gradient(part), sign)
        made *= length / (2 * step)
        return made

    def checked(self, parts: list[Part], seed: int) -> SecondDerivative:
        """Hold double backward against differences along the gradient and a random direction.

        As `second_derivative.second_derivative` does, in the network's own numbers alone.
        """
        kind = str(self.called.accuracy).removeprefix("torch.")
        step, rounding = difference_step(kind), float(torch.finfo(self.called.accuracy).eps) ** (2 / 3)
        found, crossed = [], []
        for along in (True, False):
            v = self._direction(parts, seed, along=along)
            coarse, fine = self.difference(v, parts, step), self.difference(v, parts, SHORTER * step)
            coarse -= fine
            spread = norm(coarse)
            del coarse
            try:
                product = self.product(v, parts)
            except Exception:
                return SecondDerivative(DIFFERENCES, rounding)
            found.append(_agreement(product, fine, spread, kind))
            del fine, v
            other = self._direction(parts, seed, along=not along)
            crossed.append((dot(product, other), norm(product)))
            del product, other
        error = max(rounding, *(a.spread for a in found))
        if any(a.decided and not a.agreed for a in found):
            return SecondDerivative(DIFFERENCES, error)
        (one, size), (two, more) = crossed
        lopsided = abs(one - two) > _LOPSIDED * (size + more)
        if all(a.decided for a in found) or not lopsided:
            return SecondDerivative(TWICE)
        return SecondDerivative(DIFFERENCES, error)

    def _direction(self, parts: list[Part], seed: int, *, along: bool) -> Tensor:
        v = self.vector()
        if along:
            for part in parts:
                self._add(v, self.gradient(part), 1.0)
        size = norm(v)
        if size == 0.0:
            v.normal_(generator=torch.Generator(v.device).manual_seed(seed))
            size = norm(v)
        v *= 1.0 / size
        return v

    def random(self, seed: int) -> Tensor:
        """A vector (d,) of independent normal numbers."""
        v = self.vector()
        return v.normal_(generator=torch.Generator(v.device).manual_seed(seed))

    def vector(self, dtype: torch.dtype | None = None) -> Tensor:
        """Zeros (d,), in the network's own numbers where no others are asked for."""
        dtype, device = dtype or self.called.accuracy, self.called.device
        return torch.zeros(self.dim, dtype=dtype, device=device)

    def pieces(self, v: Tensor) -> list[Tensor]:
        """v (d,) in the shapes and numbers of the parameters."""
        return [v[s].view(p.shape).to(p.dtype) for s, p in zip(self.places, self.parameters, strict=True)]

    def _value(self, part: Part) -> Tensor:
        self.called.reseed(part.seed)
        x, y = part.x, part.y
        if part.rows is not None:
            x, y = rows_of(x, part.rows), rows_of(y, part.rows)
        # Copies: a forward pass may write to its inputs.
        value = self.called.placed(self.called.inputs(x), self.called.inputs(y), part.weights)
        return value if part.factor == 1.0 else value * part.factor

    def _add(self, made: Tensor, found: Iterable[Tensor | None], factor: float) -> None:
        for place, piece in zip(self.places, found, strict=True):
            if piece is not None:
                made[place].add_(piece.reshape(-1), alpha=factor)

    @contextmanager
    def _moved(self, v: Tensor, factor: float) -> Iterator[None]:
        held = [p.data for p in self.parameters]
        try:
            for p, piece in zip(self.parameters, self.pieces(v), strict=True):
                p.data = torch.add(p.data, piece, alpha=factor)
            yield
        finally:
            for p, data in zip(self.parameters, held, strict=True):
                p.data = data


class _Along(torch.autograd.Function):
    """s·w, whose backward pass gives w itself on, and no copy; the number is where that pass begins."""

    @staticmethod
    def forward(ctx: Any, s: Tensor, w: Tensor) -> Tensor:
        ctx.w = w.to(s)
        return s.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *begun: Tensor) -> tuple[Tensor, None]:
        return ctx.w, None


def dot(a: Tensor, b: Tensor) -> float:
    """a·b in double precision, whatever the numbers of the vectors."""
    a, b = a.reshape(-1), b.reshape(-1)
    blocks = range(0, len(a), _BLOCK)
    return math.fsum(float(a[at : at + _BLOCK].double() @ b[at : at + _BLOCK].double()) for at in blocks)


def add(a: Tensor, b: Tensor, factor: float = 1.0) -> None:
    """a ← a + factor·b, block by block, so that no copy of b in other numbers is made."""
    b = b.reshape(-1)
    for at in range(0, len(a), _BLOCK):
        a[at : at + _BLOCK].add_(b[at : at + _BLOCK], alpha=factor)


def norm(a: Tensor) -> float:
    """|a|."""
    return math.sqrt(dot(a, a))


def _agreement(product: Tensor, fine: Tensor, spread: float, kind: str) -> Agreement:
    """Of H v with a difference, which is written to; spread: |D − D′| of two differences."""
    scale = max(norm(product), norm(fine))
    if not math.isfinite(scale):
        return judged(math.inf, math.inf, kind)
    fine -= product
    return judged(norm(fine) / scale, spread / scale, kind) if scale > 0 else judged(0.0, 0.0, kind)
