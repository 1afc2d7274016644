"""Cross-entropy of class labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge, Lt, MinLen

from sdesim.data.dataset import IGNORED
from sdesim.kinds import Misfit, kind
from sdesim.networks.losses.base import Base

if TYPE_CHECKING:
    from torch import Tensor

    from sdesim.data import Base as Data
    from sdesim.data import Dataset


@kind("losses", "cross_entropy")
@dataclass(frozen=True)
class CrossEntropy(Base):
    """Mean over the examples, and their positions, of −log softmax(z)_y, of outputs z and class labels y.

    With class weights or ignored labels it is torch's weighted mean, Σ w_y ℓ / Σ w_y over the batch.

    Args:
        label_smoothing: share ε of the label's weight that all K classes have alike: the answer is
            (1 − ε) e_y + ε/K.
        class_weights: w, one for each class; at least one is above 0.
        ignore_index: label that counts for nothing; without it −100, torch's.

    Example:
        {kind: cross_entropy, label_smoothing: 0.1}
    """

    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0
    class_weights: Annotated[tuple[Annotated[float, Ge(0)], ...], MinLen(1)] | None = None
    ignore_index: int | None = None

    labels: ClassVar[bool] = True
    targets: ClassVar[bool] = False
    positional: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.class_weights is not None and not any(self.class_weights):
            raise Misfit("class_weights", "at least one weight must be above 0")

    @property
    def on_surfaces(self) -> str:
        """Its name where it is plain."""
        plain = not self.label_smoothing and self.class_weights is None and self.ignore_index is None
        return "cross_entropy" if plain else ""

    def misfit(self, data: Data | Dataset) -> str:
        """Labels, and as many weights as there are classes."""
        text = super().misfit(data)
        if text or self.class_weights is None or len(self.class_weights) == data.outputs:
            return text
        return f"class_weights: found {len(self.class_weights)}, allowed: {data.outputs}, one for each class"

    def function(self, data: Data | Dataset) -> Callable[..., Tensor]:
        """torch's own where it is plain."""
        if self.on_surfaces and data.positions is None:
            from torch.nn import functional

            return functional.cross_entropy
        from sdesim.networks.losses.functions import WeightedCrossEntropy

        ignored = IGNORED if self.ignore_index is None else self.ignore_index
        return WeightedCrossEntropy(self.label_smoothing, self.class_weights, ignored)
