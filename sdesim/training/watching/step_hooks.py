"""Hooks of an optimizer's steps, and the moment at which the gradient of a step is there."""

from __future__ import annotations

import os
import sys
import weakref
from collections import OrderedDict
from collections.abc import Callable
from types import FrameType
from typing import Any

from sdesim.training.watching.unwrapped import trained_parameters

MOVED = "weights were moved before the closure computed the gradient"


_watched: weakref.WeakSet[StepHooks] = weakref.WeakSet()


def _fork() -> None:
    """In the new process."""
    for hooks in list(_watched):
        hooks._elsewhere = True


os.register_at_fork(after_in_child=_fork)


class StepHooks:
    """Calls back at each step that an optimizer makes; one that is made by another one of it counts with it.

    Args:
        optimizer: of torch. begins: called before a step, gives whether its gradient is wanted.
        computed: called with "" where the wanted gradient is there, and the weights are still those that it
            was computed at: before the step, or within it after the first call of its closure; else with why
            it is not. ends: called after the step. forked: called once in a process that was forked from
            this one, where steps are none of these, and the hooks let go.
    """

    def __init__(
        self, optimizer: Any, begins: Callable[[], bool], computed: Callable[[str], None],
        ends: Callable[[], None], forked: Callable[[], None],
    ) -> None:  # fmt: skip
        self._forked: Callable[[], None] | None = forked
        self._elsewhere = False
        _watched.add(self)
        self._optimizer, self._begins, self._computed, self._ends = optimizer, begins, computed, ends
        self._wanted, self._frame, self._nested = False, 0, 0
        self._handles = [
            optimizer.register_step_pre_hook(self._before), optimizer.register_step_post_hook(self._after)
        ]  # fmt: skip

    def remove(self) -> None:
        """Detach them."""
        for handle in self._handles:
            handle.remove()

    def _before(self, optimizer: Any, args: Any, kwargs: Any) -> Any:
        if self._elsewhere:
            return self._let_go()
        frame = sys._getframe(1)
        if self._frame and self._inside(frame):
            return None
        self._frame, self._nested = id(frame), 0
        self._wanted = self._begins()
        if not self._wanted:
            return None
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if closure is None:
            self._tell("")
            return None
        first = self._telling(closure)
        return (
            ((args[0], first, *args[2:]), kwargs) if len(args) > 1 else (args, {**kwargs, "closure": first})
        )

    def _inside(self, frame: FrameType) -> bool:
        """Whether this step is made by another one, as of a class that calls its base's."""
        outer = frame.f_back
        while outer is not None and id(outer) != self._frame:
            outer = outer.f_back
        if outer is None:
            # The one that was at work ended by an error.
            return False
        self._nested += 1
        return True

    def _telling(self, closure: Callable[..., Any]) -> Callable[..., Any]:
        """The closure, whose first call computes the gradient of the step."""
        begun = self._versions()

        def evaluated(*args: Any, **kwargs: Any) -> Any:
            if self._wanted and self._versions() != begun:
                self._tell(MOVED)
            value = closure(*args, **kwargs)
            if self._wanted:
                self._tell("")
            return value

        return evaluated

    def _versions(self) -> list[int]:
        return [p._version for p in trained_parameters(self._optimizer)]

    def _tell(self, why: str) -> None:
        self._wanted = False
        self._computed(why)

    def _come_last(self) -> None:
        """Hooks that were attached later may change gradients, as by clipping them: they come first."""
        before = getattr(self._optimizer, "_optimizer_step_pre_hooks", None)
        if isinstance(before, OrderedDict) and self._handles[0].id in before:
            before.move_to_end(self._handles[0].id)

    def _let_go(self) -> None:
        """This is another process than that which is watched."""
        forked, self._forked = self._forked, None
        if forked is not None:
            forked()

    def _after(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if self._elsewhere:
            return
        if self._nested:
            self._nested -= 1
            return
        self._frame = 0
        self._come_last()
        if self._wanted:
            # It was given a closure and did not call it.
            self._tell("")
        self._ends()
