"""The protocol through which both arms answer the same questions, and the one probe that asks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import RunError, failure
from sdesim.io.threads import single_blas_thread
from sdesim.runs.curvature import TRACE_DRAWS, CurvatureMetric, RitzVectors, bending, curvature_part
from sdesim.runs.exact_moments import exact_groups, exact_part, exact_traces
from sdesim.runs.exactness import Exactness, Sequential
from sdesim.runs.linear_step import LinearStep
from sdesim.runs.sequential import sequential_part

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
    sequential: Sequential | None = None,
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
        sequential: how far to draw on where it does not; None: not at all.

    Returns:
        The gradient and curvature variables of the schema for this one (trajectory, probe). The
        curvature part gives `hessian_noise` = Tr(HΣ̂) from at most 8 of the draws. Where the oracle says
        that its products are `costly`, eigenvalues are as of `estimators.curvature.extremes`, which ends once
        λ_max has converged: λ_min is the lowest Ritz value by then, an upper bound, with its residual. Each
        of these draws then meets a share of the examples, as `split_hvps` of the oracle deals them out.

    Raises:
        RunError: the oracle returns gradients of the wrong shape.
    """
    # The last bits of a matrix product depend on how many threads share it. What overflows is infinite, as
    # the squares of gradients of a run that is blowing up, and `measure` flags it.
    with single_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
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
            sequential,
        )


def _measured(
    oracle: GradientOracle, theta: Array, samples: int, rng: np.random.Generator, step_size: float,
    directions: Array | None, groups: Mapping[str, slice] | None, gradient: bool, curvature: bool,
    metric: CurvatureMetric | None, step: LinearStep | None, failures: dict[str, str] | None,
    exactness: Exactness | None, ritz: RitzVectors | None, some: GradientOracle | None,
    sequential: Sequential | None,
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
    bends = curvature and not (failures or {}).get("curvature")
    # Coordinates that do not move are 0 in gradients and left out of the Hessian.
    kept = None if metric is None or metric.trained.all() else metric.trained
    moving = _Moving(oracle, theta, kept, rng)
    try:
        if exactness is not None:
            values |= _exact_part(moving, draws, rng, step_size, bends, step, exactness, groups)
        if sequential is not None and "exact_signal" not in values:
            values |= _drawn_part(moving, draws, step_size, values, bends, sequential)
    except Exception as error:
        if failures is None:
            raise
        failures["exact"] = failure(error)
    return values


class _Moving:
    """An oracle at one θ, among the coordinates that move."""

    def __init__(
        self, oracle: Any, theta: Array, kept: NDArray[np.bool_] | None, rng: np.random.Generator
    ) -> None:
        self.oracle, self.theta, self.kept, self._rng = oracle, theta, kept, rng

    def among(self, draws: Array) -> Array:
        """Those coordinates of each row."""
        return draws if self.kept is None else draws[:, self.kept]

    def draw(self, count: int) -> Array:
        """So many gradients (count, d)."""
        return np.asarray(self.among(self.oracle.gradients(self.theta, count, self._rng)))

    def squares(self, mean: Array) -> Callable[[int], Array]:
        """m → |g − μ|² of m more minibatches, or of single examples over B, whose mean is the same and which
        cost a B-th."""
        singles = getattr(self.oracle, "singles", None)

        def of(count: int) -> Array:
            if singles is None:
                away, batch = self.draw(count) - mean, 1
            else:
                away = self.among(singles(self.theta, count, self._rng)) - mean
                batch = self.oracle.batch_size
            return np.asarray(np.einsum("ij,ij->i", away, away) / batch)

        return of

    def products(self, v: Array) -> Array:
        """H of each row."""
        many, whole = getattr(self.oracle, "hvps", None), self._whole(v)
        if many is not None:
            return np.asarray(self.among(many(self.theta, whole)))
        return np.asarray(self.among(np.stack([self.oracle.hvp(self.theta, w) for w in whole])))

    def shared(self, v: Array) -> Array:
        """The same, each by a share of the examples."""
        parts = np.array_split(self._whole(v), -(-len(v) // TRACE_DRAWS))
        found = [bending(self.oracle, self.theta, len(part), self._rng)(part) for part in parts]
        return np.asarray(self.among(np.concatenate(found)))

    def _whole(self, v: Array) -> Array:
        if self.kept is None:
            return v
        whole = np.zeros((len(v), self.theta.size))
        whole[:, self.kept] = v
        return whole


def _drawn_part(
    moving: _Moving, draws: Array, step_size: float, values: Mapping[str, Any], bends: bool,
    sequential: Sequential,
) -> dict[str, float]:  # fmt: skip
    """What further draws tell."""
    draws = moving.among(draws)
    bent = moving.products if bends and draws.shape[1] else None
    curved = (float(values["hessian_signal"]), float(values["hessian_noise"])) if bent else (0.0, 0.0)
    return sequential_part(draws, moving.draw, bent, step_size, sequential, curved)


def _exact_part(
    moving: _Moving, draws: Array, rng: np.random.Generator, step_size: float, bends: bool,
    step: LinearStep | None, exactness: Exactness, groups: Mapping[str, slice] | None,
) -> dict[str, Array | float]:  # fmt: skip
    """What needs no draws, where the oracle knows it."""
    traces = getattr(moving.oracle, "traces", None)
    if traces is not None and exactness.covariance and not bends and moving.kept is None:
        known = traces(moving.theta)
        if known is not None:
            return {**exact_traces(known, groups)}
    moments = moving.oracle.moments(moving.theta, exactness.covariance)
    if moments is None:
        return {}
    if moving.kept is not None:
        moments = moments.among(moving.kept)
        step = None if step is None else step.among(moving.kept)
    draws = moving.among(draws)
    bent = moving.products if bends and draws.shape[1] else None
    spared = moving.shared if getattr(moving.oracle, "costly", False) else None
    found: dict[str, Array | float] = {
        **exact_part(
            moments, bent, draws, step_size, rng, exactness, step, moving.squares(moments.mean), spared
        )
    }
    if groups:
        found |= exact_groups(moments, draws, groups, moving.kept)
    return found


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
