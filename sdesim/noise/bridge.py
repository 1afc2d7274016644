"""Increments of a run of long steps taken apart into those of shorter ones: its own path, seen more finely.

An increment over a step is halved, its halves again, and so on, each time from its law given the whole. What
is drawn for a half depends on (seed, stream, trajectory, halving, coordinate) alone, so that all refinements
of one run are one path.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdesim.noise.kernel import GROUP, Array, Drawn, NoiseKernel
from sdesim.noise.path import KERNELS, Path

# Trajectories times coordinates that the long steps are drawn for at once.
_BLOCK = 2048


class Split(Protocol):
    """How the increments of one law are halved.

    Attributes:
        identity: arrays that decide the halves, beside the whole.
    """

    @property
    def identity(self) -> tuple[Array, ...]: ...

    def start(self, drawn: Drawn, begin: int, end: int) -> Array:
        """What is known of the increments of the long steps begin … end − 1 beside themselves, (n, K); (0, K)
        where nothing is needed."""
        ...

    def halve(
        self, drawn: Drawn, level: int, begin: int, parents: Array, known: Array
    ) -> tuple[Array, Array]:
        """Halves (2 n, rows, K) of increments (n, rows, K), the first of which is number ``begin`` of those
        that level − 1 halvings have made, and what is known of them."""
        ...

    def halved_size(self, size: Array) -> Array:
        """The scale of a half for that of the whole."""
        ...

    def node(self, halvings: int) -> Node | None:
        """The compiled side, up to so many halvings; None where more is needed than the increment."""
        ...


@dataclass(frozen=True)
class Node:
    """Name and arguments of a compiled function that halves one increment of one trajectory.

    ``fn(seed, stream, trajectory, level, node, args, parents, out)``: parents (1, rows, 1) to out
    (2, rows, 1), numbered as in `Split.halve`.

    Attributes:
        module: dotted name of the module that holds it. function: its name.
        args: a tuple of arrays and numbers.
    """

    module: str
    function: str
    args: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class GaussianSplit:
    """A half of ΔN = rootᵀ z is (ΔN + ΔN′)/2, ΔN′ another of its law: a Brownian bridge.

    Attributes:
        root: (rows,) of independent coordinates, or (k, rows).
    """

    root: Array

    @property
    def identity(self) -> tuple[Array, ...]:
        """The root."""
        return (self.root,)

    def start(self, drawn: Drawn, begin: int, end: int) -> Array:
        """Nothing."""
        return np.zeros((0, drawn.count))

    def halve(
        self, drawn: Drawn, level: int, begin: int, parents: Array, known: Array
    ) -> tuple[Array, Array]:
        """Both halves."""
        kernels: Any = import_module("sdesim.noise.bridge_kernels")
        out = np.empty((2 * len(parents), *parents.shape[1:]))
        diagonal = self.root.ndim == 1
        root = np.ascontiguousarray(np.atleast_2d(self.root) * 2.0 ** (-0.5 * (level - 1)))
        kernels.halve_normals(
            np.uint64(drawn.seed), drawn.stream, drawn.first, level, begin, diagonal, root, parents, out
        )
        return out, known

    def halved_size(self, size: Array) -> Array:
        """size/√2."""
        return np.asarray(size * 2.0**-0.5)

    def node(self, halvings: int) -> Node:
        """The roots at all levels, (L, k, rows)."""
        roots = np.array([np.atleast_2d(self.root) * 2.0 ** (-0.5 * k) for k in range(max(1, halvings))])
        return Node("sdesim.noise.bridge_kernels", "halve_one_normal", (self.root.ndim == 1, roots))


@dataclass(frozen=True, eq=False)
class Refined(Path):
    """Increments of steps of dt/2^halvings: those of a kernel for dt, taken apart.

    Attributes:
        whole: the kernel for dt.
        halvings: how often.
    """

    whole: NoiseKernel
    halvings: int
    # Increments are independent and of one law though they are worked out ahead.
    independent = True

    @property
    def identity(self) -> tuple[Array, ...]:
        """The kernel's own arrays, the split's and the number of halvings."""
        text = np.frombuffer(f"{self.whole.module} {self.whole.function}".encode(), dtype=np.uint8)
        own = (text.astype(np.float64), self.whole.params, self.whole.data, np.array([float(self.halvings)]))
        return own + tuple(self.whole.split.identity)

    def reach(self, steps: int) -> int | None:
        """Always."""
        return None

    def fill(self, drawn: Drawn, begin: int, end: int, state: Array, out: Array) -> None:
        """From the long steps that hold the short ones begin … end − 1 down, only what is needed of each."""
        level, base = self.halvings, begin - begin % GROUP
        low, high = begin >> level, ((end - 1) >> level) + 1
        parents = _drawn(self.whole, drawn, low, high)
        known = self.whole.split.start(drawn, low, high)
        for made in range(1, level + 1):
            children, known = self.whole.split.halve(drawn, made, low, parents, known)
            first, last = begin >> (level - made), ((end - 1) >> (level - made)) + 1
            kept = slice(first - 2 * low, last - 2 * low)
            parents = np.ascontiguousarray(children[kept])
            known, low = (known[kept] if len(known) else known), first
        out[begin - base : end - base] += parents


def _drawn(kernel: NoiseKernel, drawn: Drawn, begin: int, end: int) -> Array:
    """Increments (n, rows, K) of the steps begin … end − 1 of a kernel, the numbers that a run of it uses."""
    fill: Callable[..., None] = getattr(import_module(kernel.module), kernel.function)
    base = begin - begin % 2
    out = np.empty((end + end % 2 - base, drawn.rows, drawn.count))
    lanes = min(drawn.count, max(1, _BLOCK // drawn.rows))
    key = np.uint64(drawn.seed)
    for start in range(0, drawn.count, lanes):
        width = min(lanes, drawn.count - start)
        a, b, c, d = (np.empty((drawn.rows, width)) for _ in range(4))
        for pair in range(base // 2, (end + 1) // 2):
            a[...] = b[...] = 0.0
            fill(key, drawn.stream, drawn.first + start, pair, kernel.params, kernel.data, a, b, c, d)
            out[2 * pair - base, :, start : start + width] = a
            out[2 * pair + 1 - base, :, start : start + width] = b
    return np.ascontiguousarray(out[begin - base : end - base])


def refined(whole: NoiseKernel, halvings: int) -> NoiseKernel:
    """The kernel for dt/2^halvings whose increments sum to those of the kernel for dt."""
    size: NDArray[np.float64] | None = whole.size
    for _ in range(halvings if size is not None else 0):
        size = whole.split.halved_size(size)
    return replace(
        whole, module=KERNELS, function="from_table", params=np.zeros(2), data=np.zeros((0, 0)), setter=None,
        single=None, size=size, ahead=Refined(whole, halvings),
    )  # fmt: skip
