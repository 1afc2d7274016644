"""What is measured from projected gradients, the path and the curvature: tails, dimensions, S, exponent."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.estimators import (
    Estimate,
    critical_sharpness,
    effective_dimension,
    tail_indices,
    trajectory_dimension,
)
from sdesim.runs.measured import Column
from sdesim.runs.measures.gradient import values_of

Array = NDArray[np.float64]
_WINDOW = 200
_CONVERGED = 1e-2


def tails(run: xr.Dataset, level: float) -> dict[str, Column]:
    """Tail index of the projected gradients, and the dimension deduced from it."""
    draws = values_of(run, "gradient_projection")
    dim = int(run.attrs.get("dim") or run.sizes.get("param") or draws.shape[-1])
    found = tail_indices(draws, level)
    alpha = Column(found.value, found.low, found.high, found.literal, dict(found.flags))
    size = draws.shape[-2] * draws.shape[-1]
    dims: list[list[Estimate | None]] = []
    for k in range(draws.shape[0]):
        estimates = [alpha.estimate((k, p), level, "ecf", size) for p in range(draws.shape[1])]
        dims.append([None if e.has("no_value") else effective_dimension(dim, e) for e in estimates])
    literal = np.where(np.isnan(found.literal), np.nan, np.minimum(float(dim), found.literal))
    return {"tail_index": alpha, "d_H": Column.of_estimates(dims, literal)}


def curvature(run: xr.Dataset) -> dict[str, Column]:
    """λ_max within its Lanczos residual, and S for the run's optimizer; literal λ: of largest magnitude.

    S = 2(1 − λ/λ_crit), λ in the metric of the optimizer where the run holds that (for Adam the top
    eigenvalue of P^{−1/2}HP^{−1/2}); flag `no_preconditioner` before the first step, `no_threshold` where
    none is known.
    """
    value, lowest = values_of(run, "lambda_max"), values_of(run, "lambda_min")
    residual = values_of(run, "curvature_residual")
    size = np.fmax(np.abs(value), np.abs(lowest))
    flags = {"not_converged": residual > _CONVERGED * size, "nonfinite": np.isinf(residual)}
    literal = np.where(np.abs(lowest) > np.abs(value), lowest, value)
    columns = {"lambda_max": Column(value, value - residual, value + residual, literal, flags)}
    if "step_size" not in run:
        return columns
    eta = values_of(run, "step_size")
    seen = columns["lambda_max"]
    if "preconditioned_lambda_max" in run:
        top, error = values_of(run, "preconditioned_lambda_max"), values_of(run, "preconditioned_residual")
        missing = np.isnan(top) & ~np.isnan(value)
        seen = Column(
            top, top - error, top + error, None,
            {"not_converged": error > _CONVERGED * np.abs(top), "nonfinite": np.isinf(error),
             "no_preconditioner": missing},
        )  # fmt: skip
        columns["preconditioned_lambda_max"] = seen
    critical, doubt = _threshold(run, eta)
    with np.errstate(divide="ignore", invalid="ignore"):
        margin = [2 * (1 - x / critical) for x in (seen.value, seen.high, seen.low)]
    columns["S"] = Column(margin[0], margin[1], margin[2], 2 * eta - literal, {**seen.flags, **doubt})
    return columns


def _threshold(run: xr.Dataset, eta: Array) -> tuple[Array, dict[str, NDArray[np.bool_]]]:
    """λ_crit as the run holds it; else that of its momentum and weight decay, flag `not_preconditioned` where
    the optimizer adapts."""
    if "critical_sharpness" in run:
        critical = values_of(run, "critical_sharpness")
        return critical, {"no_threshold": np.isnan(critical) & ~np.isnan(values_of(run, "lambda_max"))}
    # λ_crit ∝ 1/η for every optimizer.
    unit = critical_sharpness(
        1.0,
        momentum=float(run.attrs.get("momentum") or 0.0),
        nesterov=bool(run.attrs.get("nesterov", False)),
        dampening=float(run.attrs.get("dampening") or 0.0),
    )
    adaptive = str(run.attrs.get("optimizer", "")).lower().startswith(("adam", "rms", "adagrad", "nadam"))
    # Weight decay adds itself to every eigenvalue; where it alone is unstable, so is every λ.
    decay = 0.0 if adaptive else float(run.attrs.get("weight_decay") or 0.0)
    with np.errstate(divide="ignore"):
        critical = np.where(unit / eta > decay, unit / eta - decay, np.nan)
    return critical, {"not_preconditioned": np.full(eta.shape, adaptive)}


def path_dimension(run: xr.Dataset, level: float, method: str = "correlation") -> Column:
    """Dimension of the path around each probe by a method of `trajectory_dimension`: of the nearest window of
    200 saved points of the projected path, out of windows that overlap by half."""
    steps = np.asarray(run["step"].values)
    probes = np.asarray(run["probe_step"].values)
    count = run.sizes["trajectory"]
    probed = int(run.attrs.get("probe_trajectories", count))
    found: list[list[Estimate | None]] = []
    # Few coordinates are kept as they are: directions would only turn them.
    name, along = ("theta_projection", "direction") if "theta_projection" in run else ("theta", "param")
    path = run[name].transpose("trajectory", "step", along)
    width = min(_WINDOW, len(steps))
    hop = max(1, width // 2)
    grid = np.unique(np.append(np.arange(0, len(steps) - width, hop), len(steps) - width))
    wanted = np.searchsorted(steps, probes) - width // 2
    starts = grid[np.abs(wanted[:, None] - grid).argmin(axis=1)].tolist()
    for k in range(count):
        if k >= probed:
            found.append([None] * len(probes))
            continue
        points = np.asarray(path[k].values)
        cache = {s: trajectory_dimension(points[s : s + width], method, level) for s in set(starts)}
        found.append([cache[s] for s in starts])
    return Column.of_estimates(found)


def exponent(run: xr.Dataset) -> Column:
    """Growth of a tangent vector per unit of time since the last probe; flag `additive_only` where the noise
    does not enter the tangent dynamics."""
    time = np.asarray(run["probe_time"].values, dtype=np.float64)
    gaps = np.diff(time, axis=-1, prepend=np.nan)
    value = values_of(run, "tangent_growth") / gaps
    additive = np.full(value.shape, run.attrs.get("tangent") == "additive_only")
    return Column.bare(value, flags={"additive_only": additive})
