"""What readings cost and what a budget pays for: work that is counted before the start, never timed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from sdesim.errors import RunError
from sdesim.runs.exactness import FIRST_PRODUCTS, PER_PRODUCT, looks
from sdesim.runs.sizes import costly, spared_examples, streams

if TYPE_CHECKING:
    from sdesim.runs.probes import Probes

SHARE = 0.05
# Most Hessian products of an eigenvalue, and draws that meet the Hessian. A half of the examples at hand,
# which debiases the eigenvalue of some, takes so many products, and each of so many groups one.
_LANCZOS, _TRACE, _OF_HALF, _GROUPS = 40, 8, 25, 16
# One pass through a network on one thread takes as long as so many operations, however small it is: 0.14 ms
# at 30 to 60 operations a nanosecond.
_PASS = 4e6
# A backward pass through a gradient does as many operations as two gradients, and takes as long as five in
# double precision, for which the processor's cache is too small.
_TWICE = 5.0
# So many readings go before more draws to each of them.
_ENOUGH = 10
# Hessian products of a trace without sampling: twice those of its sketch, its first draws, and μᵀHμ.
_SKETCH, _DRAWS = 16, 24
EXACT_PRODUCTS = 2 * _SKETCH + _DRAWS + 1


@dataclass(frozen=True)
class Price:
    """Work of the parts of one reading, in steps of the run.

    Attributes:
        gradients: of the draws. products: of the Hessian, for λ_max and the trace of the draws.
        exact_gradients, exact_products: what readings without draws add to each; None where there are none.
        mean_gradients, mean_products: what those add whose mean gradient alone is known.
        draw: one more gradient. product: one more of the Hessian.
        progress: of measured progress.
    """

    gradients: float
    products: float
    exact_gradients: float | None = None
    exact_products: float = 0.0
    mean_gradients: float = 0.0
    mean_products: float = 0.0
    draw: float = 0.0
    product: float = 0.0
    progress: float = 0.0

    def parts(self, exact: bool | str) -> tuple[float, float]:
        """Of a reading's gradients and of its curvature: without draws, with a known "mean", or neither."""
        if exact is False or self.exact_gradients is None:
            return self.gradients, self.products
        if exact == "mean":
            return self.gradients + self.mean_gradients, self.products + self.mean_products
        return self.gradients + self.exact_gradients, self.products + self.exact_products

    def drawing(self, probes: Probes, exact: bool | str, most: int) -> Price:
        """The same where a precision may ask for so many draws, and for the products that go with them."""
        more = max(0, most - probes.samples)
        bends = 0
        if exact != "mean" and probes.wants("curvature"):
            # Beside them those of the mean, once more where more was drawn after them.
            bends = max(FIRST_PRODUCTS, most // PER_PRODUCT) + 2
        return replace(
            self, gradients=self.gradients + more * self.draw, products=self.products + bends * self.product
        )


class Unpaid(RunError):
    """A budget that pays for no reading, or not for those asked for.

    Attributes:
        at_field: the same for a line that names the field: found and allowed.
    """

    def __init__(self, message: str, at_field: str) -> None:
        super().__init__(message)
        self.at_field = at_field


@dataclass(frozen=True)
class Sizes:
    """What the price of a reading in training follows from.

    Attributes:
        operations: floating-point operations of loss and gradient, per example.
        dense: whether the network is of plain layers under a plain loss.
        examples: N. dim: d.
        batch_size: of a minibatch, None for full batch. probed_batch: of the probed gradients.
        preconditioned: whether the optimizer scales coordinates unequally.
        minibatches: of a step. examples_probed: those that clients hold and each probe goes through.
        exact: whether readings without draws are possible.
        batches: of which the objective is a mean.
        whole: whether eigenvalues can only be those of all examples.
    """

    operations: float
    dense: bool
    examples: int
    dim: int
    batch_size: int | None
    probed_batch: int
    preconditioned: bool
    minibatches: int = 1
    examples_probed: int = 0
    exact: bool = False
    batches: int = 1
    whole: bool = False

    @property
    def costly(self) -> bool:
        """Whether Hessian products are spared."""
        return costly(self.examples, self.dim, self.dense, self.batches)

    def eigenvalue_examples(self, probes: Probes) -> int:
        """Of how many examples eigenvalues are read."""
        if self.whole:
            return self.examples
        if probes.eigenvalue_examples is not None:
            return min(self.examples, probes.eigenvalue_examples)
        return spared_examples(self.examples) if self.costly else self.examples


def training_price(probes: Probes, sizes: Sizes, largest: float) -> Price:
    """What the parts of a reading in training cost, in optimizer steps.

    A minibatch costs O + B f and a probe n(O + B′f) for its gradients (half of O in networks of plain
    layers; twice as much where they are too many to be held), O + f for each example that clients hold, and
    a Hessian product O + 5Nf, with f operations per example and O for each pass. Of products there are at
    most 40 for an eigenvalue, which may be of some examples and their halves, one for μᵀHμ, and eight for Tr
    HΣ, which together are one where products are spared (`runs.sizes`). Without draws there are N example
    gradients beside and 57 products, 22 where they are spared. Following a tangent vector, which goes along
    with every step, is not counted.

    Each branch of measured progress makes one step and reads the objective twice on some four batches, a
    third of a pass each.

    Args:
        largest: most numbers N·d of example gradients that are read where nobody asks for them.
    """
    f, n = sizes.operations, sizes.examples
    step = sizes.minibatches * (_PASS + (sizes.batch_size or n) * f)
    once = _PASS / 2 if sizes.dense else _PASS
    drawn = probes.samples * (once + sizes.probed_batch * f) + sizes.examples_probed * (once + f)
    streamed = streams(sizes.dim, probes.samples)
    drawn *= 2 if streamed else 1
    spared = sizes.costly or streamed

    def product(examples: float, passes: float = sizes.batches) -> float:
        return passes * _PASS + _TWICE * examples * f

    # So many products, each by a share of the examples, where they are spared.
    def shared(count: int) -> float:
        return product(n, max(count, sizes.batches)) if spared else count * product(n)

    held = sizes.eigenvalue_examples(probes)
    most = _LANCZOS if spared else min(_LANCZOS, sizes.dim)
    products = most * product(held) + product(n) + shared(_TRACE)
    if held < n:
        products += 2 * _OF_HALF * product(held / 2) + _GROUPS * product(held / _GROUPS)
    products += most * product(n) if sizes.preconditioned else 0.0
    whole = (sizes.dim * n <= largest or probes.exact is True) and probes.exact != "mean"
    trace = _SKETCH * product(n) + (_SKETCH + _DRAWS) / _TRACE * shared(_TRACE) + product(n)
    return Price(
        gradients=drawn / step,
        products=products / step,
        exact_gradients=(once + n * f) / step if sizes.exact and not streamed else None,
        exact_products=(trace if whole else probes.samples * product(n)) / step,
        mean_gradients=(once + n * f) / step,
        mean_products=probes.samples * product(n) / step,
        draw=(once + sizes.probed_batch * f) / step,
        product=product(n) / step,
        progress=probes.branches * (1 + 2 * 4 / 3),
    )


def paid_for(probes: Probes, price: Price, steps: int, share: float | None = None) -> Probes:
    """The probes with what their budget pays for: an interval where none is given, and exact or not.

    Of the budget half goes to gradients and half to Hessians, all of it where only one is asked for; measured
    progress has as much of its own. Where an interval is given, all readings must be paid for.

    Args:
        steps: of the run, the unit of the price.
        share: the budget where the probes have none, which pays for step 0 at least; None: no limit then.

    Raises:
        Unpaid: the probes' own budget pays for no reading, or not for those asked for.
    """
    budget = share if probes.budget is None else probes.budget
    able = price.exact_gradients is not None and probes.exact is not False
    if budget is None:
        return probes
    ways = _ways(probes, able)
    for exact in ways:
        for most in _most(probes, exact, price):
            drawing = price if most is None else price.drawing(probes, exact, most)
            if probes.every is not None:
                chosen = probes
                fits = _total(probes, drawing, steps, exact) <= budget * steps
            else:
                chosen, fits = _spread_out(probes, drawing, steps, budget, exact)
                # Beyond that many, readings may rather be more precise.
                enough = most in (None, probes.samples) or len(chosen.probe_steps(steps)) >= _ENOUGH
                fits = fits and enough
            last = exact == ways[-1] and most in (None, probes.samples)
            if fits or (probes.budget is None and last):
                kept = chosen if exact is True or not able else replace(chosen, exact=exact)
                kept = kept if most is None else replace(kept, most_samples=most)
                return _with_progress(kept, price, steps, budget)
    raise _refusal(probes, price, steps, budget, ways[-1])


def _ways(probes: Probes, able: bool) -> list[bool | Literal["mean"]]:
    """How readings may be made, best first: without draws, with a known mean, from draws."""
    if not able:
        return [False]
    if probes.exact is True:
        return [True]
    if probes.precision is None:
        return ["mean" if probes.exact == "mean" else True, False]
    return ["mean", False] if probes.exact == "mean" else [True, "mean", False]


def _most(probes: Probes, exact: bool | str, price: Price) -> list[int | None]:
    """Draws that a precision may ask for, most first; None where it asks for none."""
    if probes.precision is None or exact is True or not price.draw:
        return [None]
    return list(reversed(looks(probes.samples, probes.most)))


def _total(probes: Probes, price: Price, steps: int, exact: bool | str) -> float:
    """Work of all readings whose interval is given."""
    gradients, products = price.parts(exact)
    count = len(probes.probe_steps(steps))
    return count * gradients + sum(probes.bends(k, count) for k in range(count)) * products


def _spread_out(
    probes: Probes, price: Price, steps: int, budget: float, exact: bool | str
) -> tuple[Probes, bool]:
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


def _refusal(probes: Probes, price: Price, steps: int, budget: float, exact: bool | str) -> Unpaid:
    if probes.every is not None:
        least, count = _total(probes, price, steps, exact) / steps, len(probes.probe_steps(steps))
        readings = f"{count} readings"
        return Unpaid(
            f"probes: budget {budget:g} does not pay for {readings}, which cost {least:.2g} of the work: "
            "raise it or every, or leave it out",
            _at_field(budget, least, readings, "raise every, or leave budget out"),
        )
    gradients, products = price.parts(exact)
    one = gradients + (products if probes.wants("curvature") else 0.0)
    return Unpaid(
        f"probes: budget {budget:g} pays for no reading, which costs as much as {one:.3g} of the {steps} "
        "steps: raise it, or give every and no budget",
        _at_field(budget, one / steps, "one reading", "give every and no budget"),
    )


def _at_field(budget: float, least: float, what: str, instead: str) -> str:
    found = f"found {budget:g}, allowed"
    if least > 1:
        return f"{found}: none, for {what} would cost {least:.2g} of the work: {instead}"
    # Rounded upwards, so that what is said to be allowed is.
    digits = 1 - math.floor(math.log10(least))
    enough = min(1.0, math.ceil(least * 10**digits) / 10**digits)
    return f"{found}: at least {enough:g} of the work, for {what}, or leave it out"


def priced(probes: Probes, price: Price) -> dict[str, Any]:
    """Attributes of a run: what one reading costs, in steps, and the budget."""
    gradients, products = price.parts(probes.exact if probes.exact in (False, "mean") else True)
    found: dict[str, Any] = {"probe_price": gradients, "probe_curvature_price": products}
    return found | ({} if probes.budget is None else {"probe_budget": probes.budget})
