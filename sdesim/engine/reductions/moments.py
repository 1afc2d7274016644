"""Means of the powers of the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from sdesim.engine.reductions.base import (
    Array,
    Base,
    Coordinate,
    Every,
    ReductionKernel,
    Setting,
    Variable,
)
from sdesim.kinds import kind

_HOME = "sdesim.engine.reductions.moments_kernels"
_DIMS = ("order", "step", "param")


@kind("reductions", "moments")
@dataclass(frozen=True)
class Moments(Base):
    """Moments E θᵏ and central moments E (θ − E θ)ᵏ of every coordinate, for k up to an order.

    ``moment(order, step, param)`` and ``central_moment``, each a mean over the n trajectories that have not
    ended, ``live_count(step)`` of them; ``moment_error`` and ``central_moment_error`` are their standard
    errors √(Var θᵏ / (n − 1)) and, for k-th central moments m_k,
    √((m_2k − m_k² − 2k m_{k−1} m_{k+1} + k² m_2 m_{k−1}²) / (n − 1)). Sums are kept about means, so that a
    small spread far from 0 loses no digits. Under noise with a stable index α the moments of order ≥ α have
    no value, which ``attrs["infinite_moments"]`` names, and errors that need one are NaN.

    Args:
        order: the largest k.
        every: at saved steps, or at every step, then along ``every_step``.

    Source: P. Pébay, Sandia report SAND2008-6212 (2008) (merging); M. Kendall & A. Stuart, The Advanced
    Theory of Statistics 1 (1977) §10 (errors).
    """

    order: Annotated[int, Ge(1), Le(8)] = 4
    every: Every = "saved"

    @property
    def needed(self) -> int:
        """Two, of which there is a spread."""
        return 2

    def width(self, dim: int) -> int:
        """Counts, means, and sums to twice the order, which the errors are of."""
        return (2 * self.order + 1) * dim

    def params(self, dim: int) -> Array:
        """[twice the order]."""
        return np.array([2.0 * self.order])

    def kernel(self) -> ReductionKernel:
        """The compiled side."""
        return ReductionKernel(_HOME, "take_moments", "merge_moments")

    def variables(self, setting: Setting) -> Mapping[str, Variable]:
        """The moments and their errors."""
        words = {"moment": "mean of the power of the parameter",
                 "central_moment": "mean of the power of the parameter's distance from its mean"}  # fmt: skip
        found = {name: Variable(_DIMS, "parameter^order", text) for name, text in words.items()}
        errors = {f"{n}_error": Variable(_DIMS, "parameter^order", f"standard error of {n}") for n in words}
        return found | errors

    def coordinates(self, setting: Setting) -> Mapping[str, Coordinate]:
        """The orders."""
        orders = np.arange(1, self.order + 1, dtype=np.int64)
        return {"order": ("order", orders, "1", "order of the moment")}

    def attributes(self, setting: Setting) -> Mapping[str, Any]:
        """Orders without a value."""
        alpha = setting.tail_index
        return {} if alpha is None else {"infinite_moments": [k for k in self._orders() if k >= alpha]}

    def _orders(self) -> range:
        return range(1, self.order + 1)

    def results(self, settled: Array, setting: Setting) -> Mapping[str, NDArray[Any]]:
        """Moments from the sums (S, V)."""
        sums = settled.reshape(len(settled), 2 * self.order + 1, setting.dim)
        n, mean = sums[:, 0], np.where(sums[:, 0] > 0, sums[:, 1], np.nan)
        with np.errstate(all="ignore"):
            central = sums / n[:, None]
            central[:, 0], central[:, 1] = 1.0, 0.0
            found = self._moments(mean, central, n - 1.0)
        alpha = setting.tail_index
        for name in ("moment_error", "central_moment_error"):
            for k in self._orders():
                if alpha is not None and 2 * k >= alpha:
                    found[name][k - 1] = np.nan
            found[name][~np.isfinite(found[name])] = np.nan
        return found

    def _moments(self, mean: Array, central: Array, rest: Array) -> dict[str, Array]:
        """All variables (order, S, d), of the means and central moments (S, d) for n − 1 (S, d)."""
        found: dict[str, list[Array]] = {name: [] for name in self.variables(Setting(1))}
        for k in self._orders():
            weights = [comb(k, i) * mean ** (k - i) for i in range(k + 1)]
            found["moment"].append(sum(w * central[:, i] for i, w in enumerate(weights)))  # type: ignore[arg-type]
            # θᵏ less its mean is Σ weight (yⁱ − m_i), y the distance from the mean: no digits are lost.
            spread = [
                weights[i] * weights[j] * (central[:, i + j] - central[:, i] * central[:, j])
                for i in range(1, k + 1)
                for j in range(1, k + 1)
            ]
            found["moment_error"].append(np.sqrt(np.maximum(sum(spread), 0.0) / rest))
            m = central[:, k]
            found["central_moment"].append(np.where(np.isfinite(mean), m, np.nan))
            before, after = central[:, k - 1], central[:, k + 1]
            of_mean = k * before * (k * central[:, 2] * before - 2 * after)
            variance = central[:, 2 * k] - m * m + of_mean if k > 1 else np.zeros_like(m)
            found["central_moment_error"].append(np.sqrt(np.maximum(variance, 0.0) / rest))
        return {name: np.stack(parts) for name, parts in found.items()}
