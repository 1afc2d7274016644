"""What the optimizer that runs makes of a probe: its own C* and drift, its measured progress, and the phase.

Each says beside it how it was found, ``<name>_method``:

- "second-order": the formula of a step −η g; "process", "step": those of
  `estimators.consolidation.linear_step` for a step that is linear in the gradient, of the process and from
  the state at hand; "generator": ℒV.
- "trapezoid": from gradients at both ends of a step.
- "branched": real steps from copies of the state; "steps": the steps that happened; "virtual": steps −η g of
  the simulated arm, "weighted" those of noise without a variance, under which C and C* do not exist. Where
  there is no formula, the phase is the sign of this measured progress.
- "exact", "full-gradient": as `measures.exact`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators import phase
from sdesim.runs.measured import Column, Mask
from sdesim.runs.measures.exact import EXACT, FULL, Exact, quantile
from sdesim.runs.measures.gradient import ratio_of_batches, values_of

Array = NDArray[np.float64]
_TRACE_DRAWS = 8
# Largest share of one gradient's square in P² at which the formulas, which hold P fixed, are taken.
_YOUNG = 0.05
_OF_STEP = ("C_star", "C_star_trapezoid", "eta_star", "lyapunov_drift", "S", "I")


def models_steps(run: xr.Dataset) -> bool:
    """Whether the optimizer's step is linear in the gradient without being −η g."""
    return run.attrs.get("optimizer_model") == "linear"


