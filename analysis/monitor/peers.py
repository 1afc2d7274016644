"""Three public ways of reading the gradient noise scale, from their definitions, without an interval.

- "steps in a row" (GPT-NeoX): one batch is the small one, the mean of ten successive steps' gradients the
  large one; both moments averaged with a memory of 0.99.
- "ranks or parts" (k-diffusion): the parts of a step's gradient against their mean, memory 0.9998.
- "linear layers" (nanoGNS): norms of single examples of the Linear layers' weights, memory 0.9.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from analysis.monitor.networks import BATCH

# Gradients of the steps' batches, (steps, B, d), and which coordinates are weights of Linear layers.
Reader = Callable[[Tensor, Tensor], float]
PARTS, IN_A_ROW = 4, 10


def _means(numbers: list[tuple[float, float]], memory: float) -> float:
    """Ratio of exponential means of (Tr Σ₁, |μ|²); what corrects their beginning cancels."""
    noise = signal = 0.0
    for a, b in numbers:
        noise, signal = memory * noise + (1 - memory) * a, memory * signal + (1 - memory) * b
    return noise / signal if signal else float("nan")


def _pair(small: float, large: float, b: float, many: float) -> tuple[float, float]:
    """Tr Σ₁ and |μ|² from squared norms at two batch sizes (McCandlish et al. 2018, appendix A)."""
    return (small - large) / (1 / b - 1 / many), (many * large - b * small) / (many - b)


def in_a_row(g: Tensor, linear: Tensor) -> float:
    """The last of ten successive gradients against the mean of the ten."""
    steps = g.mean(dim=1)
    groups = steps[: len(steps) // IN_A_ROW * IN_A_ROW].view(-1, IN_A_ROW, g.shape[2])
    return _means(
        [
            _pair(float(part[-1].square().sum()), float(part.mean(0).square().sum()), BATCH, BATCH * IN_A_ROW)
            for part in groups
        ],
        0.99,
    )


def parts(g: Tensor, linear: Tensor) -> float:
    """Four parts of each batch against the whole."""
    split = g.view(len(g), PARTS, BATCH // PARTS, -1).mean(dim=2)
    small = split.square().sum(dim=2).mean(dim=1)
    large = split.mean(dim=1).square().sum(dim=1)
    pairs = zip(small.tolist(), large.tolist(), strict=True)
    return _means([_pair(a, b, BATCH // PARTS, BATCH) for a, b in pairs], 0.9998)


def linear_layers(g: Tensor, linear: Tensor) -> float:
    """Single examples against their batch, weights of Linear layers alone."""
    chosen = g[:, :, linear]
    small = chosen.square().sum(dim=2).mean(dim=1)
    large = chosen.mean(dim=1).square().sum(dim=1)
    return _means([_pair(a, b, 1, BATCH) for a, b in zip(small.tolist(), large.tolist(), strict=True)], 0.9)


PEERS: dict[str, Reader] = {
    "steps in a row (GPT-NeoX)": in_a_row,
    "parts or ranks (k-diffusion)": parts,
    "linear layers (nanoGNS)": linear_layers,
}


def linear_weights(model: nn.Module) -> Tensor:
    """Which coordinates are weights of Linear layers, (d,)."""
    inside = {id(m.weight) for m in model.modules() if isinstance(m, nn.Linear)}
    return torch.cat([torch.full((p.numel(),), id(p) in inside) for p in model.parameters()])
