"""What the order of the examples makes of a reading: sizes of batches, draws without replacement, epochs.

For N examples in batches of b: Tr Cov g_b = Tr Σ₁ / b for b independent draws, times (N − b)/(N − 1) for one
batch drawn without replacement, as each batch of a shuffled epoch is by itself. Over the K + 1 steps of an
epoch with K batches of B and one of r examples the mean of 1/b is (K/B + 1/r)/(K + 1).

Within an epoch the next batch of b is drawn out of the n examples not yet seen, of mean gradient μ_rem and
covariance Σ_rem:

    E ΔL / η = −μ_rem·μ + (η/2)(μ_remᵀHμ_rem + Tr HΣ_rem (n − b)/((n − 1) b)).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
EPOCHS = ("epoch", "sequential")
_TRACE_DRAWS = 8


def batch_sizes(attrs: Mapping[str, Any]) -> tuple[tuple[float, float], ...]:
    """(size, share of the steps) of the batches of a run; none where it has no batches.

    An epoch is of ``epoch_size`` draws where a sampler says so, else of all examples.
    """
    batch = float(attrs.get("batch_size") or 0)
    last, n = (float(attrs.get(name) or 0) for name in ("last_batch", "dataset_size"))
    n = float(attrs.get("epoch_size") or n)
    if not batch or not last or n < batch:
        return ((batch, 1.0),) if batch else ()
    whole = n // batch
    return (batch, whole / (whole + 1)), (last, 1 / (whole + 1))


def batch_of_steps(attrs: Mapping[str, Any]) -> float:
    """The batch size whose noise is that of the steps on average, the harmonic mean; 0 without batches."""
    sizes = batch_sizes(attrs)
    return sizes[0][0] if len(sizes) == 1 else 1 / sum(s / b for b, s in sizes) if sizes else 0.0


def replacement_factor(attrs: Mapping[str, Any]) -> float:
    """Noise of a batch of an epoch over that of as many independent draws, on average over the steps.

    1 where draws are independent, or where the number of examples is not known.
    """
    sizes, n = batch_sizes(attrs), float(attrs.get("dataset_size") or 0)
    if str(attrs.get("sampling", "")) not in EPOCHS or not sizes or n < 2:
        return 1.0
    drawn = sum(share / b * (n - b) / (n - 1) for b, share in sizes)
    return drawn * batch_of_steps(attrs)


def unseen_drift(run: xr.Dataset, measured: xr.Dataset) -> tuple[Array, Array, Array] | None:
    """E ΔL/η of the next step, given which examples of the epoch are left (the formula of this module).

    Tr HΣ_rem is taken for that of all examples, known without draws or from the probe's; its error is that of
    the interval.
    """
    if "unseen_signal" not in run:
        return None
    eta, bent, half = _curved(run, float(measured.attrs["level"]))
    factor = _values(run, "unseen_factor")
    value = -_values(run, "unseen_signal") + eta / 2 * (_values(run, "unseen_bend") + factor * bent)
    width = eta / 2 * factor * half
    return value, value - width, value + width


def reshuffling_effect(run: xr.Dataset, measured: xr.Dataset) -> tuple[Array, Array, Array] | None:
    """How far E ΔL/η of the next step lies from that of a batch of independent draws.

    Where the probe knows what is left of the epoch, the difference of the two. Elsewhere, as in a monitor,
    the most that it can be on average over an epoch, −(η/2) Tr HΣ, with an interval from there to 0.
    """
    attrs = run.attrs
    in_epochs = str(attrs.get("sampling", "")) in EPOCHS and attrs.get("batch_size")
    if "hessian_noise" not in run or not (in_epochs or "unseen_signal" in run):
        return None
    eta, bent, half = _curved(run, float(measured.attrs["level"]))
    most = -eta / 2 * bent
    bound = most, np.minimum(most, 0.0), np.maximum(most, 0.0)
    if "unseen_signal" not in run:
        return bound
    factor = _values(run, "unseen_factor")
    signal = _values(run, "whole_signal") - _values(run, "unseen_signal")
    bend = _values(run, "unseen_bend") - _values(run, "whole_bend")
    value = signal + eta / 2 * (bend + (factor - 1) * bent)
    width = eta / 2 * np.abs(factor - 1) * half
    exact, unknown = (value, value - width, value + width), np.isnan(value)
    found = [np.where(unknown, b, e) for b, e in zip(bound, exact, strict=True)]
    return found[0], found[1], found[2]


def _curved(run: xr.Dataset, level: float) -> tuple[Array, Array, Array]:
    """η, Tr HΣ of a step's batch, and the half-width of its interval."""
    # The table of quantities, which reads this module, loads nothing that runs.
    from sdesim.runs.measures.exact import quantile

    probed = float(run.attrs.get("probe_batch_size") or run.attrs.get("batch_size") or 1)
    scale = probed / (batch_of_steps(run.attrs) or probed)
    bent = _values(run, "hessian_noise")
    error = (
        _values(run, "hessian_noise_error") if "hessian_noise_error" in run else np.full_like(bent, np.nan)
    )
    half = quantile(_TRACE_DRAWS, level) * error
    if "exact_hessian_noise" in run:
        exact, spread, draws = (
            _values(run, f"exact_{name}") for name in ("hessian_noise", "hessian_noise_error", "draws")
        )
        known = ~np.isnan(exact)
        bent = np.where(known, exact, bent)
        half = np.where(known, np.where(spread > 0, quantile(draws, level) * spread, 0.0), half)
    half = half * scale
    return _values(run, "step_size"), bent * scale, half


def _values(run: xr.Dataset, name: str) -> Array:
    return np.asarray(run[name].transpose("trajectory", "probe").values, dtype=np.float64)
