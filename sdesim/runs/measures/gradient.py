"""What is measured from gradient draws: C and what follows from it, C of each group, C* and the drift."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from sdesim.estimators import jackknife_consolidation, leave_one_out
from sdesim.estimators.core.binomial import wilson
from sdesim.runs.measured import Column, Mask

Array = NDArray[np.float64]
_LITERAL_GUARD = 1e-10
# A run holds |gᵢ|² and gᵢ·ḡ, whose differences can't tell less noise than this share of |ḡ|² from rounding.
_ROUNDING = 1e-14
_TRACE_DRAWS = 8
# Fewer draws are flagged.
_FEW = 20


def values_of(run: xr.Dataset, name: str) -> Array:
    """A variable as an array, axes in the order of the schema."""
    order = ("trajectory", "probe", "sample", "direction", "group", "client")
    return np.asarray(run[name].transpose(*(d for d in order if d in run[name].dims)).values, np.float64)


def batches(run: xr.Dataset) -> tuple[float, float]:
    """(training batch, probed batch): the first is the second where training is full-batch; 0: no batches."""
    batch = float(run.attrs.get("batch_size") or 0)
    probed = float(run.attrs.get("probe_batch_size") or batch)
    return batch or probed, probed


def _scale(run: xr.Dataset) -> float:
    """Training batch over probed batch. Means of independent examples have noise ∝ 1/B, hence C ∝ B."""
    batch, probed = batches(run)
    return batch / probed if probed else 1.0


def infinite_variance(run: xr.Dataset, tail: Column | None) -> Mask:
    """Where the gradients' variance does not exist: the run's own noise is α-stable, or their tail index lies
    below 2 and is told apart from a Gaussian's."""
    shape = (run.sizes["trajectory"], run.sizes["probe"])
    if run.attrs.get("levy_index"):
        return np.ones(shape, dtype=bool)
    if tail is None:
        return np.zeros(shape, dtype=bool)
    return np.asarray((tail.high < 2) & ~tail.flags.get("gaussian_not_rejected", np.zeros(shape, dtype=bool)))


def consolidation(run: xr.Dataset, level: float, heavy: Mask) -> dict[str, Column]:
    """C_alpha, C_1, p, odds, direction_probability, signal = |μ|² and noise = Tr Σ at the training batch."""
    signal, noise, n = (values_of(run, v) for v in ("signal", "noise", "gradient_samples"))
    scale, (_, probed) = _scale(run), batches(run)
    converted = np.full(signal.shape, scale != 1.0)
    columns: dict[str, Column] = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        literal = signal / (noise / scale + _LITERAL_GUARD)
        raw = (signal - noise / n) / noise
        low, high = np.full(raw.shape, np.nan), np.full(raw.shape, np.nan)
        columns["signal"] = Column.bare(signal - noise / n, signal)
        columns["noise"] = Column.bare(noise / scale)
        if "gradient_norm2" in run:
            norm2, dot = values_of(run, "gradient_norm2"), values_of(run, "gradient_dot_mean")
            raw, low, high = jackknife_consolidation(norm2, dot, level)
            columns |= _moments(norm2, dot, signal, noise, scale, level)
            columns["direction_probability"] = _direction(norm2, dot, literal, converted, level)
    one = ratio_of_moments((raw, low, high), signal, noise, n)
    one.flags |= {"converted_batch": converted, "heavy_tail_variance_undefined": heavy}
    c = one.mapped(one.value * scale, one.low * scale, one.high * scale, literal)
    columns["C_alpha"] = c
    columns["odds"] = c.mapped(c.value, c.low, c.high, literal)
    columns["p"] = c.mapped(_share(c.value), _share(c.low), _share(c.high), _share(literal))
    columns["C_1"] = _per_example(one, probed)
    for name in ("signal", "noise"):
        columns[name].flags |= {"heavy_tail_variance_undefined": heavy, "nonfinite": c.flags["nonfinite"]}
    return columns


