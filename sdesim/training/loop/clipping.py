"""Clipped gradients of one training: what is cut before each step, and how often that was."""

from __future__ import annotations

import math
from typing import Any

from sdesim.optimizers.clip import Clip


class Clipping:
    """Cuts gradients, and counts the steps of which one was cut.

    Args:
        clip: how.

    Attributes:
        count: steps whose gradient was cut so far.
    """

    def __init__(self, clip: Clip) -> None:
        self._clip, self._cut, self.count = clip, False, 0
        self._shared = (0, 0)

    def cut(self, optimizer: Any) -> None:
        """Clip the gradients of what the optimizer moves, as a step's closure does."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self._cut |= self._clip.cut(parameters)

    def stepped(self) -> None:
        """A step is made."""
        self.count, self._cut = self.count + self._cut, False

    def share(self, step: int) -> float:
        """Share of the steps since it was last asked for, so many being made now; NaN of none."""
        count, before = self._shared
        self._shared = self.count, step
        return (self.count - count) / (step - before) if step > before else math.nan

    def state(self) -> list[int]:
        """What `restore` needs to go on."""
        return [self.count, *self._shared]

    def restore(self, state: list[int]) -> None:
        """Go on from `state`."""
        self.count, count, step = state
        self._shared = count, step
