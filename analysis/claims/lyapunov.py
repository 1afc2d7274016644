"""C18 and C19: what the drift of the loss says of stability (§7.3)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.integrate import quad

from sdesim import estimators as est
from sdesim.noise import sample_stable

from .convergence import one_step_factor
from .estimates import Array, exact, mapped, mean, slope
from .lab import Lab
from .ledger import DEDUCED, NOW_EXACT, Finding, claim
from .plots import CLAIMED, CORRECTED, GUIDE, finish, points
from .polyak import mean_loss_fixed_noise
from .rules import above, below, consistent, judge, near, proved, together


@claim(
    "C18",
    "7.3",
    claim="Training is Lyapunov stable (the loss falls on average) exactly where C > 1, that is p > ½.",
    test="E L⁺/L − 1 = −2r + r²(1 + 1/C), r = ηλ, of a step on an isotropic quadratic, at r = 0.1, C = 0.1 "
    "and at r = 1.9, C = 2; beside it draws there, and a little above and below C* on a quadratic with "
    "curvatures from 1 to 100.",
    basis=DEDUCED,
    quotation="threshold is necessary for stable training",
    since="2026-11-25",
    changed=NOW_EXACT,
)
def lyapunov_threshold(lab: Lab) -> Finding:
    """E ΔL = −η|μ|² + (η²/2)(μᵀHμ + Tr HΣ) on a quadratic: below 0 exactly for C > C*."""
    d, n, rng = 20, lab.size(100_000, 15_000), lab.rng("C18")
    ones, uneven = np.ones(d), np.geomspace(1.0, 100.0, d)
    rs = (0.1, 0.5, 1.0, 1.5, 1.9)
    quiet = _loss_change(0.1, ones, 0.1, n, rng)
    loud = _loss_change(1.9, ones, 2.0, n, rng)
    change = {(r, c): one_step_factor(r, c) - 1 for r, c in ((0.1, 0.1), (1.9, 2.0))}
    under, over = (
        [_loss_change(r / 100, uneven, factor * _critical(r / 100, uneven), n, rng) for r in rs]
        for factor in (0.8, 1.25)
    )
    # Unit noise on |θ|²/2 from |θ_i| = 3; C at the end is r/(2 − r).
    left = mean_loss_fixed_noise(0.1, 10**6, d) / mean_loss_fixed_noise(0.1, 0, d)
    ruling = judge(
        [
            proved(f"mean change at ηλ = 0.1, C = 0.1 > 0: {change[0.1, 0.1]:.4g}", change[0.1, 0.1] > 0),
            proved(f"mean change at ηλ = 1.9, C = 2 < 0: {change[1.9, 2.0]:.4g}", change[1.9, 2.0] < 0),
        ],
        corrected=[
            together(
                "curvatures 1 to 100, 0.8·C*: rises",
                [above(f"ηλ_max = {r}", e, 0.0) for r, e in zip(rs, under, strict=True)],
            ),
            together(
                "curvatures 1 to 100, 1.25·C*: falls",
                [below(f"ηλ_max = {r}", e, 0.0) for r, e in zip(rs, over, strict=True)],
            ),
            consistent("mean change in draws at ηλ = 0.1, C = 0.1", quiet, change[0.1, 0.1]),
            consistent("mean change in draws at ηλ = 1.9, C = 2", loud, change[1.9, 2.0]),
            proved(
                f"noise of fixed size, C = 0.0526 at last: E L after 10⁶ steps over E L₀ < 1: {left:.3g}",
                left < 1,
            ),
        ],
    )

    def draw(ax: Any) -> None:
        r = np.linspace(0.02, 1.95, 200)
        ax.semilogy(r, r / (2 - r), label="C* = r/(2 − r)", **CORRECTED)
        ax.axhline(1.0, label="claimed: C = 1", **CLAIMED)
        ax.plot([0.1], [0.1], "v", color="#0072B2", label="loss falls")
        ax.plot([1.9], [2.0], "^", color="#CC79A7", label="loss rises")
        finish(ax, "r = ηλ", "C", "The line of stability is C*, not 1")

    return Finding(
        {
            "mean change of the loss at ηλ = 0.1, C = 0.1": exact(change[0.1, 0.1]),
            "mean change of the loss at ηλ = 1.9, C = 2": exact(change[1.9, 2.0]),
            "the first in draws": quiet,
            "the second in draws": loud,
        },
        ruling,
        "nothing but an error of algebra",
        f"{n} steps in {d} dimensions at each of 12 pairs (ηλ, C)",
        draw,
        "A step lowers the mean loss, on a quadratic exactly and else up to η³, where C > C* = ηh_Σ/(2 − "
        "ηh_μ), h_Σ = Tr HΣ/Tr Σ and h_μ = μᵀHμ/|μ|²; nowhere if ηh_μ ≥ 2. With one curvature λ C* is ηλ/(2 "
        "− ηλ); in the SDE with D = (η/2)Σ it is ηh_Σ/2. That is where the loss falls, not stability: under "
        "noise of fixed size and ηλ_max < 2 it stays bounded with C below 1 for good.",
    )


def _critical(eta: float, h: Array) -> float:
    """C* = ηh_Σ/(2 − ηh_μ) where μ and the noise have the same size in every coordinate."""
    return eta * float(h.mean()) / (2 - eta * float(h.mean()))


def _loss_change(eta: float, h: Array, c: float, n: int, rng: np.random.Generator) -> est.Estimate:
    """Mean of L⁺/L − 1 on Σ h_i θ_i²/2, where μ = 1 in every coordinate and the noise has variance 1/C."""
    step = 1.0 + rng.standard_normal((n, h.size)) / math.sqrt(c)
    after = 1.0 / h - eta * step
    return mean((after**2 @ h) / float((1.0 / h).sum()) - 1, "mean over steps")


@claim(
    "C19",
    "7.3",
    claim="ℒV = −|μ|² + Tr D describes the drift of the loss under Lévy noise as well.",
    test="1.5-stable jumps ζ: does the jump part of the drift of a quadratic loss settle as jumps of up to "
    "10³ and 10⁶ are let in? Beside it the mean of ζ² over n draws (slope 0 of its logarithm over log n?), "
    "and V = log(1 + x²).",
    basis=DEDUCED,
    quotation="For the SDE to be stable (not diverge), the Lyapunov function",
    since="2026-11-30",
    changed="The integral over the jumps decides in place of the slope over draws.",
)
def levy_drift(lab: Lab) -> Finding:
    """E V(x + ζ) = ∞ for quadratic V and α < 2; the jump part of log(1 + x²) is 2Γ(α)σ^α at 0."""
    alpha, lines, dt, rng = 1.5, lab.size(1000, 100), 0.001, lab.rng("C19")
    sizes = np.array([100, 1000, 10_000])
    squares, logs = np.empty((2, lines, sizes.size))
    for i in range(lines):
        z2 = sample_stable(alpha, 0.0, size=int(sizes[-1]), seed=int(rng.integers(2**31))) ** 2
        # A jump over the time dt is dt^{1/α} times one of unit scale.
        log_v = np.log1p(dt ** (2 / alpha) * z2) / dt
        squares[i] = [math.log(z2[:m].mean()) for m in sizes]
        logs[i] = [log_v[:m].mean() for m in sizes]
    growth = slope(np.log(sizes), squares, "slope in log n")
    drift = mean(logs[:, -1], "mean over lines")
    closed = est.log_jump_term(0.0, alpha, 1.0)
    cut = {radius: est.jump_term_truncated(alpha, 1.0, radius, 1.0) for radius in (1e3, 1e6)}
    more = cut[1e6] / cut[1e3]
    # c = Γ(1 + α) sin(πα/2)/π of the density c/|z|^{1+α} of jumps; in log z, and twice for both signs.
    density = math.gamma(1 + alpha) * math.sin(math.pi * alpha / 2) / math.pi
    integral = 2 * density * quad(lambda t: math.log1p(math.exp(2 * t)) * math.exp(-alpha * t), -60, 60)[0]
    ruling = judge(
        [
            proved(
                f"jump part of a quadratic loss, jumps up to 10⁶ over up to 10³ = 1 ± 0.05: {more:.4g}",
                abs(more - 1) <= 0.05,
            )
        ],
        corrected=[
            proved(
                f"the jump part of log(1 + x²) at 0 by quadrature over 2Γ(α)σ^α = 1 ± 10⁻⁶: "
                f"{integral / closed:.8f}",
                abs(integral / closed - 1) < 1e-6,
            ),
            near("the same slope, against 2/α − 1", growth, 2 / alpha - 1, 0.06),
            near("drift of log(1 + x²) at 0, against 2Γ(α)σ^α", drift, closed, 0.05 * closed),
        ],
    )

    def draw(ax: Any) -> None:
        by_size = [mapped(mean(column), math.exp) for column in squares.T]
        points(ax, sizes, by_size, "mean of ζ²")
        points(ax, sizes, [mean(c) for c in logs.T], "drift of log(1 + x²)", color="#009E73", marker="s")
        ax.axhline(by_size[0].value, label="claimed: settles", **CLAIMED)
        ax.plot(sizes, by_size[0].value * (sizes / 100) ** (2 / alpha - 1), label="n^(2/α − 1)", **GUIDE)
        ax.set_xscale("log")
        ax.set_yscale("log")
        finish(ax, "jumps n", "", "A quadratic loss has no mean drift under Lévy noise")

    return Finding(
        {
            "jump part of a quadratic loss, jumps up to 10⁶ over up to 10³": exact(more),
            "slope of log mean ζ² over log n": growth,
            "drift of log(1 + x²) at 0": drift,
        },
        ruling,
        "nothing but an error of analysis",
        f"{lines} series of {sizes[-1]} jumps, α = {alpha}",
        draw,
        "For α < 2 the jump part of ℒV is +∞ for a quadratic loss, which the formula leaves out. A function "
        "that grows slowly has one: for log(1 + x²) it is 2Γ(α)σ^α at 0. Cut jumps have one too.",
    )
