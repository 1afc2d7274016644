"""A valid call of every public estimator, for contracts that hold for all of them."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

import sdesim.estimators as est
from sdesim.estimators.core import samples

_RNG = np.random.default_rng(0)
N, D = 40, 3


def _walk(n: int = 120, d: int = 2) -> np.ndarray:
    return np.cumsum(np.random.default_rng(1).standard_normal((n, d)), axis=0)


def _matrix(v: np.ndarray) -> np.ndarray:
    return np.arange(1.0, 9.0) * v


GRADIENTS = _RNG.standard_normal((N, D)) + 1.0
NORMS = (GRADIENTS**2).sum(axis=1)
ALONG = GRADIENTS @ GRADIENTS.mean(axis=0)
POSITIVE = np.abs(_RNG.standard_normal(N)) + 0.5
SERIES = _RNG.standard_normal(N)
FALLING = np.exp(-0.1 * np.arange(N)) + 0.01
C = est.Estimate(0.5, 0.3, 0.8, 0.95, "given", 40)
MOMENTS = est.gradient_moments(GRADIENTS)
TREND = est.smooth(SERIES, np.full(N, 0.3), np.arange(N, dtype=float))

# What an argument of that name is, wherever it stands.
COMMON: dict[str, Any] = {
    "gradients": GRADIENTS, "c": C, "p": 0.5, "eta": 0.1, "level": 0.95, "dim": 8, "norm2": NORMS,
    "dot_mean": ALONG, "signal": POSITIVE, "noise": POSITIVE, "n": 40, "batch_size": 8,
    "samples": _RNG.standard_normal((300, 2)), "theta": _RNG.standard_normal((N, D)),
    "grad": _RNG.standard_normal((N, D)), "path": _walk(), "times": np.arange(N) + 1.0, "loss": FALLING,
    "grad_norm2": FALLING, "minimum": 0.0, "hvp": _matrix, "series": _walk(200, 1)[:, 0],
    "hessian_signal": POSITIVE, "hessian_noise": POSITIVE, "alpha": 1.5, "scale": 0.5,
    "diffusion_trace": POSITIVE, "numerator": POSITIVE, "numerator_errors": np.full(N, 0.1),
    "denominator": POSITIVE, "denominator_errors": np.full(N, 0.1), "values": SERIES,
    "errors": np.full(N, 0.3), "statistic": TREND, "smoothness": POSITIVE,
}  # fmt: skip
OWN: dict[str, dict[str, Any]] = {
    "at_batch_size": {"c": 0.5, "target": 16},
    "batch_sharpness": {"products": GRADIENTS * 2.0},
    "box_counts": {"points": _walk(), "sides": np.array([0.5, 1.0])},
    "channel_information": {"signal": np.eye(3), "noise": np.eye(3)},
    "channel_information_bound": {"means": GRADIENTS, "gradients": GRADIENTS},
    "client_parts": {"parts": [MOMENTS, MOMENTS]},
    "combine_moments": {"parts": [MOMENTS, MOMENTS]},
    "consolidation_matrix": {"gradients": _RNG.standard_normal((2, N, D)) + 1.0},
    "consolidation_threshold": {"noise": POSITIVE},
    "contraction_factor": {"eta": POSITIVE, "c": POSITIVE, "pl": POSITIVE},
    "correlation_sum": {"points": _walk(), "radii": np.array([0.5, 1.0])},
    "critical_batch": {"one": C},
    "critical_consolidation": {"noise": POSITIVE},
    "critical_from_drops": {"drops": POSITIVE, "noise": 1.0},
    "critical_from_gradients": {"signal": POSITIVE, "noise": POSITIVE},
    "critical_sharpness": {},
    "dimension_controls": {"n": 30, "dim": 2},
    "decrease_probability": {"r": 0.1},
    "detection_power": {},
    "direction_probability": {"dim": 8},
    "effective_dimension": {"alpha": 1.5},
    "effective_rate": {"mu": 1.0},
    "effective_rates": {"c": [0.5] * N, "eta": np.full(N, 0.1)},
    "eta_star": {"signal": POSITIVE},
    "foster_lyapunov": {"drift": -POSITIVE, "value": POSITIVE + SERIES**2},
    "gradient_information": {},
    "group_consolidation": {"groups": {"a": slice(0, 2), "b": [2]}},
    "hessian_noise_scale": {"signal": C, "hessian_signal": C, "hessian_noise": C},
    "intelligence": {"s": 0.5, "d_h": 1.5},
    "intelligence_state": {"i": 0.4},
    "jump_moments": {"alpha": 1.5},
    "jump_term": {"moments": est.jump_moments(1.5, 0.5, truncation=2.0), "hessian_diagonal": POSITIVE},
    "jump_term_truncated": {"radius": 2.0, "hessian_trace": 3.0},
    "lyapunov_drift": {"grad": GRADIENTS, "hessian_diffusion_trace": POSITIVE},
    "lyapunov_exponent": {"tangent_growth": _walk(60, 1)[:, 0] * 0.01, "times": np.arange(61.0)},
    "detect_transition": {"series": FALLING, "low": FALLING - 0.01, "high": FALLING + 0.01},
    "detect_transitions": {"series": FALLING, "low": FALLING - 0.01, "high": FALLING + 0.01},
    "log_jump_term": {"theta": np.ones(3)},
    "log_lyapunov_drift": {"theta": np.ones(3), "grad": np.ones(3)},
    "manifold_gradient": {"gradient": np.ones(2), "d_h": 1.5},
    "mean_change": {"changes": SERIES},
    "mean_square_factor": {"examples": GRADIENTS},
    "mean_square_rate": {},
    "metric_consolidation": {"metric": np.ones(D)},
    "obeys_bound": {"losses": np.stack([FALLING] * 5), "factor": np.full(N - 1, 0.95)},
    "odds": {},
    "paired_consolidation": {"first": GRADIENTS, "second": GRADIENTS[::-1] + 0.1},
    "phase": {},
    "preconditioned": {"second_moment": np.ones(8)},
    "probability": {},
    "restart_drift": {"before": 1.0, "after": POSITIVE, "duration": 0.1},
    "smoothed_difference": {"left": TREND, "right": TREND},
    "smoothed_phase": {},
    "stability_margin": {"lambda_max": 5.0},
    "subnetwork_gain": {"which": slice(0, 2)},
    "survival_statistics": {"ended": np.arange(N) % 2 == 0},
    "trapezoid_progress": {"steps": GRADIENTS, "before": GRADIENTS, "after": GRADIENTS + 0.1},
    "two_batch_consolidation": {"small_norm2": NORMS, "large_norm2": NORMS * 0.5, "small_batch": 4,
                                "large_batch": 8},
    "windowed_consolidation": {"samples": np.full(N, 20.0)},
}  # fmt: skip


def functions() -> dict[str, Any]:
    """Every public estimator that is a function, by name."""
    return {n: f for n in est.__all__ if inspect.isroutine(f := getattr(est, n)) or hasattr(f, "__wrapped__")}


def arguments(name: str) -> dict[str, Any]:
    """Those that its valid call needs."""
    own = OWN.get(name, {})
    needed = inspect.signature(functions()[name]).parameters.values()
    given = {p.name: COMMON[p.name] for p in needed if p.default is p.empty and p.name not in own}
    return {**given, **own}


def read(name: str) -> list[str]:
    """Arguments of the call that hold numbers in an array."""
    parameters = inspect.signature(functions()[name]).parameters
    return [
        k for k, v in arguments(name).items()
        if samples.holds_numbers(str(parameters[k].annotation)) and isinstance(v, np.ndarray)
    ]  # fmt: skip
