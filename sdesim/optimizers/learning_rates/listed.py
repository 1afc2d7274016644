"""A torch scheduler of rates that are known beforehand."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sdesim.errors import RunError

if TYPE_CHECKING:
    from sdesim.optimizers.learning_rates.of_torch.schedule import TorchSchedule


def listed(optimizer: Any, recipe: TorchSchedule, steps: int) -> Any:
    """A scheduler that gives each group of a torch optimizer the rates and momenta of a recipe.

    Raises:
        RunError: the momentum moves, and a group has none.
    """
    return _listed_class()(optimizer, recipe, steps)


@cache
def _listed_class() -> Any:
    """The class, made when torch is first needed."""
    from torch.optim.lr_scheduler import LRScheduler

    class Listed(LRScheduler):
        """Rates of a recipe, each group's from its own at the start."""

        def __init__(self, optimizer: Any, recipe: TorchSchedule, steps: int) -> None:
            groups = optimizer.param_groups
            without = [g for g in groups if "betas" not in g and "momentum" not in g]
            if recipe.moves_momentum and without:
                raise RunError(
                    f"scheduler.cycle_momentum: {type(optimizer).__name__} has no momentum: give false"
                )
            self._recipe, self._steps = recipe, steps
            super().__init__(optimizer)

        def get_lr(self) -> list[Any]:
            """The rates at this step; the momenta are set too."""
            step = min(self.last_epoch, self._steps)
            momentum = self._recipe.momentum(step, self._steps)
            if momentum is not None:
                for group in self.optimizer.param_groups:
                    if "betas" in group:
                        group["betas"] = (momentum, *group["betas"][1:])
                    else:
                        group["momentum"] = momentum
            return [self._recipe.known(self._steps, float(lr))[step] for lr in self.base_lrs]

        def state_dict(self) -> dict[str, Any]:
            """How far it has come; the rest follows from the recipe."""
            return {"last_epoch": self.last_epoch, "_step_count": self._step_count, "_last_lr": self._last_lr}

    return Listed
