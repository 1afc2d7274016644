"""How long a gradient is."""

from __future__ import annotations

from typing import Any

import sdesim


@sdesim.quantity(
    "gradient_scale", label=r"$\sqrt{E|g|^2}$", units="loss/parameter", needs=("gradient",), compared=True
)
def gradient_scale(run: Any, measured: Any) -> Any:
    """Root mean square length of a stochastic gradient, (|μ|² + Tr Σ)^½."""
    return (run["signal"] + run["noise"]) ** 0.5
