"""Steps −η g that a probe makes and takes back: what they do to the gradient, and to the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sdesim.estimators.dynamics.progress import mean_change
from sdesim.io.threads import single_blas_thread
from sdesim.runs.probes import probe_rng

if TYPE_CHECKING:
    from sdesim.runs.probing import GradientOracle

Array = NDArray[np.float64]
_STREAM = 0x56495254


def virtual_steps(
    oracle: GradientOracle, theta: Array, branches: int, *, step_size: float, seed: tuple[int, int, int],
    loss: bool = False, trained: NDArray[np.bool_] | None = None,
) -> dict[str, float]:  # fmt: skip
    """`virtual_drop`, the mean of g·(h(θ) − h(θ − ηg)) with h of one batch independent of g at both ends.

    Args:
        theta: (d,). branches: independent steps. step_size: η. seed: of the run, trajectory, step.
        loss: also `progress`, the mean of L(θ − ηg) − L(θ).
        trained: which coordinates move (d,); None: all.
    """
    rng = probe_rng(seed[0] ^ _STREAM, seed[1], seed[2])
    drops, changes = np.empty(branches), np.empty(branches)
    with single_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
        before = oracle.loss(theta) if loss else 0.0
        draws = oracle.gradients(theta, branches, rng)
        if trained is not None:
            draws[:, ~trained] = 0.0
        for k, g in enumerate(draws):
            number, there = int(rng.integers(2**63)), theta - step_size * g
            # The same numbers twice give the same batch at both ends.
            here, after = (
                oracle.gradients(at, 1, np.random.Generator(np.random.Philox(number)))[0]
                for at in (theta, there)
            )
            drops[k] = g @ (here - after)
            changes[k] = oracle.loss(there) - before if loss else 0.0
    found = {"progress_count": float(branches)}
    for name, numbers in (("virtual_drop", drops), *((("progress", changes),) if loss else ())):
        made = mean_change(np.where(np.isfinite(numbers), numbers, np.nan))
        found |= {name: made.value, f"{name}_error": float(made.details["error"])}
    return found
