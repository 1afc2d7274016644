"""What readings cost and what a budget pays for: work that is counted before the start, never timed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sdesim.errors import RunError

if TYPE_CHECKING:
    from sdesim.runs.probes import Probes

SHARE = 0.05
# Hessian products of a trace without sampling: twice those of its sketch, its first draws, and μᵀHμ.
EXACT_PRODUCTS = 2 * 16 + 24 + 1


@dataclass(frozen=True)
class Price:
    """Work of the parts of one reading, in steps of the run.

    Attributes:
        gradients: of the draws. products: of the Hessian, for λ_max and the trace of the draws.
        exact_gradients, exact_products: what readings without draws add to each; None where there are none.
        progress: of measured progress.
    """

    gradients: float
    products: float
    exact_gradients: float | None = None
    exact_products: float = 0.0
    progress: float = 0.0

    def parts(self, exact: bool) -> tuple[float, float]:
        """Of a reading's gradients and of its curvature."""
        if not exact or self.exact_gradients is None:
            return self.gradients, self.products
        return self.gradients + self.exact_gradients, self.products + self.exact_products


def paid_for(probes: Probes, price: Price, steps: int, share: float | None = None) -> Probes:
    """The probes with what their budget pays for: an interval where none is given, and exact or not.

    Of the budget half goes to gradients and half to Hessians, all of it where only one is asked for; measured
    progress has as much of its own. Where an interval is given, all readings must be paid for.

    Args:
        steps: of the run, the unit of the price.
        share: the budget where the probes have none, which pays for step 0 at least; None: no limit then.

    Raises:
        RunError: the probes' own budget pays for no reading, or not for those asked for.
    """
    budget = share if probes.budget is None else probes.budget
    able = price.exact_gradients is not None and probes.exact is not False
    if budget is None:
        return probes
    # A precision is one of readings without draws.
    needed = probes.exact is True or probes.precision is not None
    ways = [True] if needed and able else [True, False] if able else [False]
    for exact in ways:
        if probes.every is not None:
            chosen = probes
            fits = _total(probes, price, steps, exact) <= budget * steps
        else:
            chosen, fits = _spread_out(probes, price, steps, budget, exact)
        if fits or (probes.budget is None and exact == ways[-1]):
            kept = chosen if exact or not able else replace(chosen, exact=False)
            return _with_progress(kept, price, steps, budget)
    raise RunError(_refusal(probes, price, steps, budget, ways[-1]))


def _total(probes: Probes, price: Price, steps: int, exact: bool) -> float:
    """Work of all readings whose interval is given."""
    gradients, products = price.parts(exact)
    count = len(probes.probe_steps(steps))
    return count * gradients + sum(probes.bends(k, count) for k in range(count)) * products


def _spread_out(probes: Probes, price: Price, steps: int, budget: float, exact: bool) -> tuple[Probes, bool]:
    """As many readings as the budget pays for, and whether that is one at least."""
    gradients, products = price.parts(exact)
    work = budget * steps
    if not probes.wants("curvature"):
        return replace(probes, every=_spread(work / gradients, steps)), gradients <= work
    if probes.curvature_every is not None:
        each = gradients + products / probes.curvature_every
        return replace(probes, every=_spread(work / each, steps)), gradients + products <= work
    # Hessians can't be taken where there is no probe, so gradients are at least as frequent.
    bent = work / 2 / products
    every = _spread(max(bent, work / 2 / gradients), steps)
    count = steps // every + 1
    # The last probe takes the Hessian too, which leaves one less for the way there.
    apart = math.ceil(count / (math.floor(bent) - 1)) if bent >= 2 else count
    return replace(probes, every=every, curvature_every=apart), gradients + products <= work


def _spread(count: float, steps: int) -> int:
    """Interval of so many probes from step 0 on; beyond the last step where one is all."""
    return steps + 1 if count < 2 else steps // math.floor(count) + 1


def _with_progress(probes: Probes, price: Price, steps: int, budget: float) -> Probes:
    if probes.progress_every is not None or probes.every is None or not price.progress:
        return probes
    count = steps // probes.every + 1
    return replace(probes, progress_every=max(1, math.ceil(count * price.progress / (budget * steps))))


def _refusal(probes: Probes, price: Price, steps: int, budget: float, exact: bool) -> str:
    if probes.every is not None:
        total = _total(probes, price, steps, exact)
        count = len(probes.probe_steps(steps))
        return (
            f"probes: budget {budget:g} does not pay for {count} readings, which cost {total / steps:.2g} of "
            "the work: raise it or every, or leave it out"
        )
    gradients, products = price.parts(exact)
    one = gradients + (products if probes.wants("curvature") else 0.0)
    return (
        f"probes: budget {budget:g} pays for no reading, which costs as much as {one:.3g} of the {steps} "
        "steps: raise it, or give every and no budget"
    )


def priced(probes: Probes, price: Price) -> dict[str, Any]:
    """Attributes of a run: what one reading costs, in steps, and the budget."""
    gradients, products = price.parts(probes.exact is not False)
    found: dict[str, Any] = {"probe_price": gradients, "probe_curvature_price": products}
    return found | ({} if probes.budget is None else {"probe_budget": probes.budget})
