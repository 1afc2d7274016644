"""Every estimator that a run's contents allow, under one set of names, whatever arm made the run."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.errors import RunError
from sdesim.estimators import critical_signal, intelligence, phase
from sdesim.io.threads import single_blas_thread
from sdesim.kinds.numbers import level_of
from sdesim.runs.accessor import RunAccessor as RunAccessor
from sdesim.runs.measured import Column
from sdesim.runs.measures.clients import client_consolidation
from sdesim.runs.measures.contradiction import BY_LOSS, BY_PROGRESS, LOST, contradictions, lost_next
from sdesim.runs.measures.described import described
from sdesim.runs.measures.drawn import SEQUENTIAL, drawn_of
from sdesim.runs.measures.exact import EXACT, FULL, SAMPLED, as_precise, exact_of
from sdesim.runs.measures.gradient import (
    batches,
    consolidation,
    drift,
    group_consolidation,
    infinite_variance,
    values_of,
)
from sdesim.runs.measures.path import curvature, exponent, path_dimension, tails
from sdesim.runs.measures.smoothed import smoothed
from sdesim.runs.measures.steps import (
    at_rest,
    best_rate,
    flags_of_phases,
    models_steps,
    of_optimizer,
    phases,
    progress,
    trapezoid,
)
from sdesim.runs.measures.successive import holds_steps, successive
from sdesim.runs.quantities import support_of
from sdesim.runs.registered import with_registered
from sdesim.runs.schema import validate_run
from sdesim.runs.validity import with_validity

Array = NDArray[np.float64]
_NO_PROBES = (
    "the run has no probes, so nothing is measured: make it with probes=sdesim.Probes(every=…); what it "
    "holds at its saved steps is in the run itself"
)


def measure(run: xr.Dataset, level: float = 0.95, smooth: bool = False) -> xr.Dataset:
    """Measure a run at its probes.

    Args:
        run: a Run of either kind.
        level: nominal coverage of the intervals.
        smooth: whether to add smoothed series over the probes (`measures.smoothed`): C_alpha_smooth,
            C_star_smooth, C_excess_smooth (C − C*), progress_smooth, progress_heldout_smooth, each with its
            interval and flags; phase_smooth, phase_smooth_reason; over (trajectory, change) change_point with
            _low and _high, and change_direction.

    Returns:
        Dataset over (trajectory, probe): C_alpha (at the training batch), C_1, C_star, p, odds,
        direction_probability, signal, noise, phase (C against C_star), phase_literal (C against 1),
        tail_index, d_H, trajectory_dimension, participation_ratio (of the same stretch of path), lambda_max,
        preconditioned_lambda_max, S, lyapunov_drift, lyapunov_exponent and I, of clients C_clients,
        C_1_merged and C_1_client_mean, and over (trajectory, probe, group) C_group, as far as the run holds
        what they need; each number with ``_low``, ``_high``,
        ``_flags`` (names joined by ";"), and ``_literal``, the source's own form, where there is one. NaN
        where nothing was probed. Each has ``long_name`` and ``units``. Quantities made of mean squares are
        flagged
        ``heavy_tail_variance_undefined`` where the gradients' tail index lies below 2 with confidence, or
        where the run says that its noise is α-stable; lyapunov_drift then ``jump_infinite`` too.

    Of a run without probes the Dataset is empty, and a warning says so.

    Raises:
        RunError: not a run of this schema.
    """
    validate_run(run)
    level = level_of(level, error=RunError)
    if "probe" not in run.dims:
        warnings.warn(_NO_PROBES, stacklevel=2)
    run = _read_once(run)
    # The last bits of a matrix product depend on how many threads share it, and these are too small to share.
    # Gradients of a run that is blowing up have squares that are infinite: such values are flagged.
    with single_blas_thread(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return described(with_registered(run, with_validity(_measured(run, level, smooth), run.attrs)))


def _read_once(run: xr.Dataset) -> xr.Dataset:
    """The run with its numbers by trajectory and probe in memory: many quantities use each of them, and a
    stored run of thousands of trajectories has as many pieces to read."""
    held = run.data_vars.variables.items()
    # Not load, which would read them in the caller's run too.
    return run.assign({name: v.compute() for name, v in held if set(v.dims) == {"trajectory", "probe"}})


def _measured(run: xr.Dataset, level: float, smooth: bool) -> xr.Dataset:
    columns: dict[str, Column] = {}
    words: dict[str, NDArray[np.str_]] = {}
    if "probe" in run.dims:
        if "gradient_projection" in run:
            columns |= tails(run, level)
        heavy = infinite_variance(run, columns.get("tail_index"))
        exact = exact_of(run, level, *batches(run)) if "signal" in run else None
        drawn = drawn_of(run, level, *batches(run)) if "signal" in run else None
        if "signal" in run:
            columns |= consolidation(run, level, heavy)
            columns |= {} if exact is None else exact.consolidation(columns)
            first = columns["C_alpha"]
            columns |= {} if drawn is None else drawn.consolidation(columns)
        if "group_signal" in run:
            columns["C_group"] = group_consolidation(run, level, heavy)
            if exact is not None:
                columns["C_group"] = exact.groups(run, columns["C_group"])
        if "update_norm2" in run:
            columns |= client_consolidation(run, level, heavy)
        if "lambda_max" in run:
            columns |= curvature(run, level)
        if "C_alpha" in columns and "hessian_signal" in run:
            columns |= drift(run, level, columns, heavy)
            columns |= {} if exact is None else exact.drift(columns)
            columns |= {} if drawn is None else drawn.drift(columns)
            columns |= _of_step(run, level, columns, first)
        if "theta_projection" in run or "theta" in run:
            columns["trajectory_dimension"] = path_dimension(run, level)
            columns["participation_ratio"] = path_dimension(run, level, "participation")
        if "tangent_growth" in run:
            columns["lyapunov_exponent"] = exponent(run)
        if {"p", "S", "d_H"} <= set(columns):
            columns["I"] = _index(columns["p"], columns["S"], columns["d_H"])
        if "C_alpha" in columns and "virtual_drop" in run:
            columns["C_star_trapezoid"] = trapezoid(run, level, columns)
        if "progress" in run:
            columns |= progress(run, level)
        if "C_star" in columns or "progress" in columns:
            formula = _phase(run, columns) if "C_star" in columns else None
            words["phase"], words["phase_method"] = phases(run, level, columns, formula, exact)
            if drawn is not None:
                by_draws = drawn.bends & (words["phase_method"] == "second-order")
                words["phase_method"] = np.where(by_draws, SEQUENTIAL, words["phase_method"])
            columns, words = _told(run, columns, words)
        readings: dict[str, Column] = {}
        if holds_steps(run):
            found = successive(run, level, columns)
            # At probes between them something else may tell the phase.
            told = found.words["phase"] != "undefined"
            before = {name: words.get(name, np.full(told.shape, "")) for name in found.words}
            before["phase"] = words.get("phase", found.words["phase"])
            words |= {name: np.where(told, x, before[name]) for name, x in found.words.items()}
            columns, readings = columns | found.columns, found.readings
        if "C_alpha" in columns:
            words["phase_literal"] = phase(_literal(columns["C_alpha"]))
        if run.attrs.get("precision") and "C_alpha" in columns:
            columns["C_alpha"] = as_precise(columns["C_alpha"], columns.get("C_star"), run.attrs["precision"])
        if "step_size" in run:
            columns = at_rest(run, columns)
        columns = {name: _infinite(column, columns.get("signal")) for name, column in columns.items()}
    changes: dict[str, Array] = {}
    if smooth and "probe" in run.dims:
        series = smoothed(run, level, columns | readings, words)
        columns, words, changes = columns | series.columns, words | series.words, series.changes
    measured = _assemble(run, columns, words, level)
    return measured.assign({name: (("trajectory", "change"), x) for name, x in changes.items()})


def _told(
    run: xr.Dataset, columns: dict[str, Column], words: dict[str, NDArray[np.str_]]
) -> tuple[dict[str, Column], dict[str, NDArray[np.str_]]]:
    """Phases with their flags; those that the loss contradicts are undefined, and so flagged C* and drift."""
    labels, how = words["phase"], words["phase_method"]
    formula = np.isin(how, ("second-order", SEQUENTIAL, EXACT, FULL)) & (not models_steps(run))
    doubt = contradictions(run, columns, labels, formula) if formula.any() else np.full(labels.shape, "")
    if "signal" in columns:
        # Gradients too large for their squares leave nothing to compare.
        doubt = np.where(np.isinf(columns["signal"].value) & (how != ""), "nonfinite", doubt)
    against = doubt != ""
    labels, how = np.where(against, "undefined", labels), np.where(against, "", how)
    own = flags_of_phases(run, columns, labels, how)
    lost = np.where(lost_next(run) & (labels != "undefined"), LOST, "")
    each = zip(doubt.flat, own.flat, lost.flat, strict=True)
    flags = np.array([";".join(x for x in place if x) for place in each], dtype=str)
    marked = {}
    for name in ("C_star", "lyapunov_drift"):
        if name in columns and against.any():
            column = columns[name]
            more = {flag: doubt == flag for flag in (BY_PROGRESS, BY_LOSS)}
            marked[name] = replace(
                column, estimate=replace(column.estimate, flags={**column.estimate.flags, **more})
            )
    told = {"phase": labels, "phase_method": how, "phase_flags": flags.reshape(labels.shape)}
    return columns | marked, words | told


def _of_step(run: xr.Dataset, level: float, columns: dict[str, Column], first: Column) -> dict[str, Column]:
    """C*, drift and best rate of the optimizer's step: of −η g, or of its own linear form.

    Args:
        first: C of the draws that the step's own form was read from.
    """
    if models_steps(run):
        return of_optimizer(run, level, {**columns, "C_alpha": first})
    star, found = columns["C_star"], columns["lyapunov_drift"]
    c, known = columns["C_alpha"].estimate, np.isnan(star.value)
    return {
        "C_star": replace(star, method=_way(star, known, "second-order")),
        "lyapunov_drift": replace(found, method=_way(found, np.isnan(found.value), "generator")),
        "eta_star": best_rate(values_of(run, "step_size"), c, star.estimate),
    }


def _way(column: Column, missing: NDArray[np.bool_], formula: str) -> NDArray[np.str_]:
    """How each value was found: by a formula from draws, unless it needs none."""
    plain = np.full(missing.shape, formula) if column.method is None else column.method
    return np.where(missing, "", np.where(plain == SAMPLED, formula, plain))


def _index(p: Column, s: Column, d: Column) -> Column:
    made = intelligence(p.estimate, s.estimate, d.estimate)
    # A place where nothing was probed is missing, and not undefined.
    nothing = np.zeros(made.shape, dtype=bool)
    known = made.flags.get("interpolated", nothing) | made.flags.get("nonfinite", nothing)
    flags = {**made.flags, "undefined": made.flags["undefined"] & known}
    literal = intelligence(_literal(p), _literal(s), _literal(d), method="literal")
    return Column.of(made, flags, literal.value)


def _infinite(column: Column, signal: Column | None) -> Column:
    """The column; values that are infinite because squares overflow, and not for want of noise, are flagged
    `nonfinite`."""
    e = column.estimate
    endless = np.isinf(e.value)
    if not endless.any():
        return column
    if "zero_noise" in e.flags and signal is not None:
        large = np.isinf(signal.value)
        endless &= ~e.flags["zero_noise"] | (large if e.value.ndim == 2 else large[..., None])
    known = e.flags.get("nonfinite", np.zeros(e.value.shape, dtype=bool))
    return replace(column, estimate=replace(e, flags={**e.flags, "nonfinite": known | endless}))


def _literal(column: Column) -> Array:
    assert column.literal is not None
    return column.literal


def _phase(run: xr.Dataset, columns: dict[str, Column]) -> NDArray[np.str_]:
    """C against C*; without noise, where both are infinite, |μ|² against (η/2) μᵀHμ, to which it comes."""
    c, star = columns["C_alpha"], columns["C_star"]
    noiseless = c.flags["zero_noise"]
    bent = critical_signal(values_of(run, "step_size"), values_of(run, "hessian_signal"))
    left = replace(c.estimate, value=np.where(noiseless, columns["signal"].value, c.value))
    return phase(left, threshold=replace(star.estimate, value=np.where(noiseless, bent, star.value)))


def _assemble(
    run: xr.Dataset, columns: dict[str, Column], words: dict[str, NDArray[np.str_]], level: float
) -> xr.Dataset:
    data: dict[str, Any] = {}
    for name, column in columns.items():
        dims = column.dims
        data[name] = (dims, column.value)
        # Only here: what errors are passed on to needs them whole.
        low, high = support_of(name).cut(column.low, column.high)
        data[f"{name}_low"], data[f"{name}_high"] = (dims, low), (dims, high)
        data[f"{name}_flags"] = (dims, column.flag_text())
        if column.literal is not None:
            data[f"{name}_literal"] = (dims, np.asarray(column.literal, dtype=np.float64))
        if column.method is not None:
            data[f"{name}_method"] = (dims, np.asarray(column.method, dtype=str))
    for name, labels in words.items():
        data[name] = (("trajectory", "probe"), labels)
    names = ["trajectory", "probe_step", "probe_time", *(["group"] if "C_group" in columns else [])]
    coords = {n: run[n].load() for n in names if n in run.coords}
    attrs = {k: run.attrs[k] for k in ("name", "kind", "learning_rate", "batch_size") if k in run.attrs}
    return xr.Dataset(data, coords, {**attrs, "level": level})
