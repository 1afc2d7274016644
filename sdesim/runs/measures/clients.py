"""What is measured of the clients of federated averaging: C of their changes, and C of their examples."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.estimators import consolidation_from_draws, consolidation_from_sums
from sdesim.runs.measured import Column, Mask
from sdesim.runs.measures.gradient import ratio_flags, values_of

Array = NDArray[np.float64]


def client_consolidation(run: xr.Dataset, level: float, heavy: Mask) -> dict[str, Column]:
    """C of the clients' changes in a round and of their examples, which say how far clients agree.

    C_clients: debiased C of the K changes as draws, each counting once, with the jackknife's interval.
    It grows with the local steps and has no batch to be brought to.
    C_1_merged: |ḡ|²/Tr of single gradients, merged from (n_k, ḡ_k, s_k) by `combine_moments`: that of all
    examples, from which C_1 deviates by the chance of its draws. Nothing is drawn, so there is no interval.
    C_1_client_mean: mean over clients of their own |ḡ_k|²/Tr_k, likewise; to be held against C_1_merged.
    """
    norm2, dot = values_of(run, "update_norm2"), values_of(run, "update_dot_mean")
    changes = consolidation_from_draws(norm2, dot, level)
    missing = np.asarray(np.isnan(norm2).all(axis=-1))
    each = _of_examples(values_of(run, "client_signal"), values_of(run, "client_noise"), heavy[..., None])
    mean = Column.bare(
        each.value.mean(axis=-1), {name: np.asarray(m.any(axis=-1)) for name, m in each.flags.items()}
    )
    return {
        "C_clients": Column.of(changes, ratio_flags(changes, norm2.shape[-1], missing)),
        "C_1_merged": _of_examples(values_of(run, "merged_signal"), values_of(run, "merged_noise"), heavy),
        "C_1_client_mean": mean,
    }


def _of_examples(signal: Array, noise: Array, heavy: Mask) -> Column:
    """C of all examples, of which nothing is drawn."""
    c = consolidation_from_sums(signal, noise)
    flags = {name: c.flags[name] for name in ("zero_noise", "interpolated")}
    return Column.of(c, {**flags, "heavy_tail_variance_undefined": np.broadcast_to(heavy, c.shape)})
