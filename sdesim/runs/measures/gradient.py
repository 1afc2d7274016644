"""What is measured from gradient draws: C and what follows from it, C of each group, C* and the drift."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators import (
    at_batch_size,
    consolidation_from_draws,
    consolidation_from_sums,
    critical_consolidation,
    direction_probability,
    direction_share,
    lyapunov_drift,
    per_example,
    probability,
    signal_and_noise,
)
from sdesim.estimators.tails.index import variance_undefined
from sdesim.runs.measured import Column, Mask
from sdesim.runs.measures.exact import quantile
from sdesim.runs.measures.sampling import batch_of_steps

Array = NDArray[np.float64]
# A run holds |gᵢ|² and gᵢ·ḡ, whose differences can't tell less noise than this share of |ḡ|² from rounding.
_ROUNDING = 1e-14
_TRACE_DRAWS = 8
# Fewer draws are flagged.
_FEW = 20
# Draws are worth (Σ x)²/Σ x² equal ones, x = |gᵢ − ḡ|². Where that is less than half of them, few examples
# make most of the noise, and the interval of a trace from eight draws is too narrow (analysis/readings).
_EFFECTIVE = 0.5


def values_of(run: xr.Dataset, name: str) -> Array:
    """A variable as an array, axes in the order of the schema."""
    order = ("trajectory", "probe", "sample", "direction", "group", "client")
    # Not run[name], which gathers coordinates too.
    found = run.variables[name]
    return np.asarray(found.transpose(*(d for d in order if d in found.dims)).values, np.float64)


def batches(run: xr.Dataset) -> tuple[float, float]:
    """(training batch, probed batch): the first is the second where training is full-batch; 0: no batches.

    Where the last batch of an epoch is smaller, the first is the harmonic mean over the steps.
    """
    batch = batch_of_steps(run.attrs)
    probed = float(run.attrs.get("probe_batch_size") or run.attrs.get("batch_size") or 0)
    return batch or probed, probed


def ratio_of_batches(run: xr.Dataset) -> float:
    """Training batch over probed batch, 1 without batches."""
    batch, probed = batches(run)
    return batch / probed if probed else 1.0


def infinite_variance(run: xr.Dataset, tail: Column | None) -> Mask:
    """Where the gradients' variance does not exist: the run's own noise is α-stable, or their tail index lies
    below 2 and is told apart from a Gaussian's."""
    shape = (run.sizes["trajectory"], run.sizes["probe"])
    if run.attrs.get("levy_index"):
        return np.ones(shape, dtype=bool)
    return np.zeros(shape, dtype=bool) if tail is None else variance_undefined(tail.estimate)


def consolidation(run: xr.Dataset, level: float, heavy: Mask) -> dict[str, Column]:
    """C_alpha, C_1, p, odds, direction_probability, signal = |μ|² and noise = Tr Σ at the training batch."""
    signal, noise, n = (values_of(run, v) for v in ("signal", "noise", "gradient_samples"))
    ratio, (batch, probed) = ratio_of_batches(run), batches(run)
    converted = np.full(signal.shape, ratio != 1.0)
    plain = consolidation_from_sums(signal, noise / ratio, n, "literal")
    literal = plain.value
    columns: dict[str, Column] = {}
    if "gradient_norm2" in run:
        norm2, dot = values_of(run, "gradient_norm2"), values_of(run, "gradient_dot_mean")
        one = consolidation_from_draws(norm2, dot, level)
        parts = signal_and_noise(signal, noise, n, norm2, dot, level, cut=False)
        columns["direction_probability"] = Column.of(
            direction_share(norm2, dot, level),
            {"probed_batch": converted},
            direction_probability(plain, method="literal").value,
        )
        seen = {"negative_signal": parts[0].flags["negative_signal"]}
    else:
        one = consolidation_from_sums(signal, noise, n, level=level, interval=False, rounding=_ROUNDING)
        parts, seen = signal_and_noise(signal, noise, n, level=level, cut=False), {}
    flags = ratio_flags(one, n, missing=np.isnan(signal))
    whole = {**flags, "converted_batch": converted, "heavy_tail_variance_undefined": heavy}
    c = replace(one if ratio == 1.0 else at_batch_size(one, probed, batch), flags=whole)
    p_literal = probability(literal).value
    undefined = {"heavy_tail_variance_undefined": heavy, "nonfinite": flags["nonfinite"]}
    return {
        "signal": Column.of(parts[0], {**seen, **undefined}, signal),
        "noise": Column.of(parts[1].mapped(lambda x: x / ratio), undefined),
        **columns,
        "C_alpha": Column(c, literal),
        "odds": Column(c, literal),
        "p": Column(probability(c), p_literal),
        "C_1": _per_example(replace(one, flags={**flags, "heavy_tail_variance_undefined": heavy}), probed),
    }


def ratio_flags(c: AnyEstimate, n: Array | int, missing: Mask) -> dict[str, Mask]:
    """The flags of C that a measured column shows; nothing probed is not a gradient that isn't finite."""
    return {
        "negative_signal": c.flags["negative_signal"],
        "too_few_samples": np.broadcast_to(np.asarray(n) < _FEW, c.shape),
        "zero_noise": c.flags["zero_noise"],
        "interpolated": c.flags["interpolated"],
        "nonfinite": c.flags["nonfinite"] & ~missing,
    }


