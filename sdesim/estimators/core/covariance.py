"""Covariances Σ = F Fᵀ known as factors, without a matrix (d, d): of examples, diagonals, sums of these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Covariance(Protocol):
    """A factor F (d, k) of Σ (d, d)."""

    @property
    def rank(self) -> int:
        """k, the number of its columns."""
        ...

    @property
    def variance(self) -> Array:
        """The diagonal of Σ (d,)."""
        ...

    def forward(self, z: Array) -> Array:
        """F z of each row: (m, k) → (m, d)."""
        ...

    def backward(self, v: Array) -> Array:
        """Fᵀ v of each row: (m, d) → (m, k)."""
        ...


@dataclass(frozen=True, eq=False)
class DiagonalCovariance:
    """Σ = diag s², F = diag s with s (d,)."""

    scale: Array

    @property
    def rank(self) -> int:
        """d."""
        return len(self.scale)

    @property
    def variance(self) -> Array:
        """s² (d,)."""
        return self.scale**2

    def forward(self, z: Array) -> Array:
        """s z: (m, d) → (m, d)."""
        return z * self.scale

    def backward(self, v: Array) -> Array:
        """s v: (m, d) → (m, d)."""
        return v * self.scale


@dataclass(frozen=True, eq=False)
class FactorCovariance:
    """Σ of a factor (d, k) that is held."""

    factor: Array

    @property
    def rank(self) -> int:
        """k."""
        return int(self.factor.shape[1])

    @cached_property
    def variance(self) -> Array:
        """Row sums of squares (d,)."""
        return np.asarray(np.einsum("ij,ij->i", self.factor, self.factor))

    def forward(self, z: Array) -> Array:
        """(m, k) → (m, d)."""
        return z @ self.factor.T

    def backward(self, v: Array) -> Array:
        """(m, d) → (m, k)."""
        return v @ self.factor


@dataclass(frozen=True, eq=False)
class ExampleCovariance:
    """Σ = Σ_i w_i² (g_i − μ)(g_i − μ)ᵀ of the gradients g_i of examples; F has the columns w_i(g_i − μ).

    Of one example drawn with probabilities q w_i² = q_i, of the mean of B of them q_i/B.

    Args:
        blocks: gives the gradients in order, in parts (m, d), each time it is called.
        mean: μ (d,). weights: w (N,).
    """

    blocks: Callable[[], Iterable[Array]]
    mean: Array
    weights: Array

    @property
    def rank(self) -> int:
        """N."""
        return len(self.weights)

    def _parts(self) -> Iterator[tuple[slice, Array]]:
        at = 0
        for part in self.blocks():
            yield slice(at, at + len(part)), part
            at += len(part)

    @cached_property
    def variance(self) -> Array:
        """(d,)."""
        total = np.zeros(len(self.mean))
        for rows, part in self._parts():
            total += self.weights[rows] ** 2 @ (part - self.mean) ** 2
        return total

    def forward(self, z: Array) -> Array:
        """(m, N) → (m, d)."""
        scaled, total = z * self.weights, np.zeros((len(z), len(self.mean)))
        for rows, part in self._parts():
            total += scaled[:, rows] @ part
        return np.asarray(total - scaled.sum(axis=1)[:, None] * self.mean)

    def backward(self, v: Array) -> Array:
        """(m, d) → (m, N)."""
        out = np.empty((len(v), self.rank))
        for rows, part in self._parts():
            out[:, rows] = v @ part.T
        return (out - (v @ self.mean)[:, None]) * self.weights


# Gradients of so many numbers are kept (128 MB), more are made anew for each product.
_KEPT = 2**24


def kept_parts(blocks: Callable[[], Iterable[Array]], size: int) -> Callable[[], Iterable[Array]]:
    """The same parts; kept after the first time where they are few numbers.

    Args:
        blocks: gives the parts. size: numbers in all.
    """
    held: list[Array] = []

    def parts() -> Iterable[Array]:
        if not held:
            held.extend(blocks())
        return held

    return blocks if size > _KEPT else parts


@dataclass(frozen=True, eq=False)
class SumCovariance:
    """Σ of the sum of independent parts, F = (F₁ | F₂ | …)."""

    parts: Sequence[Covariance]

    @property
    def rank(self) -> int:
        """Σ k."""
        return sum(part.rank for part in self.parts)

    @property
    def variance(self) -> Array:
        """(d,)."""
        return np.asarray(np.sum([part.variance for part in self.parts], axis=0))

    def forward(self, z: Array) -> Array:
        """(m, k) → (m, d)."""
        ends = np.cumsum([part.rank for part in self.parts])
        pieces = np.split(z, ends[:-1], axis=1)
        found = [p.forward(piece) for p, piece in zip(self.parts, pieces, strict=True)]
        return np.asarray(np.sum(found, axis=0))

    def backward(self, v: Array) -> Array:
        """(m, d) → (m, k)."""
        return np.concatenate([part.backward(v) for part in self.parts], axis=1)


@dataclass(frozen=True, eq=False)
class MaskedCovariance:
    """Σ among the coordinates that are true in a mask (D,)."""

    whole: Covariance
    mask: NDArray[np.bool_]

    @property
    def rank(self) -> int:
        """That of the whole."""
        return self.whole.rank

    @property
    def variance(self) -> Array:
        """(d,)."""
        return self.whole.variance[self.mask]

    def forward(self, z: Array) -> Array:
        """(m, k) → (m, d)."""
        return self.whole.forward(z)[:, self.mask]

    def backward(self, v: Array) -> Array:
        """(m, d) → (m, k)."""
        full = np.zeros((len(v), len(self.mask)))
        full[:, self.mask] = v
        return self.whole.backward(full)


@dataclass(frozen=True, eq=False)
class GradientMoments:
    """What is known of a stochastic gradient's law at one θ.

    Attributes:
        mean: μ (d,).
        covariance: Σ; None where only the mean is known.
    """

    mean: Array
    covariance: Covariance | None

    def among(self, mask: NDArray[np.bool_]) -> GradientMoments:
        """The same of the coordinates that are true in a mask (d,)."""
        inner = None if self.covariance is None else MaskedCovariance(self.covariance, mask)
        return GradientMoments(self.mean[mask], inner)


@dataclass(frozen=True, eq=False)
class GradientTraces:
    """μ, and Tr Σ of blocks of coordinates, without a factor of Σ.

    Attributes:
        mean: μ (d,). blocks: slices of the coordinates, one after the other. traces: Tr Σ of each.
    """

    mean: Array
    blocks: Sequence[slice]
    traces: Array

    def among(self, cut: slice) -> float:
        """Tr Σ of the blocks within a slice."""
        inside = [cut.start <= b.start and b.stop <= cut.stop for b in self.blocks]
        return float(self.traces[inside].sum())
