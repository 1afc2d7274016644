"""Every estimator that a run's contents allow, under one set of names, whatever arm made the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from sdesim.estimators import (
    Estimate,
    critical_sharpness,
    effective_dimension,
    jackknife_consolidation,
    leave_one_out,
    tail_index,
    trajectory_dimension,
)
from sdesim.runs.schema import validate_run

Array = NDArray[np.float64]
_WINDOW = 200
_CONVERGED = 1e-2
_PHASES = np.array(["undefined", "exploration", "transition", "generalization"])


@dataclass
class Column:
    """One quantity over (trajectory, probe): value, interval, literal form, and flags as masks."""

    value: Array
    low: Array
    high: Array
    literal: Array | None = None
    flags: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    @classmethod
    def bare(cls, value: Array, literal: Array | None = None) -> Column:
        """A value without an interval."""
        nothing = np.full(value.shape, np.nan)
        return cls(value, nothing, nothing.copy(), literal)

    def flag_text(self) -> NDArray[np.str_]:
        """The flags of each place, joined by semicolons."""
        masks = dict(self.flags)
        missing = np.isnan(self.value)
        masks.setdefault("no_value", missing)
        masks["no_interval"] = np.isnan(self.low) & ~missing
        text = np.full(self.value.shape, "", dtype=object)
        for name, mask in masks.items():
            hit = np.broadcast_to(mask, text.shape)
            text[hit] = [f"{t};{name}" if t else name for t in text[hit]]
        return text.astype(str)


def measure(run: xr.Dataset, level: float = 0.95) -> xr.Dataset:
    """Measure a run at its probes.

    Args:
        run: a Run of either kind.
        level: nominal coverage of the intervals.

    Returns:
        Dataset over (trajectory, probe): C_alpha (at the training batch), C_1, C_star, p, odds,
        direction_probability, signal, noise, phase (C against C_star), phase_literal (C against 1),
        tail_index, d_H, trajectory_dimension, lambda_max, S, lyapunov_drift, lyapunov_exponent and I, as far
        as the run holds what they need; each number with ``_low``, ``_high``, ``_flags`` (names joined by
        ";"), and ``_literal``, the source's own form, where there is one. NaN where nothing was probed.

    Raises:
        RunError: not a run of this schema.
    """
    validate_run(run)
    columns: dict[str, Column] = {}
    phases: dict[str, NDArray[np.str_]] = {}
    if "probe" in run.dims:
        batch, probed = _batches(run)
        if "signal" in run:
            columns |= _consolidation(run, level, batch, probed)
        if "gradient_projection" in run:
            columns |= _tails(run, level)
        if "lambda_max" in run:
            columns |= _curvature(run)
        if "C_alpha" in columns and "hessian_signal" in run:
            columns |= _drift(run, level, columns, batch / probed if probed else 1.0)
        if "theta_projection" in run or "theta" in run:
            columns["trajectory_dimension"] = _path_dimension(run, level)
        if "tangent_growth" in run:
            columns["lyapunov_exponent"] = _exponent(run)
        if {"p", "S", "d_H"} <= set(columns):
            columns["I"] = _index(columns["p"], columns["S"], columns["d_H"])
        if "C_alpha" in columns:
            star = columns.get("C_star")
            if star is not None:
                phases["phase"] = _phase(columns["C_alpha"], star)
            literal = columns["C_alpha"].literal
            assert literal is not None
            one = Column(np.ones_like(literal), np.ones_like(literal), np.ones_like(literal))
            phases["phase_literal"] = _phase(Column(literal, literal, literal), one)
    return _assemble(run, columns, phases, level)


def _values(run: xr.Dataset, name: str) -> Array:
    dims = [d for d in ("trajectory", "probe", "sample", "direction") if d in run[name].dims]
    return np.asarray(run[name].transpose(*dims).values, dtype=np.float64)


def _batches(run: xr.Dataset) -> tuple[float, float]:
    """(training batch, probed batch): the first is the second where training is full-batch; 0: no batches."""
    batch = float(run.attrs.get("batch_size") or 0)
    probed = float(run.attrs.get("probe_batch_size") or batch)
    return batch or probed, probed


def _consolidation(run: xr.Dataset, level: float, batch: float, probed: float) -> dict[str, Column]:
    signal, noise = _values(run, "signal"), _values(run, "noise")
    n = _values(run, "gradient_samples")
    # Means of independent examples: noise ∝ 1/B, so C at batch B is B/B_probed times C as probed.
    scale = batch / probed if probed else 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        literal = signal / (noise / scale + 1e-10)
        raw = (signal - noise / n) / noise
    low, high = np.full(raw.shape, np.nan), np.full(raw.shape, np.nan)
    columns = {}
    if "gradient_norm2" in run:
        norm2, dot = _values(run, "gradient_norm2"), _values(run, "gradient_dot_mean")
        raw, low, high = jackknife_consolidation(norm2, dot, level)
        columns["direction_probability"] = _direction(norm2, dot, literal, level)
    flags = {
        "negative_signal": raw < 0,
        "too_few_samples": n < 20,
        "zero_noise": noise <= 0,
        "converted_batch": np.full(raw.shape, scale != 1.0),
    }
    c = Column(raw * scale, low * scale, high * scale, literal, flags)
    columns["C_alpha"] = c
    per_example = raw / probed if probed else np.full(raw.shape, np.nan)
    width = (low / probed, high / probed) if probed else (per_example, per_example)
    columns["C_1"] = Column(per_example, *width, None, {"no_batch": np.full(raw.shape, not probed)})
    share = [x / (1 + x) for x in (c.value, c.low, c.high)]
    columns["p"] = Column(share[0], share[1], share[2], literal / (1 + literal), flags)
    columns["odds"] = Column(c.value, c.low, c.high, literal, flags)
    columns["signal"] = _signal(run, level)
    columns["noise"] = Column.bare(noise / scale)
    return columns


def _direction(norm2: Array, dot: Array, literal: Array, level: float) -> Column:
    """Share of draws along the mean of the others, g_i·ḡ₋ᵢ > 0, with Wilson's interval; literal Φ(√C)."""
    from scipy.special import ndtr

    n = norm2.shape[-1]
    missing = np.isnan(norm2).any(axis=-1)
    share = (n * dot - norm2 > 0).mean(axis=-1)
    z = float(ndtri(0.5 + level / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    made = [np.where(missing, np.nan, x) for x in (share, centre - half, centre + half)]
    return Column(made[0], made[1], made[2], ndtr(np.sqrt(np.maximum(literal, 0.0))))


def _signal(run: xr.Dataset, level: float) -> Column:
    """|μ|², debiased by noise/n; the jackknife of that U-statistic where the draws are there."""
    signal, noise = _values(run, "signal"), _values(run, "noise")
    n = _values(run, "gradient_samples")
    value = signal - noise / n
    if "gradient_norm2" not in run:
        return Column.bare(value, signal)
    q, dot = _values(run, "gradient_norm2"), _values(run, "gradient_dot_mean")
    m = q.shape[-1]
    left_signal, left_noise = leave_one_out(q, dot)
    left = left_signal - left_noise / (m - 1)
    spread = np.sqrt((m - 1) / m * ((left - left.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1))
    half = float(stdtrit(m - 1, 0.5 + level / 2)) * spread
    return Column(value, value - half, value + half, signal, {"negative_signal": value < 0})


def _estimates(found: list[list[Estimate | None]], literal: list[list[float]] | None = None) -> Column:
    """A column from estimates in rows of trajectories; None where nothing was probed."""

    def pick(name: str) -> Array:
        return np.array([[np.nan if e is None else getattr(e, name) for e in row] for row in found])

    names = dict.fromkeys(
        f for row in found for e in row if e is not None for f in e.flags if f != "no_interval"
    )
    flags = {f: np.array([[e is not None and e.has(f) for e in row] for row in found]) for f in names}
    return Column(
        pick("value"), pick("low"), pick("high"), None if literal is None else np.array(literal), flags
    )


def _tails(run: xr.Dataset, level: float) -> dict[str, Column]:
    """Tail index of the projected gradients, and the dimension deduced from it."""
    draws = _values(run, "gradient_projection")
    dim = int(run.attrs.get("dim") or run.sizes.get("param") or draws.shape[-1])
    tails: list[list[Estimate | None]] = []
    dims: list[list[Estimate | None]] = []
    tail_literal, dim_literal = [], []
    for row in draws:
        known = [not np.isnan(x).any() for x in row]
        found = [tail_index(x, level=level) if k else None for x, k in zip(row, known, strict=True)]
        rough = [
            tail_index(x, method="hill-literal", level=level).value if k else np.nan
            for x, k in zip(row, known, strict=True)
        ]
        tails.append(found)
        tail_literal.append(rough)
        dims.append([None if e is None else effective_dimension(dim, e) for e in found])
        dim_literal.append([effective_dimension(dim, a, method="literal").value for a in rough])
    return {"tail_index": _estimates(tails, tail_literal), "d_H": _estimates(dims, dim_literal)}


def _curvature(run: xr.Dataset) -> dict[str, Column]:
    """λ_max within its Lanczos residual, and S for the run's optimizer; literal λ: of largest magnitude."""
    value, lowest = _values(run, "lambda_max"), _values(run, "lambda_min")
    residual = _values(run, "curvature_residual")
    size = np.fmax(np.abs(value), np.abs(lowest))
    flags = {"not_converged": residual > _CONVERGED * size, "nonfinite": np.isinf(residual)}
    literal = np.where(np.abs(lowest) > np.abs(value), lowest, value)
    columns = {"lambda_max": Column(value, value - residual, value + residual, literal, flags)}
    if "step_size" not in run:
        return columns
    eta = _values(run, "step_size")
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


def _drift(run: xr.Dataset, level: float, columns: dict[str, Column], scale: float) -> dict[str, Column]:
    """C* and the generator −|μ|² + (η/2) Tr(HΣ), with Σ at the training batch."""
    eta, n = _values(run, "step_size"), _values(run, "gradient_samples")
    noise = _values(run, "noise") / scale
    bent = _values(run, "hessian_noise")
    error = (
        _values(run, "hessian_noise_error") if "hessian_noise_error" in run else np.full(bent.shape, np.nan)
    )
    z = float(stdtrit(7, 0.5 + level / 2))
    # ḡᵀHḡ holds Tr(HΣ)/n of the draws' own noise.
    star = 0.5 * eta * (_values(run, "hessian_signal") - bent / n + bent / scale) / noise
    half = np.abs(0.5 * eta * z * error * (1 / scale - 1 / n) / noise)
    signal = columns["signal"]
    value = -signal.value + 0.5 * eta * bent / scale
    spread = np.hypot(signal.high - signal.value, 0.5 * eta * z * error / scale)
    literal = -np.asarray(signal.literal) + noise
    heavy = np.zeros(value.shape, dtype=bool)
    if "tail_index" in columns:
        tails = columns["tail_index"]
        heavy = (tails.high < 2) & ~tails.flags.get(
            "gaussian_not_rejected", np.zeros(value.shape, dtype=bool)
        )
    flags = {"heavy_tail_variance_undefined": heavy}
    return {
        "C_star": Column(star, star - half, star + half, np.where(np.isnan(star), np.nan, 1.0), flags),
        "lyapunov_drift": Column(value, value - spread, value + spread, literal, flags),
    }


def _path_dimension(run: xr.Dataset, level: float) -> Column:
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
    return _estimates(found)


def _exponent(run: xr.Dataset) -> Column:
    """Growth of a tangent vector per unit of time since the last probe."""
    time = np.asarray(run["probe_time"].values, dtype=np.float64)
    gaps = np.diff(time, axis=-1, prepend=np.nan)
    return Column.bare(_values(run, "tangent_growth") / gaps)


def _index(p: Column, s: Column, d: Column) -> Column:
    """I = p (S/2)/d_H with the hull of the three intervals; literal p S/d_H of the literal forms."""
    assert p.literal is not None
    assert s.literal is not None
    assert d.literal is not None
    corners = [a * b / 2 / c for a in (p.low, p.high) for b in (s.low, s.high) for c in (d.low, d.high)]
    heuristic = np.ones(p.value.shape, dtype=bool)
    flags = {**{f: m for x in (p, s, d) for f, m in x.flags.items()}, "heuristic": heuristic}
    literal = p.literal * s.literal / d.literal
    value = p.value * s.value / 2 / d.value
    return Column(value, np.minimum.reduce(corners), np.maximum.reduce(corners), literal, flags)


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
    dims = ("trajectory", "probe")
    data: dict[str, Any] = {}
    for name, column in columns.items():
        data[name] = (dims, column.value)
        data[f"{name}_low"], data[f"{name}_high"] = (dims, column.low), (dims, column.high)
        data[f"{name}_flags"] = (dims, column.flag_text())
        if column.literal is not None:
            data[f"{name}_literal"] = (dims, np.asarray(column.literal, dtype=np.float64))
    for name, labels in phases.items():
        data[name] = (dims, labels)
    coords = {n: run[n].load() for n in ("trajectory", "probe_step", "probe_time") if n in run.coords}
    attrs = {k: run.attrs[k] for k in ("name", "kind", "learning_rate", "batch_size") if k in run.attrs}
    return xr.Dataset(data, coords, {**attrs, "level": level})
