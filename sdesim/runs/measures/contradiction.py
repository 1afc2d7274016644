"""Where what the loss does contradicts the sign of the second-order formula, by which a phase was decided.

The formula leaves out third derivatives, which decide where η is far beyond 2/λ_max: a step that it takes for
a descent can then raise the loss. It is contradicted, and the phase undefined, where

- real or virtual steps from this very state ("branched", "virtual") change the loss with the other sign,
  their Student interval of level 0.999 leaving out 0, or lead to losses that are not finite: where the
  formula holds, that happens to at most one of 2,000 probes;
- the one step that was made from there, both ends of which the run holds, changed the loss L of all examples
  with the other sign and by more than z = 6 standard deviations. That of a step's change is at most

      η √(|μ|² T) + (η²/2) λ √(2T² + 4|μ|² T),    T = Tr Σ, λ = max(|λ_max|, |λ_min|),

  as μᵀΣμ ≤ |μ|² T, and Var gᵀHg = 2 Tr (HΣ)² + 4 μᵀHΣHμ of normal g; of any law z leaves 1/(1 + z²) = 0.027
  (Cantelli), of a normal one 1e-9.

The mean over a stretch of steps is of other states than the probe's, and contradicts nothing; nor do steps of
full-batch training, whose C and C* are those of single examples in the place of no noise. A trajectory
that is lost before its next probe is flagged `lost_before_next_probe`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.runs.measured import Column, Mask
from sdesim.runs.measures.exact import quantile
from sdesim.runs.measures.gradient import values_of
from sdesim.runs.validity import step_is_plain

Array = NDArray[np.float64]
Words = NDArray[np.str_]
BY_PROGRESS, BY_LOSS = "contradicted_by_progress", "contradicted_by_loss"
LOST = "lost_before_next_probe"
# Ways of measuring progress that are steps from the state of the probe.
_FROM_HERE = ("branched", "virtual")
_LEVEL, _Z = 0.999, 6.0
# Share of a loss that is rounding in single precision.
_ROUNDING = 1e-5
# Statuses: blown up, and lost in a step that was not solved.
_LOST = (1, 3)
_FALLS, _RISES = "generalization", "exploration"


def contradictions(run: xr.Dataset, columns: Mapping[str, Column], labels: Words, formula: Mask) -> Words:
    """The flag of each phase that the loss contradicts, empty for others.

    Args:
        labels: phases. formula: where they are of the second-order formula of a step −η g.
    """
    if run.attrs.get("probe_batch_size") and not run.attrs.get("batch_size"):
        return np.full(labels.shape, "")
    falls, rises = formula & (labels == _FALLS), formula & (labels == _RISES)
    flags = np.full(labels.shape, "", dtype="<U28")
    for up, down, flag in (_by_loss(run, columns), _by_progress(run, columns)):
        flags = np.where((falls & up) | (rises & down), flag, flags)
    return flags


def lost_next(run: xr.Dataset) -> Mask:
    """Probes after which a trajectory is lost before the next one."""
    shape = (run.sizes["trajectory"], run.sizes["probe"])
    if "status" not in run or "stopped_step" not in run:
        return np.zeros(shape, dtype=bool)
    here = np.asarray(run["probe_step"].values, dtype=np.float64)
    after = np.append(here[1:], np.inf)
    stopped = np.asarray(run["stopped_step"].values)[:, None]
    lost = np.isin(run["status"].values, _LOST)[:, None]
    return np.asarray(lost & (here < stopped) & (stopped <= after))


def _by_progress(run: xr.Dataset, columns: Mapping[str, Column]) -> tuple[Mask, Mask, str]:
    """Where steps from the state raise the loss, and where they lower it."""
    nowhere = np.zeros((run.sizes["trajectory"], run.sizes["probe"]), dtype=bool)
    if "progress" not in run or run.attrs.get("progress_method", "branched") not in _FROM_HERE:
        return nowhere, nowhere, BY_PROGRESS
    value, error, count = (values_of(run, n) for n in ("progress", "progress_error", "progress_count"))
    half = quantile(count, _LEVEL) * error
    # Branches that happened to draw the same batch show no spread of what has one.
    half = np.where((error == 0) & (columns["noise"].value > 0), np.inf, half)
    beyond = ~np.isfinite(value) & (count > 0)
    with np.errstate(invalid="ignore"):
        return (value - half > 0) | beyond, value + half < 0, BY_PROGRESS


def _steps_are_plain(attrs: Mapping[str, Any]) -> bool:
    """Whether a step of the run is one −η g, at the η of its probes and on the loss that it holds."""
    whole = attrs.get("dt", attrs["learning_rate"]) == attrs["learning_rate"]
    same = not attrs.get("modes") and attrs.get("loss_reduction", "mean") == "mean"
    return bool(whole and same and step_is_plain(attrs) and attrs.get("amplify", 1) == 1)


def _by_loss(run: xr.Dataset, columns: Mapping[str, Column]) -> tuple[Mask, Mask, str]:
    """Where the step that was made raised the loss, and where it lowered it, beyond chance."""
    nowhere = np.zeros((run.sizes["trajectory"], run.sizes["probe"]), dtype=bool)
    if "loss" not in run or not _steps_are_plain(run.attrs):
        return nowhere, nowhere, BY_LOSS
    steps, here = (np.asarray(run[name].values) for name in ("step", "probe_step"))
    at = np.minimum(np.searchsorted(steps, here), len(steps) - 1)
    after = np.minimum(at + 1, len(steps) - 1)
    known = (steps[at] == here) & (steps[after] == here + 1)
    loss = np.asarray(run["loss"].transpose("trajectory", "step").values, dtype=np.float64)
    signal, noise = (np.maximum(columns[name].high, 0.0) for name in ("signal", "noise"))
    eta = values_of(run, "step_size")
    if not {"lambda_min", "lambda_max"} <= set(run.data_vars):
        return nowhere, nowhere, BY_LOSS
    bend = np.fmax(np.abs(values_of(run, "lambda_min")), np.abs(values_of(run, "lambda_max")))
    with np.errstate(invalid="ignore", over="ignore"):
        spread = eta * np.sqrt(signal * noise)
        spread += 0.5 * eta**2 * bend * np.sqrt(2 * noise**2 + 4 * signal * noise)
        change, least = loss[:, after] - loss[:, at], _Z * spread + _ROUNDING * np.abs(loss[:, at])
        return known & (change > least), known & (change < -least), BY_LOSS
