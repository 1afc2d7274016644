"""Steps −η g that a probe makes and takes back: what they do to the gradient, and to the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sdesim.estimators.dynamics.progress import mean_change

if TYPE_CHECKING:
    from sdesim.runs.probing import GradientOracle

Array = NDArray[np.float64]


def virtual_steps(
    oracle: GradientOracle, theta: Array, draws: Array, step_size: float, rng: np.random.Generator, loss: bool
) -> dict[str, Array | float]:
    """`virtual_drop`, the mean of g·(h(θ) − h(θ − ηg)) with h of one batch independent of g at both ends.

    Args:
        draws: gradients g (m, d) at theta (d,). loss: also `progress`, the mean of L(θ − ηg) − L(θ).
    """
    drops, changes = np.empty(len(draws)), np.empty(len(draws))
    before = oracle.loss(theta) if loss else 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for k, g in enumerate(draws):
            seed, there = int(rng.integers(2**63)), theta - step_size * g
            # The same numbers twice give the same batch at both ends.
            here, after = (
                oracle.gradients(at, 1, np.random.Generator(np.random.Philox(seed)))[0]
                for at in (theta, there)
            )
            drops[k] = g @ (here - after)
            changes[k] = oracle.loss(there) - before if loss else np.nan
    found: dict[str, Array | float] = {"progress_count": float(len(draws))}
    for name, numbers in (("virtual_drop", drops), *((("progress", changes),) if loss else ())):
        made = mean_change(np.where(np.isfinite(numbers), numbers, np.nan))
        found |= {name: made.value, f"{name}_error": float(made.details["error"])}
    return found

