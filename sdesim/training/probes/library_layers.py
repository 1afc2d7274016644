"""Layers of libraries on torch that compute what one of torch's own does, under another name."""

from __future__ import annotations

import sys

from torch import nn

# What norms without a bias call the number that they add to the mean square.
_ADDED = ("variance_epsilon", "eps")


def is_product(part: nn.Module) -> bool:
    """Whether a layer is y = x W + b with W (in, out), as that of transformers is which it calls Conv1D."""
    home = sys.modules.get("transformers.pytorch_utils")
    return home is not None and type(part) is getattr(home, "Conv1D", None)


def scale_of(part: nn.Module) -> float | None:
    """ε of a layer that seems to be y = (w or 1 + w) x/√(mean x² + ε) along the last axis, None of others.

    It is known by what it has, a vector ``weight`` and an ε; that its examples' shares add up to the gradient
    is what shows it.
    """
    if [name for name, _ in part.named_parameters()] != ["weight"] or any(True for _ in part.children()):
        return None
    added = next((getattr(part, name) for name in _ADDED if hasattr(part, name)), None)
    return added if part.weight.ndim == 1 and isinstance(added, float) else None
