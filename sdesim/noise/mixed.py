"""Noise of several independent sources, carried into the coordinates by a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.estimators.core.covariance import FactorCovariance, GradientMoments
from sdesim.noise.kernel import Array, NoiseKernel

_TEXT = '''\
"""The increments of independent sources, times a matrix."""

import numpy as np

from sdesim.compiled.jit import compiled
from {module} import {function} as sources


@compiled
def fill(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    rows, width = out0.shape
    count = int(params[0])
    begin = 1 + rows * count
    one, other = np.zeros((count, width)), np.zeros((count, width))
    sources(
        seed, stream, first, pair, params[begin:], data, one, other,
        np.empty((count, width)), np.empty((count, width)),
    )
    for i in range(rows):
        for j in range(count):
            weight = params[1 + i * count + j]
            if weight != 0.0:
                for w in range(width):
                    out0[i, w] += weight * one[j, w]
                    out1[i, w] += weight * other[j, w]
'''


def mixed(sources: NoiseKernel, matrix: Array) -> NoiseKernel:
    """matrix (d, k) times the increments of a kernel for k coordinates."""
    from sdesim.compiled.generated import generated_module

    module = generated_module(_TEXT.format(module=sources.module, function=sources.function))
    params = np.concatenate([[float(matrix.shape[1])], matrix.reshape(-1), sources.params])
    size = None if sources.size is None else np.sqrt((matrix**2) @ sources.size**2)
    return NoiseKernel(
        module.__name__, "fill", params, sources.data, sources.streams, gaussian=sources.gaussian, size=size,
        divisible=sources.divisible,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Mixture:
    """What is known of A S from what is known of S.

    Attributes:
        sources: the noise of k coordinates. matrix: A (d, k).
    """

    sources: Any
    matrix: Array

    def kernel(self, dt: float, learning_rate: float) -> NoiseKernel:
        """The compiled side."""
        return mixed(self.sources.kernel(self.matrix.shape[1], dt, learning_rate), self.matrix)

    def exponent(self, u: Array) -> NDArray[np.complex128] | None:
        """ψ of the sources at Aᵀu."""
        found: NDArray[np.complex128] | None = self.sources.exponent(u @ self.matrix)
        return found

    def moments(self, eta: float) -> GradientMoments | None:
        """Mean A m and covariance A Σ Aᵀ, as far as those of the sources are known."""
        found = self.sources.noise_moments(np.zeros(self.matrix.shape[1]), eta)
        if found is None:
            return None
        mean = np.asarray(self.matrix @ found.mean)
        if found.covariance is None:
            return GradientMoments(mean, None)
        return GradientMoments(mean, FactorCovariance(self.matrix * np.sqrt(found.covariance.variance)))
