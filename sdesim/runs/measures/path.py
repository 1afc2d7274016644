"""What is measured from projected gradients, the path and the curvature: tails, dimensions, S, exponent."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import stdtrit

from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators import (
    critical_sharpness,
    effective_dimension,
    stability_margin,
    tail_index,
    trajectory_dimension,
)
from sdesim.estimators.core.places import stacked
from sdesim.estimators.curvature.subsampled import GROUPS, debiased
from sdesim.runs.measured import Column
from sdesim.runs.measures.gradient import values_of
from sdesim.runs.saved import uneven

Array = NDArray[np.float64]
_WINDOW = 200
_CONVERGED = 1e-2
_NOTHING = Estimate(math.nan, math.nan, math.nan, math.nan, "", 0)


def tails(run: xr.Dataset, level: float) -> dict[str, Column]:
    """Tail index of the projected gradients, and the dimension deduced from it."""
    draws = values_of(run, "gradient_projection")
    dim = int(run.attrs.get("dim") or run.sizes.get("param") or draws.shape[-1])
    # θ holds frozen parameters too; what never moves adds no dimension.
    dim = max(1, dim - int(run.attrs.get("untrained_parameters", 0)))
    alpha, literal = tail_index(draws, level=level), tail_index(draws, "hill-literal", level=level)
    deduced = effective_dimension(dim, alpha)
    # Where nothing was probed there is nothing to deduce.
    probed = ~alpha.flags["no_value"]
    flags = {name: mask & probed for name, mask in deduced.flags.items() if name != "no_value"}
    return {
        "tail_index": Column(alpha, literal.value),
        "d_H": Column.of(deduced, flags, effective_dimension(dim, literal, method="literal").value),
    }


def curvature(run: xr.Dataset, level: float) -> dict[str, Column]:
    """λ_max within its Lanczos residual, and S for the run's optimizer; literal λ: of largest magnitude.

    S is that of λ in the metric of the optimizer where the run holds that (for Adam the top
    eigenvalue of P^{−1/2}HP^{−1/2}); flag `no_preconditioner` before the first step, `no_threshold` where
    none is known.
    """
    value, lowest = values_of(run, "lambda_max"), values_of(run, "lambda_min")
    residual = values_of(run, "curvature_residual")
    least = values_of(run, "curvature_residual_min") if "curvature_residual_min" in run else np.zeros(())
    # An end that may lie beyond the other, and is not known well enough, leaves open which one is larger.
    beyond = np.abs(lowest) > np.abs(value)
    size = np.fmax(np.abs(value), np.abs(lowest))
    unsettled = (least > _CONVERGED * size) & (beyond | (lowest - least < -np.abs(value)))
    largest = np.where(unsettled, np.nan, np.where(beyond, lowest, value))
    seen = _within(value, residual, size, level)
    if "lambda_max_error" in run:
        seen = _of_all(run, seen, level)
    seen = _wider(run, seen)
    columns = {"lambda_max": Column(seen, largest), "lambda_min": _lowest(run, lowest, value, level)}
    if "step_size" not in run:
        return columns
    eta = values_of(run, "step_size")
    if "preconditioned_lambda_max" in run:
        top, error = values_of(run, "preconditioned_lambda_max"), values_of(run, "preconditioned_residual")
        seen = _within(top, error, np.abs(top), level)
        missing = np.isnan(top) & ~np.isnan(value)
        seen = _wider(run, replace(seen, flags={**seen.flags, "no_preconditioner": missing}))
        columns["preconditioned_lambda_max"] = Column(seen)
    critical, doubt = _threshold(run, eta)
    margin = stability_margin(seen, eta, critical=critical)
    literal = stability_margin(largest, eta, method="literal").value
    columns["S"] = Column.of(margin, {**seen.flags, **doubt}, literal)
    return columns


def _lowest(run: xr.Dataset, lowest: Array, highest: Array, level: float) -> Column:
    """λ_min, from its Ritz value less the residual to the Ritz value, below which it lies for certain.

    Flag `not_converged` where the residual is large beside the spectrum: an eigenvalue lies as near as that,
    but there may be a lower one. Without an interval where the run keeps no residual.
    """
    if "curvature_residual_min" not in run:
        return Column.bare(lowest)
    found = _within(
        lowest, values_of(run, "curvature_residual_min"), np.fmax(np.abs(lowest), np.abs(highest)), level
    )
    return Column(replace(found, high=np.where(np.isnan(found.high), np.nan, lowest)))


def _within(value: Array, residual: Array, size: Array, level: float) -> AnyEstimate:
    """An eigenvalue within its residual, flagged where that is large beside `size`."""
    flags: Any = {"not_converged": residual > _CONVERGED * size, "nonfinite": np.isinf(residual)}
    made: AnyEstimate = Estimate(value, value - residual, value + residual, level, "lanczos", 1, flags)
    return made


def _wider(run: xr.Dataset, seen: AnyEstimate) -> AnyEstimate:
    """An eigenvalue of few examples within what these leave open, as a monitor of a loop reads it."""
    if "curvature_spread" not in run:
        return seen
    beside = np.nan_to_num(values_of(run, "curvature_spread"))
    return replace(seen, low=seen.low - beside, high=seen.high + beside)


def _of_all(run: xr.Dataset, seen: AnyEstimate, level: float) -> AnyEstimate:
    """λ_max of all examples where some were at hand (`estimators.curvature.subsampled`): debiased, from the
    crossed value less its error to the value at hand plus error and residual."""
    halves, crossed, error = (values_of(run, f"lambda_max_{part}") for part in ("halves", "crossed", "error"))
    held = run.attrs.get("eigenvalue_examples") or run.attrs.get("curvature_examples") or 1
    n, total = float(held), float(run.attrs.get("dataset_size") or 1)
    value = debiased(seen.value, halves, crossed, n, total)
    half = float(stdtrit(2 * GROUPS - 2, 0.5 + level / 2)) * error
    known = ~np.isnan(halves)
    return replace(
        seen,
        value=np.where(known, value, seen.value),
        low=np.where(known, np.minimum(crossed, value) - half, seen.low),
        high=np.where(known, seen.high + half, seen.high),
    )


def _threshold(run: xr.Dataset, eta: Array) -> tuple[Array, dict[str, NDArray[np.bool_]]]:
    """λ_crit as the run holds it; else that of its momentum and weight decay, flag `not_preconditioned` where
    the optimizer adapts."""
    if "critical_sharpness" in run:
        critical = values_of(run, "critical_sharpness")
        return critical, {"no_threshold": np.isnan(critical) & ~np.isnan(values_of(run, "lambda_max"))}
    adaptive = str(run.attrs.get("optimizer", "")).lower().startswith(("adam", "rms", "adagrad", "nadam"))
    critical = critical_sharpness(
        eta,
        momentum=float(run.attrs.get("momentum") or 0.0),
        nesterov=bool(run.attrs.get("nesterov", False)),
        dampening=float(run.attrs.get("dampening") or 0.0),
        weight_decay=0.0 if adaptive else float(run.attrs.get("weight_decay") or 0.0),
    )
    return critical, {"not_preconditioned": np.full(eta.shape, adaptive)}


def path_dimension(run: xr.Dataset, level: float, method: str = "correlation") -> Column:
    """Dimension of the path around each probe by a method of `trajectory_dimension`: of the nearest window of
    200 saved points of the projected path, out of windows that overlap by half; flag `uneven_steps` where
    they are unevenly apart in time, so that a window tells of the path where it was saved most often."""
    steps = np.asarray(run["step"].values)
    probes = np.asarray(run["probe_step"].values)
    count = run.sizes["trajectory"]
    probed = int(run.attrs.get("probe_trajectories", count))
    # Few coordinates are kept as they are: directions would only turn them.
    name, along = ("theta_projection", "direction") if "theta_projection" in run else ("theta", "param")
    path = run[name].transpose("trajectory", "step", along)
    width = min(_WINDOW, len(steps))
    hop = max(1, width // 2)
    grid = np.unique(np.append(np.arange(0, len(steps) - width, hop), len(steps) - width))
    wanted = np.searchsorted(steps, probes) - width // 2
    starts, window = np.unique(grid[np.abs(wanted[:, None] - grid).argmin(axis=1)], return_inverse=True)
    found: list[AnyEstimate] = []
    for k in range(count):
        points = np.asarray(path[k].values) if k < probed else None
        of_windows = [
            _NOTHING if points is None else trajectory_dimension(points[s : s + width], method, level)
            for s in starts
        ]
        found += [of_windows[w] for w in window]
    told = stacked(found, (count, len(probes)))
    if not uneven(run):
        return Column(told)
    return Column(replace(told, flags={**told.flags, "uneven_steps": np.isfinite(told.value)}))


def exponent(run: xr.Dataset) -> Column:
    """Growth of a tangent vector per unit of time since the last probe; flag `additive_only` where the noise
    does not enter the tangent dynamics."""
    time = np.asarray(run["probe_time"].values, dtype=np.float64)
    gaps = np.diff(time, axis=-1, prepend=np.nan)
    value = values_of(run, "tangent_growth") / gaps
    additive = np.full(value.shape, run.attrs.get("tangent") == "additive_only")
    return Column.bare(value, {"additive_only": additive})
