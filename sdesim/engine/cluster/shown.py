"""How far an ensemble on a cluster has come, and what each worker has done of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from sdesim.engine.cluster.state import State
from sdesim.engine.cluster.work import Done
from sdesim.engine.plan import Plan
from sdesim.io.progress import LabelledReport, labelled_progress

# Workers that progress is told of one by one.
_SHOWN = 16


@contextmanager
def told(progress: bool | Callable[[int, int], None], name: str) -> Iterator[LabelledReport]:
    """As `labelled_progress`; a function of the caller's is told of the whole alone, unless it shows more."""
    if not callable(progress):
        with labelled_progress(progress, transient=True, unit="") as report:
            yield report
        return
    beside = getattr(progress, "beside", None)

    def parted(label: str, done: int, total: int) -> None:
        if label == name:
            progress(done, total)
        elif beside is not None:
            beside(label, done, total)

    yield parted


class Progress:
    """How far the blocks have come, in steps of all trajectories, and what each worker has done of them."""

    def __init__(self, plan: Plan, state: State, report: LabelledReport, name: str) -> None:
        self._plan, self._state, self._report = plan, state, report
        self._name = name or "simulation"
        self._each: dict[str, int] = {}
        self._done = sum(len(state.of_branch(int(k))) for k in np.flatnonzero(state.done))

    def passed(self) -> None:
        """Tell of a block of a branch."""
        self._done += 1
        self.tell()

    def tell(self, done: Done | None = None) -> None:
        """Tell of a block, or of a branch whose blocks were told of, or of the start."""
        state, plan = self._state, self._plan
        if done is not None and state.branch == 1:
            self._done += 1
        share = self._done / state.blocks
        self._report(self._name, plan.begin + round(share * (plan.steps - plan.begin)), plan.steps)
        for worker, blocks in ({} if done is None else done.blocks).items():
            if worker in self._each or len(self._each) < _SHOWN:
                self._each[worker] = self._each.get(worker, 0) + blocks
                self._report(f"blocks of {worker}", self._each[worker], state.blocks)
