"""The torch side of losses with settings: modules, whose text tells a resumed run its loss again."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class WeightedCrossEntropy(nn.Module):
    """torch's cross-entropy, of outputs (n, K) and labels (n,) or of positions, (n, T, K) and (n, T).

    Args:
        label_smoothing, ignore_index: as torch has them.
        weights: of the classes (K,), or None.
    """

    weights: Tensor | None

    def __init__(self, label_smoothing: float, weights: tuple[float, ...] | None, ignore_index: int) -> None:
        super().__init__()
        self.label_smoothing, self.ignore_index = label_smoothing, ignore_index
        self.register_buffer(
            "weights", None if weights is None else torch.tensor(weights, dtype=torch.float64)
        )

    def forward(self, output: Tensor, y: Tensor) -> Tensor:
        """Σ w_y ℓ / Σ w_y over examples and positions whose label counts."""
        return functional.cross_entropy(
            output.reshape(-1, output.shape[-1]), y.reshape(-1),
            None if self.weights is None else self.weights.to(output),
            ignore_index=self.ignore_index, label_smoothing=self.label_smoothing,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Its settings."""
        return f"label_smoothing={self.label_smoothing!r}, ignore_index={self.ignore_index}"


class BinaryCrossEntropy(nn.Module):
    """Mean over examples and outputs of −y log σ(z) − (1 − y) log(1 − σ(z)), y and z of equally many."""

    def forward(self, output: Tensor, y: Tensor) -> Tensor:
        """Of outputs (n, K) and targets (n, K), or of (n, 1) and labels (n,)."""
        return functional.binary_cross_entropy_with_logits(output, y.to(output).reshape(output.shape))


class MultiMargin(nn.Module):
    """Hinge losses of several classes, as of the kind.

    Args:
        margin: between the output at the label and others. largest: whether only the largest other counts.
    """

    def __init__(self, margin: float, largest: bool) -> None:
        super().__init__()
        self.margin, self.largest = margin, largest

    def forward(self, output: Tensor, y: Tensor) -> Tensor:
        """Mean over the examples, of outputs (n, K) and labels (n,)."""
        label = y.long().unsqueeze(-1)
        short = self.margin + output - output.gather(-1, label)
        others = torch.ones_like(output).scatter(-1, label, 0.0)
        if self.largest:
            # The label's own entry, the margin, becomes 0.
            return (short - self.margin * (1.0 - others)).amax(-1).mean()
        return (short.relu() * others).sum(-1).mean() / output.shape[-1]

    def extra_repr(self) -> str:
        """Its settings."""
        return f"margin={self.margin!r}, largest={self.largest}"
