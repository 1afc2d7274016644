"""The protocol through which both arms answer the same questions, and the one probe that asks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import RunError
from sdesim.estimators import lanczos_edges
from sdesim.runs.threads import single_blas_thread

Array = NDArray[np.float64]
_TRACE_DRAWS = 8


@runtime_checkable
class GradientOracle(Protocol):
    """What can be asked at a point: loss, independent stochastic gradients, curvature."""

    def loss(self, theta: Array) -> float:
        """Mean loss at theta (d,)."""
        ...

    def gradients(self, theta: Array, n: int, rng: np.random.Generator) -> Array:
        """n independent stochastic gradients at theta, (n, d)."""
        ...

    def hvp(self, theta: Array, v: Array) -> Array:
        """Hessian of the mean loss at theta times v, (d,)."""
        ...


def probe(
    oracle: GradientOracle, theta: Array, *, samples: int, rng: np.random.Generator, step_size: float,
    directions: Array | None = None, groups: Mapping[str, slice] | None = None, gradient: bool = True,
    curvature: bool = True,
) -> dict[str, Array | float]:  # fmt: skip
    """Measure gradients and curvature at theta (d,); it knows no difference between arms.

    Args:
        samples: gradient draws n ≥ 2. rng: the only source of randomness.
        step_size: η at which these gradients are read.
        directions: (k, d) unit vectors for `gradient_projection`. groups: name → slice of theta.

    Returns:
        The gradient and curvature variables of the schema for this one (trajectory, probe). The
        curvature part gives `hessian_noise` = Tr(HΣ̂) from at most 8 of the draws.

    Raises:
        RunError: the oracle returns gradients of the wrong shape.
    """
    # The last bits of a matrix product depend on how many threads share it.
    with single_blas_thread():
        return _measured(oracle, theta, samples, rng, step_size, directions, groups, gradient, curvature)


def _measured(
    oracle: GradientOracle, theta: Array, samples: int, rng: np.random.Generator, step_size: float,
    directions: Array | None, groups: Mapping[str, slice] | None, gradient: bool, curvature: bool,
) -> dict[str, Array | float]:  # fmt: skip
    draws = oracle.gradients(theta, samples, rng)
    if draws.shape != (samples, theta.size):
        raise RunError(f"the oracle's gradients must have shape {(samples, theta.size)}, got {draws.shape}")
    mean = draws.mean(axis=0)
    values: dict[str, Array | float] = {}
    if gradient:
        values |= _gradient_part(draws, mean, step_size, directions, groups)
    if curvature:
        values |= _curvature_part(oracle, theta, draws, mean, rng)
    return values


def _gradient_part(
    draws: Array, mean: Array, step_size: float, directions: Array | None, groups: Mapping[str, slice] | None
) -> dict[str, Array | float]:
    n = len(draws)
    norm2 = np.einsum("ij,ij->i", draws, draws)
    dot = draws @ mean
    signal = float(mean @ mean)
    values: dict[str, Array | float] = {
        "signal": signal,
        "noise": (float(norm2.sum()) - n * signal) / (n - 1),
        "gradient_samples": float(n),
        "step_size": float(step_size),
        "gradient_norm2": norm2,
        "gradient_dot_mean": dot,
    }
    if directions is not None:
        values["gradient_projection"] = draws @ directions.T
    if groups:
        parts = [(draws[:, s], mean[s]) for s in groups.values()]
        values["group_signal"] = np.array([m @ m for _, m in parts])
        values["group_noise"] = np.array([((g - m) ** 2).sum() / (n - 1) for g, m in parts])
    return values


def _curvature_part(
    oracle: GradientOracle, theta: Array, draws: Array, mean: Array, rng: np.random.Generator
) -> dict[str, Array | float]:
    lowest, highest, residual = lanczos_edges(
        lambda v: oracle.hvp(theta, v), theta.size, seed=int(rng.integers(2**31))
    )
    n = len(draws)
    centred = draws[: min(n, _TRACE_DRAWS)] - mean
    # Each term has expectation (n−1)/n Tr(HΣ), because ḡ holds the draw itself.
    terms = np.array([c @ oracle.hvp(theta, c) for c in centred]) * n / (n - 1)
    return {
        "lambda_max": highest,
        "lambda_min": lowest,
        "curvature_residual": residual,
        "hessian_signal": float(mean @ oracle.hvp(theta, mean)),
        "hessian_noise": float(terms.mean()),
        "hessian_noise_error": float(terms.std(ddof=1) / np.sqrt(len(terms))) if len(terms) > 1 else np.nan,
    }
