"""C1–C7: what the ratio C = |E g|² / Tr Cov g is, what it is invariant under, how to estimate it (§2, §3)."""

from __future__ import annotations

import numpy as np

from sdesim import estimators as est

from .estimates import mean, slope
from .lab import Lab
from .ledger import Finding, claim
from .plots import CLAIMED, CORRECTED, finish, points
from .rules import judge, near


@claim(
    "C1",
    "3.1",
    claim="C is the isotropic approximation of the optimal signal-to-noise ratio μᵀΣ⁻¹μ.",
    test="White Gaussian gradients at C = 1 and several d: the slope of log(μᵀΣ⁻¹μ/C) over log d is 0 if C "
    "approximates it, 1 if it is d times C.",
)
def mahalanobis(lab: Lab) -> Finding:
    """With Σ = s²I, μᵀΣ⁻¹μ = |μ|²/s² = d·C."""
    dims, n, sets = np.array([4, 8, 16, 32, 64]), 400, lab.size(40, 8)
    rng = lab.rng("C1")
    ratios = np.empty((sets, dims.size))
    for k, d in enumerate(dims):
        # |μ|² = d at s = 1: C = 1.
        for i in range(sets):
            g = 1.0 + rng.standard_normal((n, d))
            ratios[i, k] = est.mahalanobis_snr(g).value / est.consolidation_ratio(g).value
    growth = slope(np.log(dims), np.log(ratios), "slope in log d")
    at = [mean(column, "mean over sets") for column in ratios.T]
    ruling = judge(
        [near("slope of log(μᵀΣ⁻¹μ/C) over log d", growth, 0.0, 0.1)],
        corrected=[
            near("the same slope", growth, 1.0, 0.02),
            near("(μᵀΣ⁻¹μ/C)/d at d = 64", _over(at[-1], 64), 1.0, 0.05),
        ],
    )

    def draw(ax: object) -> None:
        points(ax, dims, at, "measured")
        ax.loglog(dims, np.ones(dims.size), label="claimed: 1", **CLAIMED)
        ax.loglog(dims, dims, label="d", **CORRECTED)
        finish(ax, "number of coordinates d", "μᵀΣ⁻¹μ / C", "The optimal ratio is d times C")

    return Finding(
        {"slope in log d": growth, "ratio at d = 64": at[-1]},
        ruling,
        "a slope within 0.1 of 0",
        f"{sets} sets of {n} gradients at each of {dims.size} dimensions",
        draw,
        "For white noise μᵀΣ⁻¹μ = d·C: C is the signal-to-noise ratio per coordinate, and the optimal ratio "
        "reaches 1 at C = 1/d.",
    )


def _over(e: est.Estimate, divisor: float) -> est.Estimate:
    """The estimate divided by a positive number."""
    return est.Estimate(e.value / divisor, e.low / divisor, e.high / divisor, e.level, e.method, e.n, e.flags)


@claim(
    "C4",
    "11.1",
    claim="The given code (squared mean of 20 mini-batch gradients over the summed variances) estimates C.",
    test="White Gaussian gradients of known C: is the mean error of the code 0, and that of C − 1/n?",
)
def bias_of_the_code(lab: Lab) -> Finding:
    """E C_lit = (C + 1/n) ν/(ν − 2) with ν = d(n − 1)."""
    d, n, sets = 50, 20, lab.size(8000, 1000)
    rng = lab.rng("C4")
    truths = np.array([0.0, 0.01, 0.05, 0.2, 1.0])
    literal, debiased = [], []
    for c in truths:
        g = rng.standard_normal((sets, n, d)) + np.sqrt(c)
        gbar, trace = g.mean(axis=1), g.var(axis=1, ddof=1).sum(axis=1)
        raw = (gbar**2).sum(axis=1) / (trace + 1e-10)
        literal.append(mean(raw - c, "mean error over sets"))
        debiased.append(mean(raw - 1 / n - c, "mean error over sets"))
    same = est.consolidation_ratio(g[-1], method="literal").value
    assert np.isclose(same, raw[-1], rtol=1e-12)
    ruling = judge(
        [
            near(f"error of the code at C = {c:g}", e, 0.0, 0.005)
            for c, e in zip(truths, literal, strict=True)
        ],
        corrected=[
            near("error of the code at C = 0, against 1/n", literal[0], 1 / n, 0.005),
            *(
                near(f"error less 1/n at C = {c:g}", e, 0.0, 0.005)
                for c, e in zip(truths, debiased, strict=True)
            ),
        ],
    )

    def draw(ax: object) -> None:
        points(ax, truths, literal, "the code")
        points(ax, truths, debiased, "less 1/n", color="#009E73", marker="s")
        ax.axhline(0.0, **CLAIMED)
        ax.set_xscale("symlog", linthresh=0.01)
        finish(ax, "true C", "mean error of Ĉ", "The code reads 1/n too much")

    return Finding(
        {
            **{f"error of the code at C = {c:g}": e for c, e in zip(truths, literal, strict=True)},
            "error at C = 0, debiased": debiased[0],
        },
        ruling,
        "mean errors within 0.005 of 0 at every C",
        f"{sets} sets of {n} gradients in {d} dimensions at each of {truths.size} values of C",
        draw,
        "The code reads (C + 1/n)·ν/(ν − 2), ν = d(n − 1): with 20 batches and no signal it reads 0.05. "
        "C − 1/n is free of it.",
    )
