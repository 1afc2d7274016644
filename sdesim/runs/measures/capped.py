"""The critical batch by the noise scale with a Hessian and rates up to the edge, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.estimate import AnyEstimate, Estimate

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
_TRACE_DRAWS = 8
# Of the ends that a monitor's readings are kept with.
LEVEL = 0.95
Parts = tuple[list[Any], dict[str, Any]]
# Of what the gradients say of noise, where their squares say little of it.
_OF_NOISE = ("few_effective_draws", "heavy_tail_variance_undefined")


def critical_batch_hessian(run: xr.Dataset, measured: xr.Dataset) -> AnyEstimate | None:
    """B = Tr HΣ_1/(|μ|⁴/G − μᵀHμ) of `estimators.hessian_noise_scale`, rates up to the optimizer's edge.

    From a probe's draws: |μ|² as it was measured, μᵀHμ = ḡᵀHḡ − Tr HΣ/n, Tr HΣ, each with its error, or
    without where they are known; η_max = ηk/(λ/λ_crit) with k = (1 − τ)/(1 − β) of momentum β and dampening
    τ. From a monitor of a loop, what it read in the metric of its optimizer.

    NaN where no signal was seen (then with a lower end), of an optimizer that scales coordinates unequally,
    in whose metric a probe has no such numbers, and without batches.
    """
    found = [part for part in (_bought(run, measured), _drawn(run, measured)) if part is not None]
    if not found:
        return None
    parts, flags = found[-1]
    for better, more in found[:-1]:
        known = ~np.isnan(better[0].value)
        parts = [_where(known, one, other) for one, other in zip(better, parts, strict=True)]
        flags = more | {name: mask & ~known for name, mask in flags.items()}
    made: Any = capped(*parts)
    unknown = np.isnan(parts[0].value)
    masks = {**flags, **made.flags, "no_interval": made.flags["no_interval"] & ~unknown}
    given: AnyEstimate = replace(made, flags=masks)
    return given


def capped(signal: AnyEstimate, bent: AnyEstimate, trace: AnyEstimate, rate: AnyEstimate) -> AnyEstimate:
    """`hessian_noise_scale` of |μ|², μᵀHμ, Tr HΣ_1 and the largest rate, NaN where no signal was seen."""
    # The table of quantities, which reads this module, loads nothing that runs.
    from sdesim.estimators import hessian_noise_scale

    made: Any = hessian_noise_scale(signal, bent, trace, rate)
    value = np.where(np.isinf(made.value), np.nan, made.value)
    found: AnyEstimate = replace(made, value=value if made.is_array else float(value))
    return found


def within(
    value: ArrayLike, half: ArrayLike, level: float, n: int = 1, *, trace: bool = False
) -> AnyEstimate:
    """Within half an interval either way; a trace, which is skewed, on the logarithmic scale where it can be
    (of one direction and eight draws 92% hold it, 89% on its own scale)."""
    x, wide = np.asarray(value, dtype=np.float64), np.asarray(half, dtype=np.float64)
    low, high = x - wide, x + wide
    if trace:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            factor = np.exp(wide / x)
            low, high = np.where(x > 0, x / factor, low), np.where(x > 0, x * factor, high)
    return estimate((x, low, high), level, n)


def estimate(ends: Sequence[Any], level: float, n: int = 1) -> AnyEstimate:
    """From value, low and high, each a number or (...,)."""
    value, low, high = ends
    if np.ndim(value) == 0:
        return Estimate(float(value), float(low), float(high), level, "draws", n)
    made: AnyEstimate = Estimate(value, low, high, level, "draws", n, {})
    return made


def _bought(run: xr.Dataset, measured: xr.Dataset) -> Parts | None:
    """|μ|², μᵀHμ in units of Tr HΣ_1, that, and the largest rate of a monitor's own readings."""
    from sdesim.runs.measures.exact import quantile
    from sdesim.runs.measures.gradient import values_of

    if "capped_signal" not in run:
        return None
    level, count = float(measured.attrs["level"]), values_of(run, "capped_count")
    # Its ends are those of one level; at another Student's law says how they lie.
    factor = quantile(count, level) / quantile(count, LEVEL)
    parts = []
    for name in ("capped_signal", "capped_bend"):
        value, low, high = (values_of(run, f"{name}{end}") for end in ("", "_low", "_high"))
        parts.append(
            estimate([value, value + factor * (low - value), value + factor * (high - value)], level)
        )
    one = np.ones(count.shape)
    rate = [values_of(run, f"capped_rate{end}") for end in ("", "_low", "_high")]
    return [*parts, estimate([one] * 3, level), estimate(rate, level)], {}


