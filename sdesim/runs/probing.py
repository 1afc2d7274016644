"""The protocol through which both arms answer the same questions, and the one probe that asks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import RunError, failure
from sdesim.estimators.curvature.edges import lanczos_ends
from sdesim.io.threads import single_blas_thread
from sdesim.runs.exact_moments import exact_groups, exact_part
from sdesim.runs.exactness import Exactness, Sequential
from sdesim.runs.linear_step import LinearStep, step_part
from sdesim.runs.sequential import sequential_part

Array = NDArray[np.float64]
# Draws that meet the Hessian.
TRACE_DRAWS = 8
# Products of Lanczos at least where it ends with λ_max, so that λ_min is not left at its first guess.
_LEAST = 8


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


@dataclass(frozen=True, eq=False)
class CurvatureMetric:
    """What an optimizer makes of the Hessian H: a^{1/2}(H + W)a^{1/2}, unstable from λ_crit.

    Attributes:
        trained: (d,), which coordinates move at all; the others are left out of gradients and curvature.
        scale: a (d,), for Adam 1/P, NaN where not known yet; None: H itself is compared with λ_crit.
        decay: diagonal of W (d,), or None.
        critical: λ_crit, in units of 1/η; NaN where no threshold is known.
    """

    trained: NDArray[np.bool_]
    scale: Array | None
    decay: Array | None
    critical: float

    def among(self, mask: NDArray[np.bool_]) -> CurvatureMetric:
        """The same of the coordinates that are true in mask alone."""
        scale, decay = (None if part is None else part[mask] for part in (self.scale, self.decay))
        return CurvatureMetric(self.trained[mask], scale, decay, self.critical)


def probe(
    oracle: GradientOracle, theta: Array, *, samples: int, rng: np.random.Generator, step_size: float,
    directions: Array | None = None, groups: Mapping[str, slice] | None = None, gradient: bool = True,
    curvature: bool = True, metric: CurvatureMetric | None = None, step: LinearStep | None = None,
    failures: dict[str, str] | None = None, exactness: Exactness | None = None,
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
        sequential: how far to draw on where it does not; None: not at all.

    Returns:
        The gradient and curvature variables of the schema for this one (trajectory, probe). The
        curvature part gives `hessian_noise` = Tr(HΣ̂) from at most 8 of the draws. Where the oracle says
        that its products are `costly`, Lanczos ends once λ_max has converged, λ_min is the lowest Ritz value
        by then, an upper bound, with its residual; and each of these draws meets a share of the examples, as
        `split_hvps` of the oracle deals them out.

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
            sequential,
        )


def _measured(
    oracle: GradientOracle, theta: Array, samples: int, rng: np.random.Generator, step_size: float,
    directions: Array | None, groups: Mapping[str, slice] | None, gradient: bool, curvature: bool,
    metric: CurvatureMetric | None, step: LinearStep | None, failures: dict[str, str] | None,
    exactness: Exactness | None, sequential: Sequential | None,
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
            values |= _curvature_part(oracle, theta, draws, mean, rng, metric, step)
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

    def products(self, v: Array) -> Array:
        """H of each row."""
        many, whole = getattr(self.oracle, "hvps", None), self._whole(v)
        if many is not None:
            return np.asarray(self.among(many(self.theta, whole)))
        return np.asarray(self.among(np.stack([self.oracle.hvp(self.theta, w) for w in whole])))

    def shared(self, v: Array) -> Array:
        """The same, each by a share of the examples."""
        parts = np.array_split(self._whole(v), -(-len(v) // TRACE_DRAWS))
        found = [_bending(self.oracle, self.theta, len(part), self._rng)(part) for part in parts]
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
        **exact_part(moments, bent, draws, step_size, rng, exactness, step, moving.draw, spared)
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


def trace_of_terms(terms: Array, n: int) -> dict[str, Array | float]:
    """Tr(HΣ̂) and its standard error from terms (g − ḡ)ᵀH(g − ḡ) of some of n draws."""
    # Each term has expectation (n−1)/n Tr(HΣ), because ḡ holds the draw itself.
    terms = terms * n / (n - 1)
    error = float(terms.std(ddof=1) / np.sqrt(len(terms))) if len(terms) > 1 else np.nan
    return {"hessian_noise": float(terms.mean()), "hessian_noise_error": error}


def _curvature_part(
    oracle: GradientOracle, theta: Array, draws: Array, mean: Array, rng: np.random.Generator,
    metric: CurvatureMetric | None, step: LinearStep | None,
) -> dict[str, Array | float]:  # fmt: skip
    moving = slice(None) if metric is None or metric.trained.all() else metric.trained

    def product(v: Array) -> Array:
        """H v among the coordinates that move."""
        whole = np.zeros(theta.size)
        whole[moving] = v
        return np.asarray(oracle.hvp(theta, whole)[moving])

    seed, count = int(rng.integers(2**31)), theta[moving].size
    if not count:
        return {}
    costly = bool(getattr(oracle, "costly", False))
    until, least = ("top", _LEAST) if costly else ("both", 0)
    found = lanczos_ends(product, count, seed=seed, ends=until, least=least)
    # Products that are differences have an error of their own.
    error = getattr(oracle, "hvp_error", 0.0) * max(abs(found.lowest), abs(found.highest))
    n = len(draws)
    centred = draws[: min(n, TRACE_DRAWS)] - mean
    bend = _bending(oracle, theta, len(centred), rng if costly else None)
    bends = bend(centred)
    terms = np.array([c @ bend for c, bend in zip(centred, bends, strict=True)])
    values: dict[str, Array | float] = {
        "lambda_max": found.highest,
        "lambda_min": found.lowest,
        "curvature_residual": found.highest_residual + error,
        "curvature_residual_min": found.lowest_residual + error,
        "hessian_signal": float(mean @ oracle.hvp(theta, mean)),
        **trace_of_terms(terms, n),
    }
    if step is not None:
        kept = np.zeros(theta.size)
        kept[moving] = 1.0
        values |= step_part(
            lambda v: kept * oracle.hvp(theta, v),
            draws,
            step,
            centred,
            kept * bends,
            lambda v: kept * bend(v),
        )
    if metric is None:
        return values
    values["critical_sharpness"] = metric.critical
    if metric.scale is not None and metric.decay is not None and np.isfinite(metric.scale).all():
        root, decay = np.sqrt(metric.scale[moving]), metric.decay[moving]
        met = lanczos_ends(
            lambda v: root * (product(root * v) + decay * (root * v)), count, seed=seed, ends=until
        )
        values |= {
            "preconditioned_lambda_max": met.highest, "preconditioned_residual": met.highest_residual
        }  # fmt: skip
    return values


def _bending(
    oracle: Any, theta: Array, count: int, rng: np.random.Generator | None
) -> Callable[[Array], Array]:
    """H of each of ``count`` deviations (count, d), each by a share of the examples where that can be.

    Args:
        rng: deals out the examples; None: each meets all of them.
    """
    split = getattr(oracle, "split_hvps", None)
    if rng is not None and split is not None:
        shared: Callable[[Array], Array] | None = split(theta, count, rng)
        if shared is not None:
            return shared
    return lambda rows: np.array([oracle.hvp(theta, v) for v in rows])
