"""What the contestants of the stable law are asked: points of the density, and a sample to fit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def points(problem: dict[str, Any]) -> Any:
    """Places of the density, tails among them."""
    return np.linspace(-50.0, 50.0, problem["trajectories"])


def sample(problem: dict[str, Any]) -> Any:
    """Draws in S1 by Chambers, Mallows and Stuck, α ≠ 1."""
    alpha, beta, rng = problem["alpha"], problem["skew"], np.random.default_rng(problem["seed"])
    angle = math.pi * (rng.random(problem["trajectories"]) - 0.5)
    wait = rng.exponential(size=angle.size)
    tilt = beta * math.tan(0.5 * math.pi * alpha)
    turned = alpha * angle + math.atan(tilt)
    size = (1.0 + tilt**2) ** (0.5 / alpha) * np.sin(turned) / np.cos(angle) ** (1.0 / alpha)
    return size * (np.cos(angle - turned) / wait) ** ((1.0 - alpha) / alpha)
