"""Steps −η g that a probe makes and takes back: what they do to the gradient, and to the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from sdesim.compiled.streams import VIRTUAL
from sdesim.estimators.dynamics.progress import mean_change
from sdesim.io.threads import single_blas_thread
from sdesim.runs.probes import probe_rng

if TYPE_CHECKING:
    from sdesim.runs.probing import GradientOracle

Array = NDArray[np.float64]
# Steps to a mean, half of them with the other sign of the noise; fewest and most means; half-widths wanted
# between 0 and theirs.
_SPREAD, _MEANS, _MOST_MEANS, _APART = 32, 8, 64, 1.5


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
    rng = probe_rng(seed[0] ^ VIRTUAL, seed[1], seed[2])
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


def weighted_progress(
    oracle: Any, theta: Array, branches: int, *, step_size: float, seed: tuple[int, int, int]
) -> dict[str, float]:  # fmt: skip
    """`progress`, E L(θ − ηg) − L(θ), where g has no variance; nothing where the oracle knows no way.

    As many means as branches, each of some steps that are spread evenly over the law of g with the weights of
    importance sampling, and after that as many more as the spread of these asks for, where 0 lies within it.

    Args:
        theta: (d,). branches: means at first. step_size: η. seed: of the run, trajectory, step.
    """
    rng = probe_rng(seed[0] ^ VIRTUAL, seed[1], seed[2])
    means: list[float] = []
    with single_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
        before = oracle.loss(theta)

        def go_on(count: int) -> bool:
            while len(means) < count:
                drawn = oracle.weighted_gradients(theta, _SPREAD, rng)
                if drawn is None:
                    return False
                changes = np.array([oracle.loss(theta - step_size * g) for g in drawn[0]]) - before
                means.append(float(drawn[1] @ changes) / _SPREAD)
            return True

        if not go_on(max(branches, _MEANS)):
            return {}
        half = float(stdtrit(len(means) - 1, 0.975)) * float(np.std(means, ddof=1)) / np.sqrt(len(means))
        gap = abs(float(np.mean(means)))
        if half >= gap > 0:
            go_on(int(min(_MOST_MEANS, len(means) * (_APART * half / gap) ** 2)))
    made = mean_change(np.where(np.isfinite(means), means, np.nan))
    return {
        "progress": made.value, "progress_error": float(made.details["error"]),
        "progress_count": float(len(means)),
    }  # fmt: skip
