"""What readings of a live training may cost by the clock, and what the next one will cost."""

from __future__ import annotations

import math

from sdesim.runs.price import EXACT_PRODUCTS

# A reading's kind: whether it takes the Hessian, and whether it does without draws.
Kind = tuple[bool, bool]
# Of a step, a Hessian product takes so many for as many examples: a forward and three backward passes.
_PRODUCT = 2.5
# The objective is read forwards alone.
_FORWARD = 1 / 3
# Products of Lanczos where gradients are held and where they are streamed, and those of μᵀHμ and Tr HΣ.
_LANCZOS, _RESTARTED, _TRACE = 40, 12, 9


def counted_passes(
    samples: int, parts: float, *, curvature: bool, streamed: bool, preconditioned: bool, subsampled: bool,
    exact: bool = False,
) -> float:  # fmt: skip
    """Training steps' worth of work in one reading.

    Args:
        samples: gradients n. parts: examples of the objective over the batch size.
        curvature: whether the Hessian is taken. streamed: in two passes over the gradients.
        preconditioned: λ_max in the optimizer's metric too. subsampled: halves of the examples are compared.
        exact: the gradients of all examples too, and the products of a trace without draws.
    """
    work = samples * (2 if streamed else 1) + _FORWARD * parts
    if curvature:
        lanczos = _RESTARTED if streamed else _LANCZOS
        # Streamed, eight draws meet a share of the examples each. Halves take some 25 products of a half.
        products = lanczos * (2 if preconditioned else 1) + (2 if streamed else _TRACE) + 27 * subsampled
        work += _PRODUCT * parts * (products + EXACT_PRODUCTS * exact)
    return work + parts * exact


class Purse:
    """Keeps readings to a share of the time, at prices that are known before they are taken.

    A price is that of the last reading of its kind; before there was one, a timed training step times the
    counted work, put right by what readings of the other kind cost against their own count.

    Args:
        share: of the time since the first step that readings may take; None: any.
        lent: seconds that may be spent as if they had passed, at the beginning.
    """

    def __init__(self, share: float | None, lent: float = 0.0) -> None:
        self.share, self._lent = share, lent
        self._step: float | None = None
        self._paid: dict[Kind, float] = {}
        self._factor = 1.0

    def stepped(self, seconds: float) -> None:
        """A training step took so long; the shortest counts, for others may have waited."""
        self._step = seconds if self._step is None else min(self._step, seconds)

    def paid(self, kind: Kind, seconds: float, work: float) -> None:
        """A reading of a kind was taken."""
        self._paid[kind] = seconds
        if self._step and work > 0:
            self._factor = seconds / (self._step * work)

    def price(self, kind: Kind, work: float) -> float:
        """Seconds of the next reading; NaN where no step was timed yet."""
        if kind in self._paid:
            return self._paid[kind]
        return math.nan if self._step is None else self._step * work * self._factor

    def waits(self, price: float, spent: float) -> float:
        """Seconds that have to have passed for a reading at this price to keep the share."""
        return 0.0 if self.share is None else (spent + price) / self.share - price

    def affords(self, price: float, spent: float, elapsed: float) -> bool:
        """Whether a reading at this price keeps the share, of all time with it; NaN is no price."""
        return self.share is None or spent + price <= self.share * (elapsed + price)

    def lends(self, price: float, spent: float) -> bool:
        """Whether a reading at this price is paid for by what is lent."""
        return self.affords(price, spent, self._lent)
