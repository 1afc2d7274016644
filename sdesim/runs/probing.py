"""The protocol through which both arms answer the same questions, and the one probe that asks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import RunError, failure
from sdesim.io.threads import single_blas_thread
from sdesim.runs.curvature import TRACE_DRAWS, CurvatureMetric, RitzVectors, bending, curvature_part
from sdesim.runs.exact_moments import exact_part
from sdesim.runs.exactness import Exactness
from sdesim.runs.linear_step import LinearStep

Array = NDArray[np.float64]


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
    curvature: bool = True, metric: CurvatureMetric | None = None, step: LinearStep | None = None,
    failures: dict[str, str] | None = None, exactness: Exactness | None = None,
    ritz: RitzVectors | None = None, some: GradientOracle | None = None,
) -> dict[str, Array | float]:  # fmt: skip
    """Measure gradients and curvature at theta (d,); it knows no difference between arms.

    Args:
        samples: gradient draws n ≥ 2. rng: the only source of randomness.
        step_size: η at which these gradients are read.
        directions: (k, d) unit vectors for `gradient_projection`. groups: name → slice of theta.
        metric: in which the optimizer meets the curvature.
        step: of the optimizer, as a function of the gradient; None: −η g, or no form that is known.
        failures: where given, an exception ends only the part in which it happens, "gradient" or "curvature",
            which is left out, and its reason is put here.
        exactness: how far to go beyond the draws where the oracle knows its `moments`; None: not at all.
        ritz: what the reading before has left for Lanczos where products are costly; is written to.
        some: of some of the examples, whose eigenvalues stand for those of all; None: those of all.

    Returns:
        The gradient and curvature variables of the schema for this one (trajectory, probe). The
        curvature part gives `hessian_noise` = Tr(HΣ̂) from at most 8 of the draws. Where the oracle says
        that its products are `costly`, eigenvalues are as of `estimators.curvature.extremes`, which ends once
        λ_max has converged: λ_min is the lowest Ritz value by then, an upper bound, with its residual. Each
        of these draws then meets a share of the examples, as `split_hvps` of the oracle deals them out.

    Raises:
        RunError: the oracle returns gradients of the wrong shape.
    """
    # The last bits of a matrix product depend on how many threads share it.
    with single_blas_thread():
        return _measured(
            oracle,
            theta,
            samples,
            rng,
            step_size,
            directions,
            groups,
            gradient,
            curvature,
            metric,
            step,
            failures,
            exactness,
            ritz,
            some,
        )


def _measured(
    oracle: GradientOracle, theta: Array, samples: int, rng: np.random.Generator, step_size: float,
    directions: Array | None, groups: Mapping[str, slice] | None, gradient: bool, curvature: bool,
    metric: CurvatureMetric | None, step: LinearStep | None, failures: dict[str, str] | None,
    exactness: Exactness | None, ritz: RitzVectors | None, some: GradientOracle | None,
) -> dict[str, Array | float]:  # fmt: skip
    try:
        draws = oracle.gradients(theta, samples, rng)
    except Exception as error:
        if failures is None:
            raise
        failures["gradient"] = failure(error)
        return {}
    if draws.shape != (samples, theta.size):
        raise RunError(f"the oracle's gradients must have shape {(samples, theta.size)}, got {draws.shape}")
    if metric is not None and not metric.trained.all():
        draws[:, ~metric.trained] = 0.0
    mean = draws.mean(axis=0)
    values: dict[str, Array | float] = {"step_size": float(step_size)}
    if gradient:
        values |= _gradient_part(draws, mean, directions, groups)
    if curvature:
        try:
            values |= curvature_part(
                oracle, theta, draws, mean, rng, metric, step, RitzVectors() if ritz is None else ritz, some
            )  # fmt: skip
        except Exception as error:
            if failures is None:
                raise
            failures["curvature"] = failure(error)
    if exactness is not None:
        bends = curvature and not (failures or {}).get("curvature")
        try:
            values |= _exact_part(oracle, theta, draws, rng, step_size, bends, metric, step, exactness)
        except Exception as error:
            if failures is None:
                raise
            failures["exact"] = failure(error)
    return values


def _exact_part(
    oracle: Any, theta: Array, draws: Array, rng: np.random.Generator, step_size: float, bends: bool,
    metric: CurvatureMetric | None, step: LinearStep | None, exactness: Exactness,
) -> dict[str, float]:  # fmt: skip
    """What needs no draws, where the oracle knows it."""
    moments = oracle.moments(theta, exactness.covariance)
    if moments is None:
        return {}
    # Coordinates that do not move are 0 in gradients and left out of the Hessian.
    kept = None if metric is None or metric.trained.all() else metric.trained
    if kept is not None:
        moments, draws = moments.among(kept), draws[:, kept]
        step = None if step is None else step.among(kept)

    def products(v: Array) -> Array:
        whole = v
        if kept is not None:
            whole = np.zeros((len(v), theta.size))
            whole[:, kept] = v
        many = getattr(oracle, "hvps", None)
        found = many(theta, whole) if many is not None else np.stack([oracle.hvp(theta, w) for w in whole])
        return np.asarray(found if kept is None else found[:, kept])

    def draw(count: int) -> Array:
        found = oracle.gradients(theta, count, rng)
        return np.asarray(found if kept is None else found[:, kept])

    def shared(v: Array) -> Array:
        whole = v
        if kept is not None:
            whole = np.zeros((len(v), theta.size))
            whole[:, kept] = v
        parts = np.array_split(whole, -(-len(v) // TRACE_DRAWS))
        found = np.concatenate([bending(oracle, theta, len(part), rng)(part) for part in parts])
        return np.asarray(found if kept is None else found[:, kept])

    bent = products if bends and draws.shape[1] else None
    spared = shared if getattr(oracle, "costly", False) else None
    return exact_part(moments, bent, draws, step_size, rng, exactness, step, draw, spared)


def _gradient_part(
    draws: Array, mean: Array, directions: Array | None, groups: Mapping[str, slice] | None
) -> dict[str, Array | float]:
    n, norm2 = len(draws), np.einsum("ij,ij->i", draws, draws)
    dot = draws @ mean
    values = gradient_sums(float(mean @ mean), norm2, dot)
    if directions is not None:
        values["gradient_projection"] = draws @ directions.T
    if groups:
        parts = [(draws[:, s], mean[s]) for s in groups.values()]
        values["group_signal"] = np.array([m @ m for _, m in parts])
        values["group_noise"] = np.array([((g - m) ** 2).sum() / (n - 1) for g, m in parts])
    return values


def gradient_sums(signal: float, norm2: Array, dot: Array) -> dict[str, Array | float]:
    """The gradient variables of n draws from |ḡ|², |g|² (n,) and g·ḡ (n,)."""
    n = len(norm2)
    return {
        "signal": signal,
        "noise": (float(norm2.sum()) - n * signal) / (n - 1),
        "gradient_samples": float(n),
        "gradient_norm2": norm2,
        "gradient_dot_mean": dot,
    }
