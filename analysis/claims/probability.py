"""C8–C13: what p = C/(1 + C) and the odds say of a step (§4)."""

from __future__ import annotations

import math

import numpy as np

from sdesim import estimators as est

from .estimates import share
from .lab import Lab
from .ledger import Finding, claim
from .plots import CLAIMED, CORRECTED, finish, points
from .rules import judge, near


@claim(
    "C8",
    "4.1",
    claim="For Gaussian gradients the probability of pointing along the mean gradient is Φ(√C).",
    test="The share of white Gaussian gradients with g·μ > 0 against Φ(√C), and against Φ(√(dC)).",
)
def direction(lab: Lab) -> Finding:
    """g·μ/|μ| is Gaussian with mean |μ| and variance s², so P(g·μ > 0) = Φ(|μ|/s) = Φ(√(dC))."""
    c, n = 0.04, lab.size(400_000, 40_000)
    rng = lab.rng("C8")
    dims = np.array([1, 4, 16, 64, 100])
    # Only the coordinate along μ matters; the others have mean 0 in g·μ.
    found = [share(math.sqrt(c * d) + rng.standard_normal(n) > 0) for d in dims]
    literal = est.direction_probability(c, method="literal").value
    right = [est.direction_probability(c, int(d)).value for d in dims]
    ruling = judge(
        [near(f"P(g·μ > 0) at d = {d}", e, literal, 0.01) for d, e in zip(dims, found, strict=True)],
        corrected=[
            near(f"P(g·μ > 0) at d = {d}", e, p, 0.01) for d, e, p in zip(dims, found, right, strict=True)
        ],
    )

    def draw(ax: object) -> None:
        points(ax, dims, found, "measured")
        ax.plot(dims, right, label="Φ(√(dC))", **CORRECTED)
        ax.axhline(literal, label="claimed: Φ(√C)", **CLAIMED)
        ax.set_xscale("log")
        finish(
            ax, "number of coordinates d", "P(g·μ > 0)", "C = 0.04: the direction is easy in many dimensions"
        )

    return Finding(
        {f"P(g·μ > 0) at d = {d}": e for d, e in zip(dims, found, strict=True)},
        ruling,
        f"shares within 0.01 of {literal:.3f} in every dimension",
        f"{n} gradients at C = {c:g} in each of {dims.size} dimensions",
        draw,
        "P(g·μ > 0) = Φ(√(dC)) for white Gaussian noise, Φ(|μ|²/√(μᵀΣμ)) for any Gaussian.",
    )
