"""Whether trajectory k of one arm belongs to trajectory k of the other, by how the runs were made.

Arms are paired where their trajectories k share what differs between the trajectories of each: the point they
begin at, or the random numbers they are driven by. Then what they share cancels in the difference of a pair,
and intervals and tests are those of n differences. It is known before anything has happened in the runs, and
never chosen by which interval came out shorter. Arms that all begin at one point share nothing by that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STARTS, ORDER, NUMBERS = "same starts", "same order of the data", "same random numbers"
# Share of a start within which it is the same: a network in float32, its surface in float64.
_SAME = 1e-5
# What decides which examples a recorded step takes, and which numbers drive a simulated one.
_ORDER = ("seed", "sampling", "batch_size", "dataset_size")
_NUMBERS = ("seed", "dt", "steps", "noise")


def shared(simulated: Any, real: Any) -> tuple[str, ...]:
    """What trajectories k of two runs share that differs between the trajectories of each; empty where
    nothing pairs them."""
    if simulated.sizes.get("trajectory") != real.sizes.get("trajectory"):
        return ()
    found = [STARTS] if _same_starts(simulated, real) else []
    kinds = {str(run.attrs.get("kind")) for run in (simulated, real)}
    if kinds == {"real"} and simulated.attrs.get("batch_size") and _alike(simulated, real, _ORDER):
        found.append(ORDER)
    if kinds == {"simulated"} and simulated.attrs.get("noise") and _alike(simulated, real, _NUMBERS):
        found.append(NUMBERS)
    return tuple(found)


def _alike(a: Any, b: Any, names: tuple[str, ...]) -> bool:
    return all(n in a.attrs and n in b.attrs and _equal(a.attrs[n], b.attrs[n]) for n in names)


def _equal(x: Any, y: Any) -> bool:
    return bool(np.array_equal(np.atleast_1d(np.asarray(x)), np.atleast_1d(np.asarray(y))))


def _same_starts(simulated: Any, real: Any) -> bool:
    """Whether trajectories k begin at one point, and different ones at different points."""
    for names in (("theta",), ("theta_projection", "weight_norm"), ("theta_projection",)):
        a, b = _starts(simulated, names), _starts(real, names)
        if a is None or b is None or a.shape != b.shape:
            continue
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            return False
        size = float(np.abs(b).max())
        return bool(np.abs(a - b).max() <= _SAME * size and np.abs(b - b[0]).max() > 10 * _SAME * size)
    return False


def _starts(run: Any, names: tuple[str, ...]) -> Array | None:
    """Values at step 0 (trajectory, numbers); None if they are not held."""
    if "step" not in run.coords or not run.sizes.get("step") or int(run["step"].values[0]) != 0:
        return None
    if not all(n in run and {"trajectory", "step"} <= set(run[n].dims) for n in names):
        return None
    parts = [np.asarray(run[n].isel(step=0).transpose("trajectory", ...).values) for n in names]
    return np.concatenate([p.reshape(len(p), -1) for p in parts], axis=1).astype(np.float64)
