"""Clipping: how far gradients are cut down before a step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Gt

from sdesim.kinds import Misfit, kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# What torch's clip_grad_norm_ adds to the norm before it divides.
_TORCH_ADDS = 1e-6


@kind("settings", "clip")
@dataclass(frozen=True)
class Clip:
    """Gradients cut down before each step: as a whole to a norm, or each number to a value.

    torch.nn.utils.clip_grad_norm_ and clip_grad_value_ of all parameters that the optimizer moves.

    Args:
        norm: c; g is multiplied by c/|g| where |g| is larger.
        value: c; each number of g is brought into [−c, c].

    Source: Pascanu, Mikolov & Bengio, ICML (2013), arXiv 1211.5063, Algorithm 1.

    Example:
        {norm: 1.0}
    """

    norm: Annotated[float, Gt(0)] | None = None
    value: Annotated[float, Gt(0)] | None = None

    def __post_init__(self) -> None:
        if (self.norm is None) == (self.value is None):
            found = "neither" if self.norm is None else "both"
            raise Misfit((), f"found {found} of norm and value, allowed: one of them")

    def cut_rows(self, gradients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Each of several whole gradients (n, d), clipped as `cut` clips one: (n, d)."""
        import numpy as np

        if self.value is not None:
            return np.asarray(np.clip(gradients, -self.value, self.value))
        assert self.norm is not None
        norms = np.sqrt(np.einsum("ij,ij->i", gradients, gradients))
        return np.asarray(gradients * np.minimum(1.0, self.norm / (norms + _TORCH_ADDS))[:, None])

    def cut(self, parameters: Iterable[Any]) -> bool:
        """Clip the gradients of these parameters; whether that changed any."""
        import torch

        held = [p for p in parameters if p.grad is not None]
        if self.norm is not None:
            norm = float(torch.nn.utils.clip_grad_norm_(held, self.norm))
            return norm + _TORCH_ADDS > self.norm
        assert self.value is not None
        largest = max((float(p.grad.abs().max()) for p in held if p.grad.numel()), default=0.0)
        torch.nn.utils.clip_grad_value_(held, self.value)
        return largest > self.value
