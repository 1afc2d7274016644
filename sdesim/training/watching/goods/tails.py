"""Tails of the gradient noise: gradients of independent batches at one weight, along fixed random directions.

All draws are of one moment, for a mixture of scales looks heavy-tailed; gradients are projected one after the
other, so that none is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sdesim.estimators import effective_dimension, tail_index
from sdesim.runs import projection_directions
from sdesim.training.watching.batches import Source
from sdesim.training.watching.goods.base import Sold, Visit

_DRAWS = 32


class Tails:
    """Sells `tail_index` and `d_H`."""

    name, weight = "tails", 1.0
    holds = False

    def misses(self, train: Source, heldout: Source | None) -> str:
        return "" if train.anew else "batches can't be drawn at will"

    def ready(self, step: int) -> bool:
        return True

    def work(self) -> float:
        return float(_DRAWS)

    def forget(self) -> None:
        """Nothing is held between purchases."""

    def buy(self, visit: Visit) -> Sold | None:
        """Draw, project, and fit."""
        passes = visit.passes()
        whole = sum(p.numel() for p in visit.model.parameters())
        directions = projection_directions(whole)
        offsets = [
            at
            for at, p in zip(passes.called.offsets, passes.called.parameters, strict=True)
            if p.requires_grad
        ]
        rows = np.zeros((_DRAWS, len(directions)))
        with passes.open():
            for i, seed in enumerate(visit.seeds(_DRAWS)):
                ((x, y),) = visit.train.draw(1, visit.train.size, visit.rng)

                def take(k: int, g: Tensor, i: int = i) -> None:
                    rows[i] += _along(directions, g, offsets[k])

                passes.gradient(x, y, seed, take)
        alpha = tail_index(rows)
        return Sold(estimates={"tail_index": alpha, "d_H": effective_dimension(passes.dim, alpha)})

    def state(self) -> list[list[float]]:
        return []

    def restore(self, rows: Sequence[Sequence[float]]) -> None:
        """Purchases know nothing of one another."""


def _along(directions: Any, g: Tensor, at: int) -> NDArray[np.float64]:
    """u_j·g of a parameter's gradient, whose coordinates begin at ``at``; pieces add up."""
    piece = (g.float() if g.dtype.itemsize < 4 else g).reshape(-1).cpu().numpy()
    # Directions that are not held are made block by block.
    if hasattr(directions, "sums"):
        return np.asarray(directions.turned(directions.sums(piece, at)))
    return np.asarray(directions[:, at : at + len(piece)] @ piece)