def of_optimizer(run: xr.Dataset, level: float, columns: dict[str, Column]) -> dict[str, Column]:
    """C*, drift and best rate of an optimizer whose step is linear in the gradient.

    C* is such that C > C* where the process descends, C − C* = D/N − W/N: for C in place of D/N, the same in
    the metric of the steps. Flag `gradients_one_by_one` where they were too many to be held together, as
    these formulas ask for, `no_preconditioner` before the first step of an optimizer that adapts,
    `young_preconditioner` where its scale does not hold still.
    """
    c, plain, drift = columns["C_alpha"], columns["C_star"], columns["lyapunov_drift"]
    eta = values_of(run, "step_size")
    own, critical = _process(run, level, c.estimate.shape)
    exact = _exactly(run, "exact_process_ratio", eta.shape)
    missing = np.isnan(own.value) & ~np.isnan(plain.value)
    share = _values(run, "preconditioner_share", eta.shape)
    one_by_one = np.full(eta.shape, bool(run.attrs.get("streamed")))
    doubt = {
        "gradients_one_by_one": missing & one_by_one,
        "no_preconditioner": missing & ~one_by_one,
        "young_preconditioner": share > _YOUNG,
    }
    t = _student(run, level)
    gap = t * _values(run, "process_gap_error", eta.shape) * ratio_of_batches(run)
    gap = np.where(exact, 0.0, gap)
    half = np.hypot(critical.high - critical.value, gap)
    # Without noise both are infinite, as those of a plain step.
    with np.errstate(invalid="ignore"):
        value = np.where(c.flags["zero_noise"], plain.value, critical.value + c.value - own.value)
    half = np.where(c.flags["zero_noise"], np.nan, half)
    star: AnyEstimate = Estimate(value, value - half, value + half, level, "process", _TRACE_DRAWS, {})
    change = _scaled(run, "step_change", level, t, eta.shape)
    spread = _scaled(run, "step_spread", level, None, eta.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = (change.value + spread.value) / eta
        half = np.hypot(change.high - change.value, spread.high - spread.value) / eta
    rate: AnyEstimate = Estimate(total, total - half, total + half, level, "step", _TRACE_DRAWS, {})
    lasting = ("zero_noise", "heavy_tail_variance_undefined", "few_effective_draws")
    kept = {k: m for k, m in plain.flags.items() if k in lasting}
    literal = np.where(np.isnan(value), np.nan, 1.0)
    return {
        "C_star": _named(Column.of(star, {**kept, **doubt}, literal), np.where(exact, EXACT, "process")),
        "lyapunov_drift": _named(
            Column.of(rate, {**kept, **doubt}, drift.literal), np.where(exact, EXACT, "step")
        ),
        "eta_star": best_rate(eta, own, critical, doubt),
    }


def best_rate(
    eta: Array, c: AnyEstimate, critical: AnyEstimate, flags: dict[str, Mask] | None = None
) -> Column:
    """η C/(2C*), the rate of the steepest expected descent; nothing where either is not positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = eta * c.value / (2 * critical.value)
    known = (np.asarray(c.value) > 0) & (np.asarray(critical.value) > 0) & np.isfinite(value)
    return Column.bare(np.where(known, value, np.nan), flags)


def _process(run: xr.Dataset, level: float, shape: tuple[int, ...]) -> tuple[AnyEstimate, AnyEstimate]:
    """C and C* in the metric of the optimizer's steps, at the training batch."""
    batches = ratio_of_batches(run)
    own = batches * _values(run, "process_ratio", shape)
    half = batches * _student(run, level) * _values(run, "process_ratio_error", shape)
    spread = _values(run, "process_spread", shape)
    value = batches * _values(run, "process_bend", shape) + spread
    width = quantile(_TRACE_DRAWS, level) * _values(run, "process_spread_error", shape)
    exact = _exactly(run, "exact_process_ratio", shape)
    if exact.any():
        # Without draws only the trace has an error.
        ratio, bend, wide, error = (
            _values(run, f"exact_process_{part}", shape)
            for part in ("ratio", "bend", "spread", "spread_error")
        )
        own, half = np.where(exact, batches * ratio, own), np.where(exact, 0.0, half)
        value = np.where(exact, batches * bend + wide, value)
        width = np.where(exact, quantile(_values(run, "exact_draws", shape), level) * error, width)
    c: AnyEstimate = Estimate(own, own - half, own + half, level, "process", 1, {})
    star: AnyEstimate = Estimate(value, value - width, value + width, level, "process", _TRACE_DRAWS, {})
    return c, star


def _scaled(run: xr.Dataset, name: str, level: float, t: Array | None, shape: tuple[int, ...]) -> AnyEstimate:
    """A part of the step's change with its interval; the part of the noise at the training batch."""
    noisy = name == "step_spread"
    factor = 1 / ratio_of_batches(run) if noisy else 1.0
    width = quantile(_TRACE_DRAWS, level) if t is None else t
    value, half = factor * _values(run, name, shape), factor * width * _values(run, f"{name}_error", shape)
    exact = _exactly(run, f"exact_{name}", shape)
    if exact.any():
        error = _values(run, "exact_step_spread_error", shape) if noisy else np.zeros(shape)
        value = np.where(exact, factor * _values(run, f"exact_{name}", shape), value)
        half = np.where(exact, factor * quantile(_values(run, "exact_draws", shape), level) * error, half)
    made: AnyEstimate = Estimate(value, value - half, value + half, level, "step", 1, {})
    return made


def trapezoid(run: xr.Dataset, level: float, columns: dict[str, Column]) -> Column:
    """C* = (M − s)/(2 Tr Σ) from virtual steps; only where the probed batch is that of the training."""
    noise, drop = columns["noise"].estimate, values_of(run, "virtual_drop")
    error, count = values_of(run, "virtual_drop_error"), values_of(run, "progress_count")
    converted = np.full(drop.shape, ratio_of_batches(run) != 1.0)
    still = columns["C_alpha"].flags["zero_noise"]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(converted | still, np.nan, drop / (2 * noise.value))
        own = quantile(count, level) * error / (2 * noise.value)
        half = np.hypot(own, np.nan_to_num(value * (noise.high - noise.low) / (2 * noise.value)))
    made: AnyEstimate = Estimate(value, value - half, value + half, level, "trapezoid", 1, {})
    flags = {"probed_batch": converted, "zero_noise": still}
    heavy = columns["C_alpha"].flags["heavy_tail_variance_undefined"]
    return _named(Column.of(made, {**flags, "heavy_tail_variance_undefined": heavy}), "trapezoid")


def progress(run: xr.Dataset, level: float) -> dict[str, Column]:
    """Measured progress on training and held-out examples, with Student's interval over its pairs."""
    count, method = values_of(run, "progress_count"), _progress_method(run)
    found = {}
    for name in ("progress", "progress_heldout"):
        if name in run:
            value = values_of(run, name)
            half = quantile(count, level) * values_of(run, f"{name}_error")
            made: AnyEstimate = Estimate(value, value - half, value + half, level, method, 1, {})
            # Under α-stable noise steps have no variance, so that a plain mean of them says nothing.
            jump = np.full(value.shape, bool(run.attrs.get("levy_index")) and method != "weighted")
            found[name] = _named(Column.of(made, {"jump_infinite": jump}), method)
    return found


def _progress_method(run: xr.Dataset) -> str:
    return str(run.attrs.get("progress_method", "branched"))


def phase_is_of_progress(run: xr.Dataset, how: NDArray[np.str_]) -> Mask:
    """Where `phases` decided by measured progress, from how it says that it did."""
    return np.asarray(how == _progress_method(run))


def at_rest(run: xr.Dataset, columns: dict[str, Column]) -> dict[str, Column]:
    """The same columns; at rate 0 there is no step, so nothing of it: NaN, flag `rate_zero`."""
    still = values_of(run, "step_size") == 0
    if not still.any():
        return columns
    found = dict(columns)
    for name in _OF_STEP:
        if name in columns:
            e = columns[name].estimate
            value, low, high = (np.where(still, np.nan, x) for x in (e.value, e.low, e.high))
            flags = {**e.flags, "rate_zero": still}
            found[name] = replace(
                columns[name], estimate=replace(e, value=value, low=low, high=high, flags=flags)
            )
    return found


def phases(
    run: xr.Dataset, level: float, columns: dict[str, Column], by_formula: NDArray[np.str_] | None,
    exact: Exact | None = None,
) -> tuple[NDArray[np.str_], NDArray[np.str_]]:  # fmt: skip
    """The phase and how it was decided: by the formula of this very optimizer, else by measured progress.

    Args:
        by_formula: phase of C against C* of plain steps, where both were probed.
        exact: what needs no draws.
    """
    shape = next(iter(columns.values())).estimate.shape[:2]
    labels, how = np.full(shape, "undefined", dtype="<U14"), np.full(shape, "", dtype="<U16")
    model = "none" if run.attrs.get("clipping") == "active" else run.attrs.get("optimizer_model")
    if by_formula is not None and model not in ("linear", "none"):
        labels, how = by_formula.astype("<U14"), np.full(shape, "second-order", dtype="<U16")
        if exact is not None:
            labels = np.where(exact.bends, exact.phase(), labels)
            how = np.where(exact.bends, exact.method, how)
    elif by_formula is not None and model == "linear":
        own, critical = _process(run, level, shape)
        known = ~np.isnan(own.value) & ~columns["C_star"].flags["young_preconditioner"]
        labels = np.where(known, phase(own, threshold=critical), labels)
        how = np.where(known, np.where(_exactly(run, "exact_process_ratio", shape), EXACT, "process"), how)
    endless = bool(run.attrs.get("levy_index"))
    if endless:
        # Σ is infinite, so C is nothing, and C against C* of some draws a guess.
        labels = np.full(shape, "undefined", dtype="<U14")
    told = "progress" in columns and (not endless or _progress_method(run) == "weighted")
    if (model in ("linear", "none") or endless) and told:
        e = columns["progress"].estimate
        open_places = (labels == "undefined") & ~np.isnan(e.low)
        labels = np.where(open_places, _by_sign(e), labels)
        how = np.where(open_places, _progress_method(run), how)
    still = values_of(run, "step_size") == 0
    labels = np.where(still, "undefined", labels)
    return labels, np.where(labels == "undefined", "", how)


def flags_of_phases(
    run: xr.Dataset, columns: dict[str, Column], labels: NDArray[np.str_], how: NDArray[np.str_]
) -> NDArray[np.str_]:
    """The flag of each phase: why it is undefined (no step, or noise without a variance), or that the
    interval of C*, by which it was decided, is too narrow."""
    still = values_of(run, "step_size") == 0
    endless = bool(run.attrs.get("levy_index"))
    reason = np.where(still, "rate_zero", "heavy_tail_variance_undefined" if endless else "")
    few = columns["C_star"].flags.get("few_effective_draws", False) if "C_star" in columns else False
    doubt = np.where(
        few & np.isin(how, ("second-order", "sequential", "process", FULL)), "few_effective_draws", ""
    )
    return np.asarray(np.where(labels == "undefined", reason, doubt))


def _by_sign(e: Any) -> NDArray[np.str_]:
    """A step that lowers the objective with confidence is generalization, one that raises it exploration."""
    words = np.where(e.high < 0, "generalization", np.where(e.low > 0, "exploration", "transition"))
    return np.asarray(words)


def _named(column: Column, method: str | NDArray[np.str_]) -> Column:
    return replace(column, method=np.where(np.isnan(column.value), "", method))


def _values(run: xr.Dataset, name: str, shape: tuple[int, ...]) -> Array:
    return values_of(run, name) if name in run else np.full(shape, np.nan)


def _exactly(run: xr.Dataset, name: str, shape: tuple[int, ...]) -> Mask:
    """Where a value needs no draws."""
    return ~np.isnan(_values(run, name, shape))


def _student(run: xr.Dataset, level: float) -> Array:
    return quantile(values_of(run, "gradient_samples"), level)
