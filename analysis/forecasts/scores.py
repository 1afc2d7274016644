"""How a forecast given as draws is judged, and the two baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

Array = NDArray[np.float64]


def pit(draws: Array, value: float, rng: np.random.Generator) -> float:
    """Place of a value among n draws: (draws below + a random share of the ties and of itself)/(n + 1).

    Uniform where the value is one more draw of the same law, whatever n.
    """
    below, ties = int((draws < value).sum()), int((draws == value).sum())
    return float((below + rng.uniform() * (ties + 1)) / (len(draws) + 1))


def crps(draws: Array, value: float) -> float:
    """E|X − y| − ½ E|X − X′|, X and X′ independent draws (Gneiting & Raftery 2007, eq. 21; the fair form)."""
    n = len(draws)
    ordered = np.sort(draws)
    spread = 2.0 * (ordered * (2 * np.arange(1, n + 1) - n - 1)).sum() / (n * (n - 1))
    return float(np.abs(draws - value).mean() - 0.5 * spread)


def extrapolated(past: Array, every: int, ahead: Array, quantity: str, draws: int = 64) -> Array:
    """The line through the logarithm (of an accuracy the logit) of past readings, with its residual spread.

    Args:
        past: (P,) readings, ``every`` steps apart, the last at the present. ahead: (A,) steps.

    Returns:
        (A, draws) equally likely values of its predictive law (Student's t).
    """
    share = quantity.endswith("accuracy")
    edge = 1e-3
    y = np.clip(past, edge, 1 - edge) if share else np.maximum(past, 1e-12)
    y = np.log(y / (1 - y)) if share else np.log(y)
    x = np.arange(1 - len(y), 1) * float(every)
    n, centre = len(y), x.mean()
    slope = ((x - centre) * (y - y.mean())).sum() / ((x - centre) ** 2).sum()
    rest = y - y.mean() - slope * (x - centre)
    s = np.sqrt((rest**2).sum() / (n - 2))
    spread = s * np.sqrt(1 + 1 / n + (ahead - centre) ** 2 / ((x - centre) ** 2).sum())
    middle = y.mean() + slope * (ahead - centre)
    z = student.ppf((np.arange(draws) + 0.5) / draws, n - 2)
    found: Any = middle[:, None] + spread[:, None] * z
    # A line may leave the range of floats where it rises.
    return np.asarray(1 / (1 + np.exp(-found)) if share else np.exp(np.minimum(found, 700.0)))