def _drawn(run: xr.Dataset, measured: xr.Dataset) -> Parts | None:
    """The same of a probe's draws, or known without."""
    from sdesim.runs.measures.exact import quantile
    from sdesim.runs.measures.gradient import batches, values_of
    from sdesim.runs.measures.read_off import edge_ratio, given

    signal, ratio_of_one = given(measured, "signal"), given(measured, "C_1")
    edge = edge_ratio(run, measured)
    if signal is None or ratio_of_one is None or edge is None or "hessian_signal_error" not in run:
        return None
    level, probed = float(measured.attrs["level"]), batches(run)[1]
    eta, n, trace = (values_of(run, name) for name in ("step_size", "gradient_samples", "hessian_noise"))
    bent = values_of(run, "hessian_signal") - trace / n
    bent_half = quantile(n, level) * values_of(run, "hessian_signal_error")
    half = quantile(_TRACE_DRAWS, level) * values_of(run, "hessian_noise_error")
    if "exact_hessian_noise" in run:
        known, own = values_of(run, "exact_hessian_noise"), values_of(run, "exact_hessian_noise_error")
        wide = np.where(own > 0, quantile(values_of(run, "exact_draws"), level) * own, 0.0)
        sampled = np.isnan(known)
        bent = np.where(sampled, bent, values_of(run, "exact_hessian_signal"))
        bent_half, half = np.where(sampled, bent_half, 0.0), np.where(sampled, half, wide)
        trace = np.where(sampled, trace, known)
    # What is said of the gradients of one example is said of this too.
    value, low, high, flags = *signal[:3], ratio_of_one[3]
    # Gradients of a metric meet the Hessian otherwise, and without batches there is no example to speak of.
    apart = np.zeros(value.shape, dtype=bool)
    if "preconditioned_lambda_max" in run:
        apart = ~np.isnan(values_of(run, "lambda_max"))
    lost = apart | (probed <= 0)
    value = np.where(lost | np.isnan(trace), np.nan, value)
    gain = (1 - float(run.attrs.get("dampening", 0.0))) / (1 - float(run.attrs.get("momentum", 0.0)))
    ratio = [np.asarray(x, dtype=np.float64) for x in (edge.value, edge.high, edge.low)]
    with np.errstate(divide="ignore", invalid="ignore"):
        # Where nothing bends no rate is too large.
        rate = [np.where(x > 0, eta * gain / x, np.where(np.isnan(x), np.nan, np.inf)) for x in ratio]
    rate = [np.where(eta * gain > 0, x, np.nan) for x in rate]
    noise = given(measured, "C_star")
    told: Any = (
        dict(flags)
        | dict(edge.flags)
        | {"other_metric": apart, "no_batch": np.full(value.shape, probed <= 0)}
    )
    told |= {} if noise is None else {name: noise[3][name] for name in _OF_NOISE if name in noise[3]}
    told.pop("unresolved", None)
    parts = [
        estimate((value, low, high), level),
        within(bent, bent_half, level),
        within(probed * trace, probed * half, level, trace=True),
        estimate(rate, level),
    ]
    return parts, told


def _where(known: NDArray[np.bool_], one: Any, other: Any) -> AnyEstimate:
    ends = [np.where(known, getattr(one, e), getattr(other, e)) for e in ("value", "low", "high")]
    return estimate(ends, one.level)
