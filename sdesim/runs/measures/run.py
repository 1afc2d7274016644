"""Every estimator that a run's contents allow, under one set of names, whatever arm made the run."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.io.threads import single_blas_thread
from sdesim.runs.measured import Column
from sdesim.runs.measures.clients import client_consolidation
from sdesim.runs.measures.gradient import (
    consolidation,
    drift,
    group_consolidation,
    infinite_variance,
    values_of,
)
from sdesim.runs.measures.path import curvature, exponent, path_dimension, tails
from sdesim.runs.schema import validate_run
from sdesim.runs.validity import with_validity

Array = NDArray[np.float64]
_PHASES = np.array(["undefined", "exploration", "transition", "generalization"])


def measure(run: xr.Dataset, level: float = 0.95) -> xr.Dataset:
    """Measure a run at its probes.

    Args:
        run: a Run of either kind.
        level: nominal coverage of the intervals.

    Returns:
        Dataset over (trajectory, probe): C_alpha (at the training batch), C_1, C_star, p, odds,
        direction_probability, signal, noise, phase (C against C_star), phase_literal (C against 1),
        tail_index, d_H, trajectory_dimension, participation_ratio (of the same stretch of path), lambda_max,
        preconditioned_lambda_max, S, lyapunov_drift, lyapunov_exponent and I, of clients C_clients,
        C_1_merged and C_1_client_mean, and over (trajectory, probe, group) C_group, as far as the run holds
        what they need; each number with ``_low``, ``_high``,
        ``_flags`` (names joined by ";"), and ``_literal``, the source's own form, where there is one. NaN
        where nothing was probed. Quantities made of mean squares are flagged
        ``heavy_tail_variance_undefined`` where the gradients' tail index lies below 2 with confidence, or
        where the run says that its noise is α-stable; lyapunov_drift then ``jump_infinite`` too.

    Raises:
        RunError: not a run of this schema.
    """
    validate_run(run)
    # The last bits of a matrix product depend on how many threads share it, and these are too small to share.
    with single_blas_thread():
        return with_validity(_measured(run, level), run.attrs)


def _measured(run: xr.Dataset, level: float) -> xr.Dataset:
    columns: dict[str, Column] = {}
    phases: dict[str, NDArray[np.str_]] = {}
    if "probe" in run.dims:
        if "gradient_projection" in run:
            columns |= tails(run, level)
        heavy = infinite_variance(run, columns.get("tail_index"))
        if "signal" in run:
            columns |= consolidation(run, level, heavy)
        if "group_signal" in run:
            columns["C_group"] = group_consolidation(run, level, heavy)
        if "update_norm2" in run:
            columns |= client_consolidation(run, level, heavy)
        if "lambda_max" in run:
            columns |= curvature(run)
        if "C_alpha" in columns and "hessian_signal" in run:
            noiseless = columns["C_alpha"].flags["zero_noise"]
            columns |= drift(run, level, columns["signal"], columns["noise"], heavy, noiseless)
        if "theta_projection" in run or "theta" in run:
            columns["trajectory_dimension"] = path_dimension(run, level)
            columns["participation_ratio"] = path_dimension(run, level, "participation")
        if "tangent_growth" in run:
            columns["lyapunov_exponent"] = exponent(run)
        if {"p", "S", "d_H"} <= set(columns):
            columns["I"] = _index(columns["p"], columns["S"], columns["d_H"])
        if "C_alpha" in columns:
            star = columns.get("C_star")
            if star is not None:
                phases["phase"] = _phase(*_sides(run, columns["C_alpha"], columns["signal"], star))
            literal = columns["C_alpha"].literal
            assert literal is not None
            one = Column(np.ones_like(literal), np.ones_like(literal), np.ones_like(literal))
            phases["phase_literal"] = _phase(Column(literal, literal, literal), one)
    return _assemble(run, columns, phases, level)


def _index(p: Column, s: Column, d: Column) -> Column:
    """`estimators.intelligence` of all places: max(p, 0) (min(S, 2)/2)/d_H with the hull of the three
    intervals; literal p S/d_H of the literal forms."""
    assert p.literal is not None
    assert s.literal is not None
    assert d.literal is not None

    def product(a: Array, b: Array, c: Array) -> Array:
        return np.asarray(np.maximum(a, 0.0) * np.minimum(b, 2.0) / 2 / c)

    corners = [product(a, b, c) for a in (p.low, p.high) for b in (s.low, s.high) for c in (d.low, d.high)]
    value = product(p.value, s.value, d.value)
    low, high = np.minimum.reduce(corners), np.maximum.reduce(corners)
    flags: dict[str, NDArray[np.bool_]] = {}
    for column in (p, s, d):
        for name, mask in column.flags.items():
            flags[name] = flags[name] | mask if name in flags else mask
    nothing = np.zeros(value.shape, dtype=bool)
    undefined = flags.get("interpolated", nothing) | flags.get("nonfinite", nothing)
    known = np.where(undefined, np.nan, 1.0)
    flags |= {"undefined": undefined, "heuristic": ~nothing}
    literal = p.literal * s.literal / d.literal
    return Column(value * known, low * known, high * known, literal, flags)


def _sides(run: xr.Dataset, c: Column, signal: Column, star: Column) -> tuple[Column, Column]:
    """C and C*; without noise, where both are infinite, |μ|² and (η/2) μᵀHμ, which C > C* then comes to."""
    noiseless = c.flags["zero_noise"]
    bent = 0.5 * values_of(run, "step_size") * values_of(run, "hessian_signal")
    left, right = np.where(noiseless, signal.value, c.value), np.where(noiseless, bent, star.value)
    return c.mapped(left, c.low, c.high), star.mapped(right, star.low, star.high)


def _phase(c: Column, threshold: Column) -> NDArray[np.str_]:
    """Where the interval of C lies against the interval of its threshold; the value stands in for a missing
    interval."""
    low, high = (np.where(np.isnan(x), c.value, x) for x in (c.low, c.high))
    below, above = (np.where(np.isnan(x), threshold.value, x) for x in (threshold.low, threshold.high))
    code = np.where(low > above, 3, np.where(high < below, 1, 2))
    code[np.isnan(c.value) | np.isnan(threshold.value)] = 0
    return np.asarray(_PHASES[code])


def _assemble(
    run: xr.Dataset, columns: dict[str, Column], phases: dict[str, NDArray[np.str_]], level: float
) -> xr.Dataset:
    data: dict[str, Any] = {}
    for name, column in columns.items():
        dims = column.dims
        data[name] = (dims, column.value)
        data[f"{name}_low"], data[f"{name}_high"] = (dims, column.low), (dims, column.high)
        data[f"{name}_flags"] = (dims, column.flag_text())
        if column.literal is not None:
            data[f"{name}_literal"] = (dims, np.asarray(column.literal, dtype=np.float64))
    for name, labels in phases.items():
        data[name] = (("trajectory", "probe"), labels)
    names = ["trajectory", "probe_step", "probe_time", *(["group"] if "C_group" in columns else [])]
    coords = {n: run[n].load() for n in names if n in run.coords}
    attrs = {k: run.attrs[k] for k in ("name", "kind", "learning_rate", "batch_size") if k in run.attrs}
    return xr.Dataset(data, coords, {**attrs, "level": level})
