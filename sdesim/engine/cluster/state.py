"""Which parts of an ensemble are done, and the sums that they came to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.cluster.tree import Tree
from sdesim.engine.cluster.work import Done
from sdesim.engine.plan import Plan
from sdesim.engine.reductions.collected import COUNTS, reduced_steps, steps_looked_at, sums_of


class State:
    """Which branches of blocks are done, and the sums that they came to.

    Args:
        plan: of all trajectories. size: of a block. branch: blocks of a branch.
    """

    def __init__(self, plan: Plan, size: int, branch: int) -> None:
        self.plan, self.size, self.branch = plan, size, branch
        self.blocks = -(-plan.trajectories // size)
        self.count = -(-self.blocks // branch)
        self.done = np.zeros(self.count, dtype=bool)
        self.trees = [Tree(reduction, plan.dim, self.count) for reduction in plan.reductions]
        steps = len(reduced_steps(plan.reductions, plan.setting)) if plan.reductions else 0
        self.counts = np.zeros((steps, 3), dtype=np.int64)

    def take(self, part: Done) -> None:
        """Note a branch that has ended."""
        for tree, sums in zip(self.trees, part.sums, strict=True):
            tree.add(part.number, sums)
        self.counts += part.counts
        self.done[part.number] = True

    def of_branch(self, number: int) -> range:
        """Its blocks."""
        return range(number * self.branch, min((number + 1) * self.branch, self.blocks))

    def portable(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint keeps."""
        sums = {f"sums{k}_{place}": a for k, t in enumerate(self.trees) for place, a in t.portable().items()}
        sizes = {"block": np.array(self.size), "branch": np.array(self.branch)}
        return {**sizes, "done": self.done, "block_counts": self.counts, **sums}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over what `portable` gave."""
        self.done[...], self.counts[...] = state["done"], state["block_counts"]
        for k, tree in enumerate(self.trees):
            mark = f"sums{k}_"
            tree.restore({name.removeprefix(mark): a for name, a in state.items() if name.startswith(mark)})

    def reduced(self) -> dict[str, NDArray[Any]]:
        """The values of all variables of the reductions."""
        setting, found = self.plan.setting, dict[str, NDArray[Any]]()
        for tree, reduction in zip(self.trees, self.plan.reductions, strict=True):
            settled = tree.settled()
            found |= reduction.results(settled, setting)
            found |= {sums_of(reduction): settled} if reduction.merges else {}
        for every in {reduction.every for reduction in self.plan.reductions}:
            looked = reduced_steps(self.plan.reductions, setting)
            numbers = self.counts[np.searchsorted(looked, steps_looked_at(every, setting))]
            found |= {name: numbers[:, k] for k, name in enumerate(COUNTS[every])}
        return found
