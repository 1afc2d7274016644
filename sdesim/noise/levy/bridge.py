"""Stable increments taken apart, exactly: see `bridge_kernels` for how."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np

from sdesim.noise.bridge import Node
from sdesim.noise.kernel import Array, Drawn
from sdesim.stable.sampling.constants import law_constants, shift_to_s1

_HOME = "sdesim.noise.levy.bridge_kernels"


def _kernels() -> Any:
    return import_module(_HOME)


def _panels(alpha: float, beta: float) -> tuple[Any, ...]:
    """The table of a law's log density, as `log_density` takes it."""
    from sdesim.stable.kernels.panels import CELLS, panels_of

    table = panels_of(alpha, beta)
    return (
        table.s1, table.width, table.index, CELLS, table.starts, table.inverses, table.density, alpha, beta,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class StableSplit:
    """Halves of independent stable coordinates.

    Attributes:
        alpha, skew: of the law. scale: (rows,) over the whole step.
    """

    alpha: float
    skew: float
    scale: Array

    @property
    def identity(self) -> tuple[Array, ...]:
        """α, β and the scales."""
        return (np.array([self.alpha, self.skew]), self.scale)

    @cached_property
    def _law(self) -> tuple[Any, ...]:
        return _panels(self.alpha, self.skew)

    def start(self, drawn: Drawn, begin: int, end: int) -> Array:
        """Nothing."""
        return np.zeros((0, drawn.count))

    def halve(
        self, drawn: Drawn, level: int, begin: int, parents: Array, known: Array
    ) -> tuple[Array, Array]:
        """Both halves."""
        scale = np.array(self.scale * 2.0 ** (-level / self.alpha))
        shift = np.array(shift_to_s1(self.alpha, self.skew, scale))
        out = np.empty((2 * len(parents), *parents.shape[1:]))
        constants = np.array(law_constants(self.alpha, self.skew))
        _kernels().halve_stable(
            np.uint64(drawn.seed), drawn.stream, drawn.first, level, begin, constants, scale, shift,
            self._law, parents, out,
        )  # fmt: skip
        return out, known

    def halved_size(self, size: Array) -> Array:
        """size · 2^{−1/α}."""
        return np.asarray(size * 2.0 ** (-1.0 / self.alpha))

    def node(self, halvings: int) -> Node:
        """Scales and shifts of halves at all levels, (L, rows)."""
        scales = np.array([self.scale * 2.0 ** (-k / self.alpha) for k in range(1, max(1, halvings) + 1)])
        shifts = np.array([shift_to_s1(self.alpha, self.skew, scale) for scale in scales])
        constants = np.array(law_constants(self.alpha, self.skew))
        return Node(_HOME, "halve_one_stable", (constants, scales, shifts, self._law))


@dataclass(frozen=True, eq=False)
class IsotropicSplit:
    """Halves of isotropic stable increments scale √(2A) G.

    A is halved as the positive α/2-stable number that it is, and given both parts of A the increment as a
    Brownian motion in the time A.

    Attributes:
        alpha: of the increments. scale: (rows,) over the whole step.
        table, bits: of the quantiles of √(2A) where it is drawn by inversion; else (0, 0) and 0.
    """

    alpha: float
    scale: Array
    table: Array
    bits: int

    @property
    def identity(self) -> tuple[Array, ...]:
        """α and the scales."""
        return (np.array([self.alpha]), self.scale)

    @cached_property
    def _law(self) -> tuple[Any, ...]:
        return _panels(0.5 * self.alpha, 1.0)

    def start(self, drawn: Drawn, begin: int, end: int) -> Array:
        """A of each long step, (n, K)."""
        out = np.empty((end - begin, drawn.count))
        _kernels().mixing_times(
            np.uint64(drawn.seed), drawn.stream, drawn.first, begin, self.alpha, self.table.reshape(-1),
            self.bits, out,
        )  # fmt: skip
        return out

    def halve(
        self, drawn: Drawn, level: int, begin: int, parents: Array, known: Array
    ) -> tuple[Array, Array]:
        """Both halves, and their A."""
        index = 0.5 * self.alpha
        share = 2.0 ** (-level / index)
        # A at unit scale is S1 of index α/2, skew 1 and this scale.
        width = share * math.cos(0.5 * math.pi * index) ** (1.0 / index)
        out = np.empty((2 * len(parents), *parents.shape[1:]))
        times = np.empty((2 * len(known), drawn.count))
        _kernels().halve_isotropic(
            np.uint64(drawn.seed), drawn.stream, drawn.first, level, begin, self.alpha, share, width,
            math.tan(0.5 * math.pi * index), self._law, self.scale, np.ascontiguousarray(known), parents,
            times, out,
        )  # fmt: skip
        return out, times

    def halved_size(self, size: Array) -> Array:
        """size · 2^{−1/α}."""
        return np.asarray(size * 2.0 ** (-1.0 / self.alpha))

    def node(self, halvings: int) -> None:
        """None: a half needs its A too."""
        return None
