"""A probe of what an optimizer's step does, where that step is linear in the gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from sdesim.estimators.consolidation.linear_step import change_of_step, process_of_step

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearStep:
    """The step u = u₀ − A g of an optimizer as it stands, coordinate by coordinate, each (d,).

    Attributes:
        now: A. start: u₀.
        whole: Ā, the way that a gradient takes θ over all later steps.
        pull: z, what weight decay adds to Āg.
        damping: q = (1 − β)/(1 + β) of momentum β, with look-ahead (1 − β)(1 + 2β)/(1 + β).
        lookahead: β where the step looks ahead, else 0.
        share: the largest share of P² that the square of the next gradient makes up; 0 where P is a number.
    """

    now: Array
    start: Array
    whole: Array
    pull: Array
    damping: Array
    lookahead: Array
    share: float

    def among(self, mask: NDArray[np.bool_]) -> LinearStep:
        """The same of the coordinates that are true in mask alone."""
        kept = {f.name: getattr(self, f.name)[mask] for f in fields(self) if f.name != "share"}
        return LinearStep(**kept, share=self.share)


def step_part(
    product: Callable[[Array], Array], draws: Array, step: LinearStep, products: Array, bends: Array,
    bend: Callable[[Array], Array],
) -> dict[str, float]:  # fmt: skip
    """The variables of the schema that say what the step does.

    Args:
        product: v (d,) → Hv. draws: g (n, d).
        products: deviations g − ḡ (m, d) of some draws; bends: H of each (m, d).
        bend: H of each row, (m, d) → (m, d), as it made the bends.
    """
    mean = draws.mean(axis=0)
    scaled, spreads = _scaled(bend, step.whole, products, bends)
    d, root = step.whole * mean + step.pull, np.sqrt(step.damping)
    bent = product(d)
    even = step.damping.size and bool((step.damping == step.damping[0]).all())
    damped = float(step.damping[0] * (d @ bent)) if even else float((root * d) @ product(root * d))
    process = process_of_step(
        draws, step.whole, step.pull, step.damping, step.lookahead, bent, damped, scaled, spreads
    )
    if not np.array_equal(step.now, step.whole):
        scaled, spreads = _scaled(bend, step.now, products, bends, step.whole, (scaled, spreads))
    u = step.start - step.now * mean
    ahead = -bent if np.array_equal(u, -d) else product(u)
    change, spread = change_of_step(draws, step.now, step.start, ahead, scaled, spreads)
    return {
        "process_ratio": process.ratio.value, "process_ratio_error": process.ratio.error,
        "process_gap_error": process.gap.error, "process_bend": process.bend,
        "process_spread": process.spread.value, "process_spread_error": process.spread.error,
        "step_change": change.value, "step_change_error": change.error,
        "step_spread": spread.value, "step_spread_error": spread.error,
        "preconditioner_share": step.share,
    }  # fmt: skip


def _scaled(
    bend: Callable[[Array], Array], scale: Array, products: Array, bends: Array,
    of: Array | None = None, known: tuple[Array, Array] | None = None,
) -> tuple[Array, Array]:  # fmt: skip
    """Deviations scaled by A, and H of each: those already known where A is a multiple of what they hold."""
    factor = multiple_of(scale, np.ones(len(scale)))
    if factor is not None:
        return factor * products, factor * bends
    factor = None if of is None else multiple_of(scale, of)
    if factor is not None and known is not None:
        return factor * known[0], factor * known[1]
    scaled = products * scale
    return scaled, bend(scaled)


def multiple_of(a: Array, b: Array) -> float | None:
    """The number c with a = c b up to rounding, None where there is none."""
    most = int(np.argmax(np.abs(b)))
    factor = float(a[most] / b[most]) if b[most] else 0.0
    return factor if np.allclose(a, factor * b, rtol=1e-9, atol=0.0) else None
