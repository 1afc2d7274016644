"""What each backward pass adds to the gradients of parameters, and what these are after it.

A hook on a parameter is called with what a pass adds to its gradient, before it is added. It notes that
alone; numbers are made of all together when the pass has ended, before anybody clips what it left. Where a
gradient was None before, what was added is what it is then, and nothing is held.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.training.watching.aside import is_aside
from sdesim.training.watching.leaf_hooks import remove_hooks
from sdesim.training.watching.parallel.shards import is_sharded
from sdesim.training.watching.sums import fetched, squares

Guard = Callable[[Callable[[], None]], None]
# Told at the end of a pass: its number, as autograd counts them, and the gradients that it left (or added,
# where these are held), by the places of their parameters.
Ended = Callable[[int, Mapping[int, Tensor]], None]
# Gradients of more numbers are not held until the pass has ended, but for others who ask for it.
_HELD = 2**16
# A sum that one part is all of, to rounding.
_SAME = 1e-6


@dataclass(frozen=True)
class Added:
    """Numbers of one step, for P parameters and J passes.

    Attributes:
        parts: |c_j|² (J, P) of what pass j added, 0 where it added nothing. sums: |g|² (P,) after the last.
        dropped: whether a later part was all that its gradients then were: those before are in no step.
        left: whether gradients of an earlier step were left in place.
    """

    parts: NDArray[np.float64]
    sums: NDArray[np.float64]
    dropped: bool
    left: bool


class Backward:
    """Attached to parameters while a step is read.

    Args:
        parameters: each once. guard: what runs a hook's work.
        opened: called when a pass begins to add, with whether gradients were dropped before it without a
            step. ended: told when it has ended.

    Attributes:
        looker: who looks at each gradient that is added, as one of several ranks, which change what a pass
            leaves before it has ended. hold: whether what is added is kept until then.
        mixed: whether gradients were dropped in the middle of a pass.
    """

    def __init__(
        self, parameters: Sequence[nn.Parameter], guard: Guard, opened: Callable[[bool], None], ended: Ended
    ) -> None:
        self._parameters, self._guard, self._opened, self._ended = parameters, guard, opened, ended
        self._handles: list[Any] = []
        self.looker: Callable[[int, Tensor], None] | None = None
        self.hold = False
        self._parts = True
        self.begin()

    def begin(self) -> None:
        """Of a step whose gradients are to come."""
        self._calls = [0] * len(self._parameters)
        # Place, number of the call, whether to a gradient that was there, what was added or its square, and
        # the number of the pass: one that checkpointing makes within another has its own.
        self._noted: list[tuple[int, int, bool, Tensor | None, Tensor | None, int]] = []
        self._found: list[tuple[str, list[int], list[int], Tensor]] = []
        self._onto: set[int] = set()
        self.mixed = False

    @property
    def passes(self) -> int:
        """Passes that added to one gradient."""
        return max(self._calls, default=0)

    @property
    def unfinished(self) -> bool:
        """Whether a pass did not end, as one that fails."""
        return bool(self._noted)

    def attach(self, *, parts: bool) -> None:
        """Attach the hooks; parts: whether what is added is read, else the sums alone."""
        self._parts = parts
        for k, p in enumerate(self._parameters):
            if not is_sharded(p):
                self._handles.append(p.register_hook(self._hook(k, p)))  # type: ignore[no-untyped-call]

    def hooked(self, k: int, gathered: Tensor) -> Any:
        """Hook the gathered form of parameter k, whose gradient others take away; gives the handle."""
        return gathered.register_hook(self._hook(k, None))  # type: ignore[no-untyped-call]

    def detach(self) -> None:
        """Detach them, and let go."""
        remove_hooks(self._handles, self._parameters)
        self._handles, self._noted = [], []

    def _hook(self, k: int, p: nn.Parameter | None) -> Callable[[Tensor | None], None]:
        small = self._parameters[k].numel() <= _HELD

        def hook(gradient: Tensor | None) -> None:
            # None comes of functions that give a parameter no gradient, though they were given it.
            if gradient is None or is_aside():
                return
            onto, added, square = p is None or p.grad is not None, None, None
            if not self._noted or (self._calls[k] and not onto):
                self._guard(lambda: self._open(dropped=self._calls[k] > 0 and not onto))
            if self._parts and (onto or self.looker is not None):
                if small or self.hold:
                    added = gradient.detach()
                else:
                    made: list[Tensor] = []
                    self._guard(lambda: made.append(squares([gradient])))
                    square = made[0] if made else None
                if self.looker is not None:
                    self._guard(functools.partial(self.looker, k, gradient))
            task = torch._C._current_graph_task_id()
            self._noted.append((k, self._calls[k], onto, added, square, task))
            self._calls[k] += 1

        return hook

    def _open(self, dropped: bool) -> None:
        mixed = dropped and bool(self._noted)
        self._opened(dropped)
        self.mixed = self.mixed or mixed
        torch.autograd.Variable._execution_engine.queue_callback(lambda: self._guard(self._end))

    def _end(self) -> None:
        """Make numbers of what a pass has added."""
        noted, self._noted = self._noted, []
        left = {k: g for k, *_ in noted if (g := self._parameters[k].grad) is not None}
        if self.looker is None:
            noted = [row for row in noted if row[0] in left]
            self._onto |= {row[0] for row in noted if row[2] and not row[1]}
            self._keep("sum", [row[:2] for row in noted], squares([left[row[0]] for row in noted]))
        if self._parts:
            added = [row for row in noted if row[3] is not None]
            self._keep(
                "part", [row[:2] for row in added], squares([row[3] for row in added if row[3] is not None])
            )
            large = [row for row in noted if row[4] is not None]
            self._keep("part", [row[:2] for row in large], [row[4] for row in large if row[4] is not None])
        for task in dict.fromkeys(row[5] for row in noted):
            rows = [row for row in noted if row[5] == task]
            if self.hold:
                self._ended(task, {row[0]: row[3] for row in rows if row[3] is not None})
            else:
                self._ended(task, {row[0]: left[row[0]] for row in rows if row[0] in left})

    def _keep(self, what: str, rows: list[tuple[int, int]], numbers: Tensor | list[Tensor]) -> None:
        if not rows:
            return
        found = torch.cat(numbers) if isinstance(numbers, list) else numbers
        self._found.append((what, [k for k, _ in rows], [call for _, call in rows], found))

    def added(self) -> Added:
        """All numbers, waiting for the device once."""
        size = (max(1, self.passes), len(self._parameters))
        parts, after = np.zeros(size), np.zeros(size)
        known = np.zeros(size, dtype=bool)
        numbers = fetched([found for *_, found in self._found])
        for (what, places, calls, _), values in zip(self._found, numbers, strict=True):
            (parts if what == "part" else after)[calls, places] = values
            if what == "part":
                known[calls, places] = True
        # What was added to nothing is all that there then was.
        parts[~known] = after[~known]
        sums = after[np.maximum(np.array(self._calls) - 1, 0), np.arange(size[1])]
        onto = sorted(self._onto)
        first, then = parts[0, onto], after[0, onto]
        left = self._parts and bool((np.abs(first - then) > _SAME * np.maximum(first, then)).any())
        whole, later = parts.sum(axis=1), after.sum(axis=1)
        dropped = self._parts and bool((np.abs(whole - later) <= _SAME * whole)[1:].any())
        return Added(parts, sums, dropped, left)
