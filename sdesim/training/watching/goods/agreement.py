"""Whether training and held-out examples pull the same way: cos(∇L, ∇L_held-out) at the present weights.

Each purchase draws two batches of either, whose products are free of bias (`gradient_agreement`); readings of
the last purchases are averaged. Two vectors of the length of all parameters are held meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sdesim.estimators.consolidation.agreement import gradient_agreement
from sdesim.training.watching.batches import Pair, Source
from sdesim.training.watching.goods.base import LEVEL, Sold, Visit, judged
from sdesim.training.watching.passes import Passes
from sdesim.training.watching.sums import dots

_READINGS = 64


class Agreement:
    """Sells `gradient_agreement`."""

    name, weight = "agreement", 2.0
    holds = False

    def __init__(self) -> None:
        # μ·ν, |μ|² and |ν|² of each purchase.
        self._rows: list[list[float]] = []

    def misses(self, train: Source, heldout: Source | None) -> str:
        return "" if heldout is not None else "no held-out examples"

    def ready(self, step: int) -> bool:
        return True

    def work(self) -> float:
        return 4.0

    def forget(self) -> None:
        """Nothing is held between purchases."""

    def buy(self, visit: Visit) -> Sold | None:
        """One more reading, and what they say together."""
        assert visit.heldout is not None
        passes, other = visit.passes(), visit.held_out(visit.heldout)
        size = visit.train.size
        first = visit.train.draw(2, size, visit.rng)
        second = visit.heldout.draw(2, visit.heldout.size, visit.rng)
        train, own, _ = _summed(passes, first, visit.seeds(2))
        _, alike, across = _summed(other, second, visit.seeds(2), train)
        self._rows = [*self._rows, [across / 4, own, alike]][-_READINGS:]
        across_all, train_all, held_all = zip(*self._rows, strict=True)
        found = gradient_agreement(across_all, train_all, held_all, LEVEL)
        values = {
            "gradient_agreement": found.value, "gradient_agreement_error": float(found.details["error"]),
            "gradient_agreement_count": float(found.n),
        }  # fmt: skip
        return Sold(estimates={"gradient_agreement": judged("gradient_agreement", found)}, values=values)

    def state(self) -> list[list[float]]:
        return [list(row) for row in self._rows]

    def restore(self, rows: Sequence[Sequence[float]]) -> None:
        self._rows = [list(row) for row in rows]


def _summed(
    passes: Passes, batches: Sequence[Pair], seeds: Sequence[int], along: Tensor | None = None
) -> tuple[Tensor, float, float]:
    """g + g′ of two batches, g·g′, and (g + g′)·along."""
    total, products, across = passes.vector(), [], []
    with passes.open():
        for count, ((x, y), seed) in enumerate(zip(batches, seeds, strict=True)):

            def take(k: int, g: Tensor, count: int = count) -> None:
                place = passes.places[k]
                if count:
                    products.append(dots([g], [total[place]])[0])
                if along is not None:
                    across.append(dots([g], [along[place]])[0])
                total[place].add_(g.reshape(-1))

            passes.gradient(x, y, seed, take)
    return total, _added(products), _added(across)


def _added(numbers: list[Tensor]) -> float:
    return float(torch.stack(numbers).sum()) if numbers else 0.0