def _per_example(c: AnyEstimate, probed: float) -> Column:
    """C_1; without batches there is no example to speak of: NaN, flag `no_batch`."""
    one = per_example(c, probed) if probed else c.mapped(lambda x: np.full_like(x, np.nan))
    return Column.of(one, {**c.flags, "no_batch": np.full(c.shape, not probed)})


def group_consolidation(run: xr.Dataset, level: float, heavy: Mask) -> Column:
    """C of each parameter group at the training batch, of which a run keeps two numbers: the interval is by
    the delta method, flag `delta_interval`."""
    signal, noise = values_of(run, "group_signal"), values_of(run, "group_noise")
    n = values_of(run, "gradient_samples")[..., None]
    ratio, (batch, probed) = ratio_of_batches(run), batches(run)
    one = consolidation_from_sums(signal, noise, n, level=level)
    c = one if ratio == 1.0 else at_batch_size(one, probed, batch)
    shown = ratio_flags(one, n, missing=np.isnan(signal))
    flags = {
        **{
            name: shown[name] for name in ("negative_signal", "too_few_samples", "zero_noise", "interpolated")
        },
        "converted_batch": np.full(c.shape, ratio != 1.0),
        "heavy_tail_variance_undefined": np.broadcast_to(heavy[..., None], c.shape),
        "delta_interval": np.isfinite(c.low),
    }
    return Column.of(c, flags, consolidation_from_sums(signal, noise / ratio, n, "literal").value)


def drift(run: xr.Dataset, level: float, columns: dict[str, Column], heavy: Mask) -> dict[str, Column]:
    """C* and the generator −|μ|² + (η/2) Tr HΣ, Σ at the training batch.

    Σ is that of the gradients, whatever drives them: with D = (η/2)Σ the second term holds Tr(D H) of a
    Gaussian part and the jump part ½ Tr(H M₂) of truncated or tempered stable noise alike. Untruncated stable
    noise has no Σ: flag `jump_infinite`, the drift of a loss that grows like |θ|^α or faster is +∞, and the
    value that of the draws at hand. The intervals hold the errors of |μ|², Tr Σ and Tr HΣ (8 draws), not
    that of μᵀHμ. Flag `few_effective_draws` where few of the draws make most of the noise.
    """
    ratio, signal, noise = ratio_of_batches(run), columns["signal"], columns["noise"]
    noiseless = columns["C_alpha"].flags["zero_noise"]
    eta, n, bent = (values_of(run, v) for v in ("step_size", "gradient_samples", "hessian_noise"))
    curved = _with_error(run, bent, level).mapped(lambda x: x / ratio)
    star = critical_consolidation(
        eta, values_of(run, "hessian_signal"), curved, noise.estimate, n / ratio, noiseless
    )
    # D = (η/2)Σ.
    found = lyapunov_drift(
        None, noise.value, "generator", curved.mapped(lambda x: 0.5 * eta * x), grad_norm2=signal.estimate
    )
    # Half of the error is not an interval.
    both = ~(np.isnan(signal.low) | np.isnan(curved.low))
    found = replace(found, low=np.where(both, found.low, np.nan), high=np.where(both, found.high, np.nan))
    # Tr Σ stands for Tr D, as in the source.
    literal = lyapunov_drift(None, noise.value, "literal", grad_norm2=signal.literal)
    flags = {
        "heavy_tail_variance_undefined": heavy,
        "zero_noise": noiseless,
        "few_effective_draws": few_effective(run) & ~noiseless,
    }
    jump = np.full(bent.shape, bool(run.attrs.get("levy_index")))
    one = np.where(np.isnan(star.value), np.nan, 1.0)
    return {
        "C_star": Column.of(star, flags, one),
        "lyapunov_drift": Column.of(found, {**flags, "jump_infinite": jump}, literal.value),
    }


def few_effective(run: xr.Dataset) -> Mask:
    """Where the squared deviations of the draws are so unequal that few of them stand for all."""
    signal = values_of(run, "signal")
    if "gradient_norm2" not in run:
        return np.zeros(signal.shape, dtype=bool)
    dot = values_of(run, "gradient_dot_mean")
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.maximum(values_of(run, "gradient_norm2") - 2 * dot + signal[..., None], 0.0)
        apart /= apart.max(axis=-1, keepdims=True)
        effective = apart.sum(axis=-1) ** 2 / (apart**2).sum(axis=-1)
        return np.asarray(effective < _EFFECTIVE * apart.shape[-1])


def _with_error(run: xr.Dataset, bent: Array, level: float) -> AnyEstimate:
    """Tr(HΣ) of the probed batch with Student's interval of the few draws it was read from."""
    known = "hessian_noise_error" in run
    error = values_of(run, "hessian_noise_error") if known else np.full(bent.shape, np.nan)
    half = quantile(_TRACE_DRAWS, level) * error
    value: AnyEstimate = Estimate(bent, bent - half, bent + half, level, "draws", _TRACE_DRAWS)
    return value
