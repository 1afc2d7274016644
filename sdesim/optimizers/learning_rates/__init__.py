"""Learning rates in the course of a training, as shares of the optimizer's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.optimizers.learning_rates.base import Base as Base
    from sdesim.optimizers.learning_rates.constant import Constant as Constant
    from sdesim.optimizers.learning_rates.cosine import Cosine as Cosine
    from sdesim.optimizers.learning_rates.of_torch.chained_scheduler import (
        ChainedScheduler as ChainedScheduler,
    )
    from sdesim.optimizers.learning_rates.of_torch.constant_lr import ConstantLR as ConstantLR
    from sdesim.optimizers.learning_rates.of_torch.cosine_annealing_lr import (
        CosineAnnealingLR as CosineAnnealingLR,
    )
    from sdesim.optimizers.learning_rates.of_torch.cosine_annealing_warm_restarts import (
        CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts,
    )
    from sdesim.optimizers.learning_rates.of_torch.cyclic_lr import CyclicLR as CyclicLR
    from sdesim.optimizers.learning_rates.of_torch.exponential_lr import ExponentialLR as ExponentialLR
    from sdesim.optimizers.learning_rates.of_torch.linear_lr import LinearLR as LinearLR
    from sdesim.optimizers.learning_rates.of_torch.multi_step_lr import MultiStepLR as MultiStepLR
    from sdesim.optimizers.learning_rates.of_torch.one_cycle_lr import OneCycleLR as OneCycleLR
    from sdesim.optimizers.learning_rates.of_torch.polynomial_lr import PolynomialLR as PolynomialLR
    from sdesim.optimizers.learning_rates.of_torch.reduce_lr_on_plateau import (
        ReduceLROnPlateau as ReduceLROnPlateau,
    )
    from sdesim.optimizers.learning_rates.of_torch.sequential_lr import SequentialLR as SequentialLR
    from sdesim.optimizers.learning_rates.of_torch.step_lr import StepLR as StepLR
    from sdesim.optimizers.learning_rates.step import Step as Step

_HOMES = {
    "Base": "base",
}

_get, __dir__ = public_names(__name__, "learning_rates", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
