"""How well a fitted model describes its series: distances of its residuals from their law."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Goodness:
    """Anderson and Darling's A² and Kolmogorov and Smirnov's D of u = F(x₁ | x₀) under the fitted model.

    Attributes:
        anderson_darling, kolmogorov_smirnov: A² and D.
        p_value: chance of an A² as large under the model with parameters fitted alike. p_kolmogorov: of D.
        method: "bootstrap", or "none".
        draws: bootstrap samples.
    """

    anderson_darling: float
    kolmogorov_smirnov: float
    p_value: float
    p_kolmogorov: float
    method: str
    draws: int = 0

    def __str__(self) -> str:
        told = f"A² = {self.anderson_darling:.4g}, D = {self.kolmogorov_smirnov:.4g}"
        if self.method == "none":
            return f"{told}, p not asked for"
        return f"{told}, p = {self.p_value:.3g} and {self.p_kolmogorov:.3g} ({self.draws} bootstrap samples)"


def distances(below: Array, above: Array) -> tuple[float, float]:
    """A² and D of log F and log (1 − F) (n,)."""
    order = np.argsort(np.where(below < math.log(0.5), below, -above), kind="stable")
    log_f, log_s = below[order], above[order]
    n = log_f.size
    odd = 2.0 * np.arange(n) + 1.0
    with np.errstate(invalid="ignore"):
        square = float(-n - (odd * (log_f + log_s[::-1])).sum() / n)
    u = np.exp(log_f)
    steps = np.arange(n) / n
    return square, float(max((u - steps).max(), (steps + 1.0 / n - u).max()))
