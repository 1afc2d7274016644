"""What every target offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Base:
    """A loss of class probabilities p = softmax(z) and labels y; a target of one's own has `loss`."""

    def loss(self, log_p: Tensor, y: Tensor) -> Tensor:
        """Mean over the examples, of log p (n, K) and labels y (n,)."""
        raise NotImplementedError(f"{type(self).__name__} needs loss()")
