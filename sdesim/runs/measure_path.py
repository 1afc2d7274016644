"""What is measured from projected gradients, the path and the curvature: tails, dimensions, S, exponent."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.estimators import (
    Estimate,
    critical_sharpness,
    effective_dimension,
    tail_index,
    trajectory_dimension,
)
from sdesim.runs.column import Column
from sdesim.runs.measure_gradient import values_of

Array = NDArray[np.float64]
_WINDOW = 200
_CONVERGED = 1e-2


def tails(run: xr.Dataset, level: float) -> dict[str, Column]:
    """Tail index of the projected gradients, and the dimension deduced from it."""
    draws = values_of(run, "gradient_projection")
    dim = int(run.attrs.get("dim") or run.sizes.get("param") or draws.shape[-1])
    alphas: list[list[Estimate | None]] = []
    dims: list[list[Estimate | None]] = []
    alpha_literal, dim_literal = [], []
    for row in draws:
        known = [not np.isnan(x).any() for x in row]
        found = [tail_index(x, level=level) if k else None for x, k in zip(row, known, strict=True)]
        rough = [
            tail_index(x, method="hill-literal", level=level).value if k else np.nan
            for x, k in zip(row, known, strict=True)
        ]
        alphas.append(found)
        alpha_literal.append(rough)
        dims.append([None if e is None else effective_dimension(dim, e) for e in found])
        dim_literal.append([effective_dimension(dim, a, method="literal").value for a in rough])
    return {
        "tail_index": Column.of_estimates(alphas, np.array(alpha_literal)),
        "d_H": Column.of_estimates(dims, np.array(dim_literal)),
    }


def curvature(run: xr.Dataset) -> dict[str, Column]:
    """λ_max within its Lanczos residual, and S for the run's optimizer; literal λ: of largest magnitude."""
    value, lowest = values_of(run, "lambda_max"), values_of(run, "lambda_min")
    residual = values_of(run, "curvature_residual")
    size = np.fmax(np.abs(value), np.abs(lowest))
    flags = {"not_converged": residual > _CONVERGED * size, "nonfinite": np.isinf(residual)}
    literal = np.where(np.abs(lowest) > np.abs(value), lowest, value)
    columns = {"lambda_max": Column(value, value - residual, value + residual, literal, flags)}
    if "step_size" not in run:
        return columns
    eta = values_of(run, "step_size")
    # λ_crit ∝ 1/η for every optimizer.
    unit = critical_sharpness(
        1.0,
        momentum=float(run.attrs.get("momentum") or 0.0),
        nesterov=bool(run.attrs.get("nesterov", False)),
    )
    margin = [2 * (1 - x * eta / unit) for x in (value, value + residual, value - residual)]
    adaptive = str(run.attrs.get("optimizer", "")).lower().startswith(("adam", "rms", "adagrad", "nadam"))
    flags = {**flags, "not_preconditioned": np.full(value.shape, adaptive)}
    columns["S"] = Column(margin[0], margin[1], margin[2], 2 * eta - literal, flags)
    return columns


def path_dimension(run: xr.Dataset, level: float) -> Column:
    """Dimension of the path around each probe: the nearest 200 saved points of the projected path."""
    steps = np.asarray(run["step"].values)
    probes = np.asarray(run["probe_step"].values)
    count = run.sizes["trajectory"]
    probed = int(run.attrs.get("probe_trajectories", count))
    found: list[list[Estimate | None]] = []
    # Few coordinates are kept as they are: directions would only turn them.
    name, along = ("theta_projection", "direction") if "theta_projection" in run else ("theta", "param")
    path = run[name].transpose("trajectory", "step", along)
    width = min(_WINDOW, len(steps))
    starts = [int(np.clip(np.searchsorted(steps, at) - width // 2, 0, len(steps) - width)) for at in probes]
    for k in range(count):
        if k >= probed:
            found.append([None] * len(probes))
            continue
        points = np.asarray(path[k].values)
        cache = {s: trajectory_dimension(points[s : s + width], level=level) for s in set(starts)}
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
