"""Increments that depend on those before them, worked out a stretch of steps ahead of the kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdesim.estimators.core.covariance import GradientMoments
from sdesim.noise.kernel import GROUP, Array, Drawn, NoiseKernel

KERNELS = "sdesim.noise.path_kernels"
# Numbers in the table of one stretch: 32 MB.
_TABLE = 2**22


@dataclass(frozen=True, eq=False)
class Path:
    """Base of what fills a table (steps · d, K) of increments, one stretch after the other."""

    @property
    def identity(self) -> tuple[Array, ...]:
        """What decides the increments; every subclass has its own."""
        raise NotImplementedError

    @property
    def functions(self) -> Mapping[str, Callable[..., Any]]:
        """None of a user's."""
        return {}

    def most(self, drawn: Drawn) -> int:
        """As many steps as the table has room for; an even number."""
        return max(2, _TABLE // (drawn.rows * drawn.count) // 2 * 2)

    def reach(self, steps: int) -> int | None:
        """No end: an increment is made of what was before it."""
        return None

    def start(self, drawn: Drawn) -> Array:
        """No state."""
        return np.zeros((0, drawn.count))

    def fill(self, drawn: Drawn, begin: int, end: int, state: Array, out: Array) -> None:
        """Increments of the steps begin … end − 1 into out (n, d, K); row 0 is of the first of a group."""
        raise NotImplementedError

    def arrays(self, drawn: Drawn, begin: int, end: int, state: Array) -> tuple[Array, Array]:
        """The table, and where it begins."""
        base = begin - begin % GROUP
        out = np.zeros((end + -end % GROUP - base, drawn.rows, drawn.count))
        self.fill(drawn, begin, end, state, out)
        return np.array([float(base), float(drawn.first)]), out.reshape(-1, drawn.count)


def path_kernel(path: Path, moments: GradientMoments | None, dt: float, dithers: bool = True) -> NoiseKernel:
    """The kernel that reads the table.

    Args:
        moments: of a gradient's noise at the learning rate dt, from which the size of an increment follows.
        dithers: of the kernel.
    """
    known = moments is not None and moments.covariance is not None
    size = dt * np.sqrt(moments.covariance.variance) if known else None  # type: ignore[union-attr]
    return NoiseKernel(
        KERNELS, "from_table", np.zeros(2), ahead=path, size=size, dithers=dithers, divisible=True
    )  # fmt: skip


def spread(x: float) -> float:
    """x − 1 + e^{−x} ≥ 0, without the loss of digits near 0."""
    if x > 0.1:
        return float(x + np.expm1(-x))
    total, term = 0.0, 1.0
    for k in range(1, 15):
        term *= -x / k
        total += term if k > 1 else 0.0
    return total
