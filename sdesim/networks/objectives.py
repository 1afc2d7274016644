"""Several losses on the same outputs of a network, mixed with given weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sdesim.errors import RunError

TARGETS = ("class", "parity", "uniform")


class Objectives(nn.Module):
    """Loss Σ w_k ℓ_k / Σ w_k of outputs z (n, K) and labels y (n,), with p = softmax(z).

    "class": −log p_y. "parity": −log of the sum of p over the classes that are even or odd as y is.
    "uniform": −(1/K) Σ_k log p_k, which is at odds with being sure of any class.

    Args:
        weights: target → weight, not negative and not all 0.

    Raises:
        RunError: a target that there is not, or weights that are negative, not finite, or all 0.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        if unknown := [name for name in weights if name not in TARGETS]:
            raise RunError(f"objectives: found target {unknown[0]!r}, allowed: {', '.join(TARGETS)}")
        total = sum(weights.values())
        if not all(0 <= weight < math.inf for weight in weights.values()) or total <= 0:
            found = ", ".join(f"{weight:g}" for weight in weights.values()) or "none"
            raise RunError(f"objectives: weights must be 0 or more and at least one above 0, got {found}")
        self.weights = {name: weight / total for name, weight in weights.items()}

    def extra_repr(self) -> str:
        """The weights, by which a resumed run knows its loss again."""
        return ", ".join(f"{name}={weight!r}" for name, weight in self.weights.items())

    def forward(self, output: Tensor, y: Tensor) -> Tensor:
        """Mean over the examples."""
        log_p = output.log_softmax(dim=-1)
        return sum(
            (weight * self._loss(name, log_p, y) for name, weight in self.weights.items()),
            start=output.new_zeros(()),
        )

    @staticmethod
    def _loss(target: str, log_p: Tensor, y: Tensor) -> Tensor:
        if target == "class":
            return nn.functional.nll_loss(log_p, y)
        if target == "uniform":
            return -log_p.mean()
        other = (torch.arange(log_p.shape[-1]) - y.unsqueeze(-1)) % 2 == 1
        return -log_p.masked_fill(other, -torch.inf).logsumexp(dim=-1).mean()
