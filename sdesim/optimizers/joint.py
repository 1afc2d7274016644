"""Several optimizers as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from sdesim.optimizers.closure import loss_of

if TYPE_CHECKING:
    from torch.optim import Optimizer

# Optimizers of these packages keep all their settings in their groups.
_IN_GROUPS = ("torch", "sdesim")


def joined(parts: Sequence[Optimizer]) -> Any:
    """One optimizer that makes the steps of all, its groups in their order.

    Those of one class are one optimizer of several groups; of different classes, or of a class that may keep
    settings beside its groups, each stays what it is inside the whole.
    """
    found: list[Any] = []
    for part in [inner for outer in parts for inner in getattr(outer, "parts", [outer])]:
        known = type(part).__module__.partition(".")[0] in _IN_GROUPS
        same = next((other for other in found if known and type(other) is type(part)), None)
        if same is None:
            found.append(part)
            continue
        for group in part.param_groups:
            same.add_param_group(dict(group))
        same.state.update(part.state)
    if len(found) == 1:
        return found[0]
    name = "".join(dict.fromkeys(type(part).__name__ for part in found))
    return _joint_class(name)(found)


@cache
def _joint_class(name: str) -> Any:
    """The class of joint torch optimizers of that name, made when torch is first needed."""
    import torch

    class Joint(torch.optim.Optimizer):
        """Several optimizers as one: their groups side by side, their states in one place."""

        def __init__(self, parts: list[Any]) -> None:
            self.parts = parts
            super().__init__([group for part in parts for group in part.param_groups], {})
            for part in parts:
                self.state.update(part.state)
            self._share()

        def _share(self) -> None:
            """Let the parts hold the very groups and states of the whole."""
            place = 0
            for part in self.parts:
                end = place + len(part.param_groups)
                part.param_groups, part.state = self.param_groups[place:end], self.state
                place = end

        @torch.no_grad()
        def step(self, closure: Callable[[], Any] | None = None) -> Any:
            """One step of each; returns what the closure does."""
            loss = loss_of(closure)
            for part in self.parts:
                part.step()
            return loss

        def __getstate__(self) -> dict[str, Any]:
            return {**super().__getstate__(), "parts": self.parts}

        def load_state_dict(self, state_dict: Any) -> None:
            """As of torch's optimizers."""
            super().load_state_dict(state_dict)
            self._share()

    Joint.__name__ = Joint.__qualname__ = name
    return Joint


def __getattr__(name: str) -> Any:
    # Pickle asks for the class by its name.
    if name[:1].isupper():
        return _joint_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
