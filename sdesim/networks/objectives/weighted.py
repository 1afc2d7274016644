"""Several losses on the same outputs of a network, mixed with given weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.kinds import names_of, read


class Objectives(nn.Module):
    """Loss Σ w_k ℓ_k / Σ w_k of outputs z (n, K) and labels y (n,), ℓ_k the losses of the targets.

    Args:
        weights: name of a target → weight, not negative and not all 0.

    Raises:
        RunError: a target that there is not, or weights that are negative, not finite, or all 0.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        known = names_of("objectives")
        if unknown := [name for name in weights if name not in known]:
            raise RunError(f"objectives: found target {unknown[0]!r}, allowed: {', '.join(known)}")
        total = sum(weights.values())
        if not all(0 <= weight < math.inf for weight in weights.values()) or total <= 0:
            found = ", ".join(f"{weight:g}" for weight in weights.values()) or "none"
            raise RunError(f"objectives: weights must be 0 or more and at least one above 0, got {found}")
        self.weights = {name: weight / total for name, weight in weights.items()}
        self._targets = {name: read("objectives", name) for name in weights}

    def extra_repr(self) -> str:
        """The weights, by which a resumed run knows its loss again."""
        return ", ".join(f"{name}={weight!r}" for name, weight in self.weights.items())

    def forward(self, output: Tensor, y: Tensor) -> Tensor:
        """Mean over the examples."""
        log_p = output.log_softmax(dim=-1)
        return sum(
            (weight * self._targets[name].loss(log_p, y) for name, weight in self.weights.items()),
            start=output.new_zeros(()),
        )