def ratio_of_moments(made: tuple[Array, Array, Array], signal: Array, noise: Array, n: Array | int) -> Column:
    """C with its ends ``made`` where |ḡ|² and Tr of n draws allow it: ∞ without noise, NaN without either."""
    interpolated = (signal <= 0) & (noise <= 0)
    noiseless = ~interpolated & (noise <= _ROUNDING * signal * n)
    nonfinite = np.isinf(signal) | np.isinf(noise)
    unknown = interpolated | noiseless | nonfinite
    value = np.where(noiseless, np.inf, np.where(unknown, np.nan, made[0]))
    low, high = (np.where(unknown, np.nan, end) for end in made[1:])
    flags = {
        "negative_signal": value < 0,
        "too_few_samples": np.broadcast_to(np.asarray(n) < _FEW, value.shape),
        "zero_noise": noiseless,
        "interpolated": interpolated,
        "nonfinite": nonfinite,
    }
    return Column(value, low, high, flags=flags)


def _share(c: Array) -> Array:
    """p = C/(1+C), increasing for C > −1; an end of an interval beyond −1 leaves p without a bound."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(np.isposinf(c), 1.0, c / (1 + c))
    return np.where(c <= -1, -np.inf, p)


def _per_example(raw: Column, probed: float) -> Column:
    """C_1 = C_B/B; without batches there is no example to speak of: NaN, flag `no_batch`."""
    b = probed or np.nan
    one = raw.mapped(raw.value / b, raw.low / b, raw.high / b)
    one.flags.pop("converted_batch")
    one.flags["no_batch"] = np.full(raw.value.shape, not probed)
    return one


def _moments(
    norm2: Array, dot: Array, signal: Array, noise: Array, scale: float, level: float
) -> dict[str, Column]:
    """|μ|² (debiased by noise/n) and Tr Σ at the training batch, by the jackknife; literal |ḡ|²."""
    m = norm2.shape[-1]
    left_signal, left_noise = leave_one_out(norm2, dot)
    t = float(stdtrit(m - 1, 0.5 + level / 2))

    def half(left: Array) -> Array:
        spread = ((left - left.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
        return np.asarray(t * np.sqrt((m - 1) / m * spread))

    mu2 = signal - noise / m
    wide, trace_wide = half(left_signal - left_noise / (m - 1)), half(left_noise) / scale
    trace = noise / scale
    return {
        "signal": Column(mu2, mu2 - wide, mu2 + wide, signal, {"negative_signal": mu2 < 0}),
        "noise": Column(trace, trace - trace_wide, trace + trace_wide),
    }


def _direction(norm2: Array, dot: Array, literal: Array, converted: Mask, level: float) -> Column:
    """Share of draws along the mean of the others, g_i·ḡ₋ᵢ > 0, with Wilson's interval; literal Φ(√C). It is
    that of the probed batch, flag `probed_batch` where training has another."""
    n = norm2.shape[-1]
    missing = np.isnan(norm2).any(axis=-1)
    share = (n * dot - norm2 > 0).mean(axis=-1)
    made = [np.where(missing, np.nan, x) for x in (share, *wilson(share, n, level))]
    return Column(
        made[0], made[1], made[2], ndtr(np.sqrt(np.maximum(literal, 0.0))), {"probed_batch": converted}
    )


def group_consolidation(run: xr.Dataset, level: float, heavy: Mask) -> Column:
    """C of each parameter group at the training batch, (|ḡ|² − T/n)/T of its coordinates.

    A run keeps two numbers per group, so the interval is by the delta method, flag `delta_interval`: Ĉ − t√v
    below and the C₀ with (C₀ − Ĉ)² = t²(v + 4(C₀ − Ĉ)/n) above, v = 4Ĉ/n + 2/(n(n−1)) + 2Ĉ²/(n−1), the
    largest variance there is, that of all noise on one axis. Measured coverage of nominal 0.95 there: 0.97 to
    1.0 for C from 0.05 to 3 and 20 or 64 draws; 1.0 with the noise on thirty axes.
    """
    signal, noise = values_of(run, "group_signal"), values_of(run, "group_noise")
    n = values_of(run, "gradient_samples")[..., None]
    scale = _scale(run)
    with np.errstate(divide="ignore", invalid="ignore"):
        literal = signal / (noise / scale + _LITERAL_GUARD)
        raw = (signal - noise / n) / noise
        variance = 4 * np.maximum(raw, 0.0) / n + 2 / (n * (n - 1)) + 2 * raw**2 / (n - 1)
        t = stdtrit(n - 1, 0.5 + level / 2)
        above = 2 * t**2 / n + np.sqrt((2 * t**2 / n) ** 2 + t**2 * variance)
        ends = (raw - t * np.sqrt(variance), raw + above)
    interpolated, noiseless = (signal <= 0) & (noise <= 0), (signal > 0) & (noise <= 0)
    unknown = interpolated | noiseless
    value = np.where(noiseless, np.inf, np.where(interpolated, np.nan, raw * scale))
    low, high = (np.where(unknown, np.nan, x * scale) for x in ends)
    flags = {
        "negative_signal": value < 0,
        "too_few_samples": np.broadcast_to(n < _FEW, value.shape),
        "zero_noise": noiseless,
        "interpolated": interpolated,
        "converted_batch": np.full(value.shape, scale != 1.0),
        "heavy_tail_variance_undefined": np.broadcast_to(heavy[..., None], value.shape),
        "delta_interval": np.isfinite(low),
    }
    return Column(value, low, high, literal, flags)


def drift(
    run: xr.Dataset, level: float, signal: Column, noise: Column, heavy: Mask, noiseless: Mask
) -> dict[str, Column]:
    """C* = (η/2)(μᵀHμ + Tr HΣ)/Tr Σ and the generator −|μ|² + (η/2) Tr HΣ, Σ at the training batch.

    Without noise (flag `zero_noise`) C* is infinite, with the sign of μᵀHμ.

    Σ is that of the gradients, whatever drives them: with D = (η/2)Σ the second term holds Tr(D H) of a
    Gaussian part and the jump part ½ Tr(H M₂) of truncated or tempered stable noise alike. Untruncated stable
    noise has no Σ: flag `jump_infinite`, the drift of a loss that grows like |θ|^α or faster is +∞, and the
    value that of the draws at hand. The intervals hold the errors of |μ|², Tr Σ and Tr HΣ (8 draws), not
    that of μᵀHμ.
    """
    scale = _scale(run)
    eta, n, bent = (values_of(run, v) for v in ("step_size", "gradient_samples", "hessian_noise"))
    error = (
        values_of(run, "hessian_noise_error") if "hessian_noise_error" in run else np.full(bent.shape, np.nan)
    )
    z = float(stdtrit(_TRACE_DRAWS - 1, 0.5 + level / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        # ḡᵀHḡ holds Tr(HΣ)/n of the draws' own noise.
        star = 0.5 * eta * (values_of(run, "hessian_signal") - bent / n + bent / scale) / noise.value
        # What is left of the noise is rounding.
        star = np.where(noiseless, np.inf * np.sign(values_of(run, "hessian_signal")), star)
        half = np.abs(0.5 * eta * z * error * (1 / scale - 1 / n) / noise.value)
        trace_half = np.nan_to_num((noise.high - noise.value) / noise.value)
        half = np.where(np.isinf(star), np.nan, np.hypot(half, star * trace_half))
    value = -signal.value + 0.5 * eta * bent / scale
    spread = np.hypot(signal.high - signal.value, 0.5 * eta * z * error / scale)
    flags = {"heavy_tail_variance_undefined": heavy, "zero_noise": noiseless}
    jump = np.full(value.shape, bool(run.attrs.get("levy_index")))
    literal = -np.asarray(signal.literal) + noise.value
    return {
        "C_star": Column(star, star - half, star + half, np.where(np.isnan(star), np.nan, 1.0), flags),
        "lyapunov_drift": Column(
            value, value - spread, value + spread, literal, {**flags, "jump_infinite": jump}
        ),
    }
