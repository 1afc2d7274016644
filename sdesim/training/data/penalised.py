"""A loss with penalties on the network's weights beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.networks.penalties.base import Base as Penalty
from sdesim.training.data.batches import takes_whole_batch


class Penalised(nn.Module):
    """What training descends: ``loss(output, y)``, which a call gives, and `of_weights` added to it.

    The penalties are of the parameters of the network that is called, so that copies and functional calls
    have their own; outputs alone, as accuracy and test values take them, know nothing of them.

    Args:
        loss: ``loss(output, y)`` → scalar.
        penalties: at least one.
    """

    def __init__(self, loss: Callable[..., Any], penalties: Sequence[Penalty]) -> None:
        super().__init__()
        self.loss, self.penalties = loss, tuple(penalties)

    def forward(self, output: Any, y: Any) -> Any:
        """The loss alone."""
        return self.loss(output, y)

    def of_weights(self, parameters: Mapping[str, Tensor]) -> Any:
        """The penalties on named parameters."""
        return sum(penalty.total(parameters) for penalty in self.penalties)

    def extra_repr(self) -> str:
        """The penalties and the loss, by which a resumed run knows them again."""
        return f"{getattr(self.loss, '__qualname__', '')}, {', '.join(map(repr, self.penalties))}"


def penalised(loss_fn: Any, penalties: Sequence[Penalty], module: nn.Module) -> Any:
    """The loss with these penalties on a network, in the place of those that it may already have.

    Raises:
        RunError: a loss that takes the network itself, or a pattern that fits no parameter.
    """
    bare = loss_alone(loss_fn)
    if penalties and takes_whole_batch(bare):
        raise RunError("penalty goes with loss_fn: an objective= has the network, and adds its own")
    for penalty in penalties:
        if text := penalty.misfit(name for name, _ in module.named_parameters()):
            raise RunError(f"penalty: match: {text}")
    return Penalised(bare, penalties) if penalties else bare


def loss_alone(loss_fn: Any) -> Any:
    """The loss without penalties: that of held-out examples."""
    return loss_fn.loss if hasattr(loss_fn, "of_weights") else loss_fn
