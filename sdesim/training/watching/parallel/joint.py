"""One step of data parallelism, from what each rank read of it.

Rank r's hooks see what its backward passes add, c_rj with Σ_j c_rj = g_r, and the optimizer is given g = Σ_r
g_r/R. So the parts of g are c_rj/R: Σ|c|² = Σ_rj |c_rj|²/R², and with weights w_rj that add up to 1 on each
rank Σ w² = Σ_rj W_r² w_rj², where ranks weigh W_r: 1/R, but where the training divides by what all ranks
have together (tokens). That the gradient is this mean is not taken for granted: a few numbers of each
parameter's gradient, of every rank and of the step, tell it, and tell the factor that clipping left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.training.watching.step_reader import StepRead

Array = NDArray[np.float64]
# Numbers of the gradients of ranks add up to that of the step to this share: exactly, and where they were
# rounded on their way.
_EXACT, _ROUNDED = 1e-4, 1e-2


@dataclass(frozen=True, eq=False)
class RankRead:
    """What one rank read of a step.

    Attributes:
        why: nothing was read, "" if something was; the rest then says nothing.
        squares: Σ_j |c_rj|², unscaled, with overlap: Σ_j w_rj². weight: of this rank's whole beside others,
            NaN where each weighs the same. passes, batch, flags: as in `StepRead`.
        scale: of a `GradScaler`. share: of the ranks' sum that is |g|² of what the optimizer is given.
        product: the same of that times the step before, NaN where that was not held.
        own, given: sampled numbers (m,) of g_r, and of what the optimizer is given, NaN where another rank
            holds it. weights: the sum of squares of the same numbers of the parameters; NaN where others
            hold some.
        layers: layer → (its share, its Σ_j |c_rj|²).
    """

    why: str = ""
    squares: float = math.nan
    overlap: float = 1.0
    passes: int = 0
    batch: int | None = None
    flags: tuple[str, ...] = ()
    weight: float = math.nan
    scale: float = 1.0
    share: float = 0.0
    product: float = math.nan
    own: Array = field(default_factory=lambda: np.zeros(0))
    given: Array = field(default_factory=lambda: np.zeros(0))
    weights: float = math.nan
    layers: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class JointRead:
    """What the ranks read together: the step, and the factor from what the optimizer is given to g."""

    read: StepRead
    factor: float


def joint(ranks: Sequence[RankRead | None], ends: Sequence[int]) -> JointRead | str:
    """One step of all ranks, or why it is not read.

    Args:
        ranks: what each read, None of one that was not heard of. ends: of each parameter's sampled numbers.
    """
    for number, rank in enumerate(ranks):
        if rank is None:
            return f"rank {number} was not heard of"
        if rank.why:
            return f"rank {number}: {rank.why}"
    heard = [rank for rank in ranks if rank is not None]
    count = len(heard)
    own = np.stack([rank.own for rank in heard])
    given = np.stack([rank.given for rank in heard])
    if not (np.isfinite(own).all() and not np.isinf(given).any()):
        return "the gradient is not finite"
    if len({rank.scale for rank in heard}) > 1:
        return "ranks scale their losses differently"
    norms = [rank.weights for rank in heard if not math.isnan(rank.weights)]
    if norms and max(norms) - min(norms) > _EXACT * max(norms):
        return "ranks have different weights"
    if why := _same_batches(own):
        return why
    found = _factor(own, given, ends)
    if isinstance(found, str):
        return found
    c, rounded = found
    scale = heard[0].scale
    near = _ROUNDED if rounded else _EXACT
    # As it is, or free of the scale; the mean over ranks or, in loops of one's own, their sum.
    kinds = [(u, u * s) for u in (1.0, float(count)) for s in (1.0, 1.0 / scale)]
    unit, exact = next(((u, x) for u, x in kinds if abs(c - x) <= near * x), (1.0, math.nan))
    clipped = math.isnan(exact)
    if clipped and c > 1.0:
        return "gradients were changed between the backward pass and the step"
    factor = unit / (scale * (c if clipped else exact))
    batches = [rank.batch for rank in heard]
    known = [n for n in batches if n is not None]
    flags = [flag for rank in heard for flag in rank.flags]
    unequal = len(set(batches)) > 1 and any(math.isnan(rank.weight) for rank in heard)
    flags += ["ranks_unequal"] * unequal + ["ranks_rounded"] * rounded
    told = [rank.weight for rank in heard]
    weights = [w / sum(told) for w in told] if sum(told) > 0.0 else [1.0 / count] * count
    share, squares = factor**2, (unit / count) ** 2
    layers: dict[str, tuple[float, float]] = {}
    for rank in heard:
        for name, (whole, parts) in rank.layers.items():
            a, b = layers.get(name, (0.0, 0.0))
            layers[name] = a + share * whole, b + squares * parts
    read = StepRead(
        whole=share * sum(rank.share for rank in heard),
        squares=squares * sum(rank.squares for rank in heard),
        overlap=sum(w * w * rank.overlap for w, rank in zip(weights, heard, strict=True)),
        passes=max(rank.passes for rank in heard),
        batch=sum(known) if len(known) == count else None,
        after=math.nan if clipped else factor * sum(rank.product for rank in heard),
        drag=math.nan,
        clipped=clipped,
        flags=tuple(dict.fromkeys(flags)),
        groups=layers,
    )
    if count == 1 and read.overlap == 1.0:
        return "one rank's one batch has no parts"
    if not (math.isfinite(read.whole) and math.isfinite(read.squares)):
        return "the gradient is not finite"
    return JointRead(read, factor)


def _same_batches(own: Array) -> str:
    """Why ranks are not independent: two have the very same gradient."""
    seen: dict[bytes, int] = {}
    for number, row in enumerate(own):
        other = seen.setdefault(row.tobytes(), number)
        if other != number and row.any():
            return f"ranks {other} and {number} have the same gradient: they were given the same examples"
    return ""


def _factor(own: Array, given: Array, ends: Sequence[int]) -> tuple[float, bool] | str:
    """Of what the optimizer is given to the mean over ranks, and whether that was rounded on its way."""
    mean = own.mean(axis=0)
    held = ~np.isnan(given)
    if not held.any(axis=0).all():
        return "parts of the gradient are held by no rank"
    first = given[held.argmax(axis=0), np.arange(given.shape[1])]
    squared = float(mean @ mean)
    if squared == 0.0:
        return "the gradient is 0 wherever it was looked at"
    c = float(mean @ first) / squared
    if not c > 0.0:
        return "the gradient of the step is not the mean of the ranks' gradients"
    gap = np.nanmax(np.abs(given - c * mean), axis=0)
    size = c * (np.abs(mean) + np.sqrt((own**2).sum(axis=0)) / len(own))
    starts = [0, *ends[:-1]]
    shares = [
        float(np.linalg.norm(gap[a:b])) / max(float(np.linalg.norm(size[a:b])), 1e-300)
        for a, b in zip(starts, ends, strict=True)
        if gap[a:b].any()
    ]
    worst = max(shares, default=0.0)
    if worst <= _ROUNDED:
        return c, worst > _EXACT
    if held.all() and all(_along(row, mine) for row, mine in zip(given, own, strict=True)):
        return "each rank steps along its own gradient: nothing is shared between them"
    return "the gradient of the step is not the mean of the ranks' gradients"


def _along(a: Array, b: Array) -> bool:
    scale: Any = np.linalg.norm(a) * np.linalg.norm(b)
    return bool(float(a @ b) >= (1.0 - _EXACT) * scale)
