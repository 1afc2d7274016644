"""Several targets at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge, MinLen

from sdesim.kinds import Misfit, kind, names_of
from sdesim.kinds.spelling import nearest
from sdesim.networks.losses.base import Base

if TYPE_CHECKING:
    from torch import Tensor

    from sdesim.data import Base as Data
    from sdesim.data import Dataset


@kind("losses", "mixture")
@dataclass(frozen=True)
class Mixture(Base):
    """Σ w_k ℓ_k / Σ w_k, the losses ℓ_k of several targets on the same outputs and labels.

    Args:
        weights: w, target by target; at least one is above 0.

    Example:
        {kind: mixture, weights: {class: 1, parity: 0.5}}
    """

    weights: Annotated[dict[str, Annotated[float, Ge(0)]], MinLen(1)]

    labels: ClassVar[bool] = True
    targets: ClassVar[bool] = False

    def __post_init__(self) -> None:
        known = names_of("objectives")
        for name in self.weights:
            if name not in known:
                raise Misfit(("weights", name), f"unknown target{nearest(name, known)}")
        if not any(weight > 0 for weight in self.weights.values()):
            raise Misfit("weights", "at least one weight must be above 0")

    def function(self, data: Data | Dataset) -> Callable[..., Tensor]:
        """A torch module, `Objectives`."""
        from sdesim.networks.objectives.weighted import Objectives

        return Objectives(self.weights)
