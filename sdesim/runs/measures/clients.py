"""What is measured of the clients of federated averaging: C of their changes, and C of their examples."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.estimators import jackknife_consolidation
from sdesim.runs.measured import Column, Mask
from sdesim.runs.measures.gradient import ratio_of_moments, values_of

Array = NDArray[np.float64]


def client_consolidation(run: xr.Dataset, level: float, heavy: Mask) -> dict[str, Column]:
    """C of the clients' changes in a round and of their examples, which say how far clients agree.

    C_clients: debiased C of the K changes as draws, each counting once, with the jackknife's interval.
    It grows with the local steps and has no batch to be brought to.
    C_1_merged: |ḡ|²/Tr of single gradients, merged from (n_k, ḡ_k, s_k) by `combine_moments`: that of all
    examples, from which C_1 deviates by the chance of its draws. Nothing is drawn, so there is no interval.
    C_1_client_mean: mean over clients of their own |ḡ_k|²/Tr_k, likewise; to be held against C_1_merged.
    """
    return {
        "C_clients": _of_changes(run, level),
        "C_1_merged": _of_examples(values_of(run, "merged_signal"), values_of(run, "merged_noise"), heavy),
        "C_1_client_mean": _client_mean(run, heavy),
    }


def _of_changes(run: xr.Dataset, level: float) -> Column:
    norm2, dot = values_of(run, "update_norm2"), values_of(run, "update_dot_mean")
    count = norm2.shape[-1]
    signal = dot.mean(axis=-1)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        made = jackknife_consolidation(norm2, dot, level)
        noise = (norm2.sum(axis=-1) - count * signal) / (count - 1)
    return ratio_of_moments(made, signal, noise, count)


def _of_examples(signal: Array, noise: Array, heavy: Mask) -> Column:
    """|ḡ|²/Tr over (trajectory, probe): ∞ without noise, NaN without either."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = signal / noise
    flags = {
        "zero_noise": (noise <= 0) & (signal > 0),
        "interpolated": (noise <= 0) & (signal <= 0),
        "heavy_tail_variance_undefined": heavy,
    }
    return Column.bare(value, flags=flags)


def _client_mean(run: xr.Dataset, heavy: Mask) -> Column:
    signal, noise = values_of(run, "client_signal"), values_of(run, "client_noise")
    each = [_of_examples(signal[..., k], noise[..., k], heavy) for k in range(signal.shape[-1])]
    flags = {name: np.any([c.flags[name] for c in each], axis=0) for name in each[0].flags}
    return Column.bare(np.mean([c.value for c in each], axis=0), flags=flags)
