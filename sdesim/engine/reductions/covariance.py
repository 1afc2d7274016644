"""Covariances of the parameters with one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.reductions.base import (
    Array,
    Base,
    Every,
    Problem,
    ReductionKernel,
    Setting,
    Variable,
    per_leaves,
)
from sdesim.kinds import kind

MOST_COORDINATES = 128
# Numbers before the means: trajectories, leaves, Σ (n_l − 1), Σ (n_l − 1)².
_HEAD = 4


@kind("reductions", "covariance")
@dataclass(frozen=True)
class Covariance(Base):
    """The covariance matrix of the parameters over trajectories, Σ (θ_i − ⟨θ_i⟩)(θ_j − ⟨θ_j⟩) / (n − 1).

    ``covariance(step, param, other_param)``, of up to 128 coordinates. ``covariance_error`` is the standard
    error out of the spread between leaves of 64 trajectories; NaN where there are fewer than 8 leaves. Under
    noise with a stable index below 2 there is no covariance: ``attrs["infinite_means"]`` names it, and errors
    are NaN.

    Args:
        every: at saved steps, or at every step, then along ``every_step``.

    Source: T. F. Chan, G. H. Golub & R. J. LeVeque, Am. Stat. 37 (1983) 242 (merging).
    """

    every: Every = "saved"

    @property
    def needed(self) -> int:
        """Two."""
        return 2

    def width(self, dim: int) -> int:
        """As of `take_covariance`."""
        return _HEAD + dim + 3 * _pairs(dim)

    def params(self, dim: int) -> Array:
        """[d]."""
        return np.array([float(dim)])

    def kernel(self) -> ReductionKernel:
        """The compiled side."""
        home = "sdesim.engine.reductions.pairs_kernels"
        return ReductionKernel(home, "take_covariance", "merge_covariance")

    def variables(self, setting: Setting) -> Mapping[str, Variable]:
        """The matrix and its errors."""
        dims = ("step", "param", "other_param")
        words = "covariance of two parameters over trajectories"
        return {
            "covariance": Variable(dims, "parameter^2", words),
            "covariance_error": Variable(dims, "parameter^2", "standard error of covariance"),
        }

    def attributes(self, setting: Setting) -> Mapping[str, Any]:
        """That there is none under heavy tails."""
        return {} if setting.tail_index is None else {"infinite_means": ["covariance"]}

    def results(self, settled: Array, setting: Setting) -> Mapping[str, NDArray[Any]]:
        """The matrices (S, d, d)."""
        d, pairs = setting.dim, _pairs(setting.dim)
        n, leaves, rest, rest2 = settled[:, :_HEAD].T[:, :, None]
        products, squares, crossed = np.split(settled[:, _HEAD + d :], [pairs, 2 * pairs], axis=1)
        with np.errstate(all="ignore"):
            value = np.where(n > 1, products / (n - 1.0), np.nan)
            error = per_leaves(squares - 2 * value * crossed + value**2 * rest2, rest, leaves)
        if setting.tail_index is not None:
            error[:] = np.nan
        i, j = np.tril_indices(d)
        found = {}
        for name, part in (("covariance", value), ("covariance_error", error)):
            matrix = np.empty((len(settled), d, d))
            matrix[:, i, j] = matrix[:, j, i] = part
            found[name] = matrix
        return found

    def misfits(self, setting: Setting) -> Iterator[Problem]:
        """Too few trajectories, too many coordinates."""
        yield from super().misfits(setting)
        if setting.dim > MOST_COORDINATES:
            yield (), f"found {setting.dim} coordinates, allowed: at most {MOST_COORDINATES} with covariance"


def _pairs(dim: int) -> int:
    return dim * (dim + 1) // 2
