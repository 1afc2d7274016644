"""Sums of blocks, merged along the tree of all leaves as they come, in whatever order."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.reductions.adding import add_up
from sdesim.engine.reductions.base import Base

Array = NDArray[np.float64]


class Tree:
    """The sums of one reduction.

    Neighbours 2k and 2k + 1 of a level are merged into k of the next one, and the last of an odd number rises
    as it is: so `Reducing` merges leaves, to the bit.

    Args:
        reduction: whose sums. dim: d. blocks: how many there are.
    """

    def __init__(self, reduction: Base, dim: int, blocks: int) -> None:
        self._reduction, self._dim, self._blocks = reduction, dim, blocks
        kernel = reduction.kernel()
        home = import_module(kernel.module)
        self._merge = getattr(home, kernel.merge) if kernel.merge else add_up
        self._params = np.asarray(reduction.params(dim), np.float64)
        self._waiting: dict[tuple[int, int], Array] = {}

    def add(self, number: int, sums: Array) -> None:
        """Take the sums (C, V) of one block."""
        level, count, node = 0, self._blocks, sums
        while count > 1:
            other = number ^ 1
            if other < count:
                held = self._waiting.pop((level, other), None)
                if held is None:
                    break
                left, right = (held, node) if other < number else (node, held)
                # Of one layout, for which the function is compiled once.
                node = np.array(left)[None]
                self._merge(node, np.array(right)[None], self._params)
                node = node[0]
            level, number, count = level + 1, number // 2, -(-count // 2)
        self._waiting[level, number] = node

    def whole(self) -> Array:
        """The sums (C, V) of all blocks."""
        ((_, whole),) = self._waiting.items()
        return whole

    def settled(self) -> Array:
        """What the reduction keeps (C, …) of them."""
        return np.asarray(self._reduction.settle(self.whole(), self._dim))

    def portable(self) -> dict[str, Array]:
        """What waits, by its place."""
        return {f"{level}_{number}": sums for (level, number), sums in self._waiting.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `portable` gave."""
        places = {tuple(map(int, name.split("_"))): sums for name, sums in state.items()}
        self._waiting = {(level, number): sums for (level, number), sums in places.items()}
