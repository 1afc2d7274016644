"""Whether what an optimizer's SDE asks for held in a recorded training: its conditions, at the probes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.optimizers.sde import Condition
from sdesim.training.twinning.optimizer_steps import Part

Array = NDArray[np.float64]


def conditions(run: xr.Dataset, parts: Sequence[Part]) -> list[Condition]:
    """The conditions of the SDEs of a run's steps, each at the probe and group where it is farthest from
    held.

    Curvature is that in the metric of the optimizer where the run has one, signal and noise are of the
    training batch: means over the trajectories that are probed. Without probes, those that settings decide.
    """
    worst: dict[str, Condition] = {}
    for step, curvature, signal, noise in _probed(run):
        for part in parts:
            found = part.equation(step).validity(
                rate=float(part.rates[step]), curvature=curvature, signal=signal, noise=noise,
                dim=int(run.attrs.get("dim") or 1),
            )  # fmt: skip
            for one in found:
                held = worst.get(one.name)
                if held is None or np.isnan(held.value) or one.value / one.bound > held.value / held.bound:
                    worst[one.name] = one
    return list(worst.values())


def _probed(run: xr.Dataset) -> Iterator[tuple[int, float, float, float]]:
    """Step, λ, |∇L|² and Tr Σ of the training batch at each probe; NaN where not read."""
    if "probe" not in run.dims:
        yield 0, np.nan, np.nan, np.nan
        return
    batch = float(run.attrs.get("batch_size") or 0)
    probed = float(run.attrs.get("probe_batch_size") or batch)
    curvature = _first(run, "preconditioned_lambda_max", "lambda_max")
    signal, noise = _first(run, "exact_signal", "signal"), _first(run, "exact_noise", "noise")
    # Of full batches there is no noise.
    scale = probed / batch if batch else 0.0
    for step, *values in zip(run["probe_step"].values, curvature, signal, noise * scale, strict=True):
        yield int(step), *map(float, values)  # type: ignore[misc]


def _first(run: xr.Dataset, *names: str) -> Array:
    """Mean over trajectories of the first of these variables that was read at all, (P,)."""
    for name in names:
        values = run[name].values if name in run else np.full((1, run.sizes["probe"]), np.nan)
        known = np.isfinite(values)
        if known.any():
            counts = np.maximum(known.sum(axis=0), 1)
            mean = np.where(known, values, 0.0).sum(axis=0) / counts
            return np.asarray(np.where(known.any(axis=0), mean, np.nan))
    return np.full(run.sizes["probe"], np.nan)


def condition_attributes(found: Sequence[Condition]) -> dict[str, Any]:
    """`sde_conditions`, name → [value, bound, words], NaN as null; and `sde_unmet`, the names of those that
    did not hold."""
    rows = {one.name: [None if np.isnan(one.value) else one.value, one.bound, one.text] for one in found}
    unmet = [one.name for one in found if one.holds is False]
    return {"sde_conditions": json.dumps(rows, ensure_ascii=False), **({"sde_unmet": unmet} if unmet else {})}
