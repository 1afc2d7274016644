"""C8, C9: the probability to point the right way, and what p = C/(1 + C) is (§4.1)."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.special import ndtr

from sdesim import estimators as est
from sdesim.support import SHARE

from .estimates import exact, mean, ratio_of_means, share
from .lab import Lab
from .ledger import DEDUCED, Finding, claim
from .networks import BATCH, Array, Moment, batch_gradients, regression_network
from .plots import CLAIMED, GUIDE, OTHER, finish, points
from .rules import above, below, judge, near, proved, together


@claim(
    "C8",
    "4.1",
    claim="For Gaussian gradients the probability of pointing along the mean gradient is Φ(√C).",
    test="That probability of isotropic Gaussian noise, in closed form, against Φ(√C); beside it the share "
    "of gradients with g·μ > 0: white Gaussian ones, a network's, and ones with exponential noise.",
    basis=DEDUCED,
    quotation="for a Gaussian",
    since="2026-11-30",
    changed="In the first edition sampled shares decided, with the same tolerance; the closed form decides "
    "now.",
    shares="regression network",
)
def direction(lab: Lab) -> Finding:
    """g·μ has mean |μ|² and variance μᵀΣμ; Gaussian, it is positive with probability Φ(|μ|²/√(μᵀΣμ))."""
    c, n, rng = 0.04, lab.size(400_000, 40_000), lab.rng("C8")
    dims = np.array([1, 4, 16, 64, 100])
    # Only the coordinate along μ matters; the others have mean 0 in g·μ.
    found = [share(math.sqrt(c * d) + rng.standard_normal(n) > 0) for d in dims]
    literal = est.direction_probability(c, method="literal").value
    right = [float(ndtr(math.sqrt(c * d))) for d in dims]
    skewed = share(math.sqrt(c) + rng.standard_exponential(n) - 1 > 0)
    moments, steps = regression_network(lab).moments, lab.size(4000, 1000)
    real = [share(batch_gradients(m.gradients @ m.mu[:, None], BATCH, steps, rng)[:, 0] > 0) for m in moments]
    gaussian = [float(ndtr(math.sqrt(BATCH * _along(m)))) for m in moments]
    claimed = [float(ndtr(math.sqrt(BATCH * m.c_one))) for m in moments]
    floors = [cantelli(BATCH * _along(m)) for m in moments]

    def against(es: list[est.Estimate], values: Any, tolerance: float, label: str) -> list[Any]:
        return [near(label, e, float(v), tolerance) for e, v in zip(es, values, strict=True)]

    shown = ", ".join(f"{d}: {p:.3f}" for d, p in zip(dims, right, strict=True))
    ruling = judge(
        [
            proved(
                f"P(g·μ > 0) = Φ(√C) ± 0.01 at C = 0.04 in every dimension ({literal:.3f}; at d = {shown})",
                all(abs(p - literal) <= 0.01 for p in right),
            )
        ],
        corrected=[
            together("white: Φ(√(dC)) ± 0.01", against(found, right, 0.01, "P(g·μ > 0)")),
            together("network: Φ(|μ|²/√(μᵀΣμ)) ± 0.05", against(real, gaussian, 0.05, "P(g·μ > 0)")),
            together(
                "network: P(g·μ > 0) > c/(1 + c)",
                [above(f"step {m.step}", e, f) for m, e, f in zip(moments, real, floors, strict=True)],
            ),
            below("exponential noise, c = 0.04: P(g·μ > 0)", skewed, 0.5),
            near("the same, against exp(√c − 1)", skewed, math.exp(math.sqrt(c) - 1), 0.01),
            proved(
                "symmetric noise of ±2|μ| leaves P(g·μ > 0) at ½",
                Fraction(sum(1 + e > 0 for e in (-2, 2)), 2) == Fraction(1, 2),
            ),
            proved("skewed noise of two values reaches c/(1 + c)", _two_values_reach_the_bound()),
        ],
    )

    def draw(ax: Any) -> None:
        ones = BATCH * np.array([m.c_one for m in moments])
        points(ax, ones, real, "network, measured", markersize=7, markerfacecolor="white")
        ax.plot(ones, gaussian, "s", markersize=3, label="Φ(|μ|²/√(μᵀΣμ))", color="#009E73", zorder=3)
        grid = np.geomspace(ones.min(), ones.max(), 50)
        ax.semilogx(grid, ndtr(np.sqrt(grid)), label="claimed: Φ(√C)", **CLAIMED)
        ax.semilogx(grid, grid / (1 + grid), label="p, below which no noise goes", **GUIDE)
        finish(ax, f"C at B = {BATCH}", "P(g·μ > 0)", "A network's gradients during training")

    last = moments[-1]
    return Finding(
        {
            **{f"white, C = 0.04, d = {d}": e for d, e in zip(dims, found, strict=True)},
            "exponential noise, c = 0.04": skewed,
            f"network at step {last.step}": real[-1],
            f"network at step {last.step}, Φ(√C)": exact(claimed[-1]),
        },
        ruling,
        "an error in the algebra",
        f"{n} white gradients in each of {dims.size} dimensions; {steps} batches at each of {len(moments)} "
        "moments",
        draw,
        "With c = |μ|⁴/(μᵀΣμ), which is at least C and is dC for white noise, P(g·μ > 0) = Φ(√c) for "
        "Gaussian noise: above ½ at every C > 0. Noise that is symmetric about 0 leaves it at ½ or above. "
        "Skewed noise can bring it below, as exponential noise with c < 0.094 does, but whatever the noise "
        "not below c/(1 + c) ≥ p (Cantelli's inequality).",
    )


def _along(m: Moment) -> float:
    """c = |μ|⁴/(μᵀΣμ) of one example: the signal-to-noise ratio of g·μ."""
    return float((m.mu @ m.mu) ** 2 / (m.gradients @ m.mu).var())


def cantelli(c: float) -> float:
    """The least P(X > 0) of any X with (E X)²/Var X = c and E X > 0 (Cantelli 1928)."""
    return c / (1 + c)


def _two_values_reach_the_bound() -> bool:
    """X = (1 + c)/c with probability c/(1 + c), else 0, has mean 1 and variance 1/c."""
    for c in (Fraction(1, 100), Fraction(1, 10), Fraction(1), Fraction(9)):
        chance, top = c / (1 + c), (1 + c) / c
        mean, square = chance * top, chance * top**2
        if (mean, square - mean**2) != (1, 1 / c):
            return False
    return True


@claim(
    "C9",
    "4.1",
    claim="p = C/(1 + C) is the logistic approximation of the probability that a step points the right way, "
    "and an exact one-to-one map of C.",
    test="p against Φ(√(dC)), the probability of isotropic Gaussian noise, at C from 0 to 3 in 1 to 100 "
    "dimensions; beside it p against the coherence of two gradients, the squared cosine with μ, the best "
    "relative decrease of a quadratic loss, and the least probability that any noise leaves.",
    basis=DEDUCED,
    quotation="For the logistic approximation used here, the exact bijection",
    since="2026-11-30",
    changed="In the first edition sampled shares decided, with the same tolerance; the closed form decides "
    "now.",
)
def meaning_of_p(lab: Lab) -> Finding:
    """p = E⟨g, g′⟩/E|g|² = 1 − E L(θ − η*g)/L at the best η, H = λI; ≈ E cos² for white noise, large d."""
    d, n, rng = 100, lab.size(40_000, 6000), lab.rng("C9")
    cs = np.array([0.0, 0.1, 0.3, 1.0, 3.0])
    p = cs / (1 + cs)
    along, coherence, cosine2, decrease = [], [], [], []
    for c in cs:
        g, other = rng.standard_normal((2, n, d))
        for draws in (g, other):
            draws[:, 0] += math.sqrt(c * d)
        norm2 = (g**2).sum(axis=1)
        along.append(share(g[:, 0] > 0))
        coherence.append(ratio_of_means((g * other).sum(axis=1), norm2))
        cosine2.append(mean(g[:, 0] ** 2 / norm2, "mean over draws", SHARE))
        decrease.append(_best_decrease(g, c) if c else exact(0.0))
    # Noise in one direction across μ: C is 1, and cos² = 1/(1 + z²).
    across = mean(1 / (1 + rng.standard_normal(n) ** 2), "mean over draws", SHARE)
    gaps = {k: np.abs(ndtr(np.sqrt(k * cs)) - p).max() for k in (1, 10, 100)}
    fractions = [Fraction(k, 100) for k in range(1, 500)]
    back = [c / (1 + c) / (1 - c / (1 + c)) for c in fractions]

    def against(es: list[est.Estimate], tolerance: float) -> list[Any]:
        return [near(f"C = {c:g}", e, float(v), tolerance) for c, e, v in zip(cs, es, p, strict=True)]

    shown = ", ".join(f"{k}: {gap:.2f}" for k, gap in gaps.items())
    ruling = judge(
        [
            proved(
                f"Φ(√(dC)) = p ± 0.05 at C from 0 to 3 (largest difference at d = {shown})",
                all(gap <= 0.05 for gap in gaps.values()),
            ),
            proved("C ↔ p one to one", back == fractions),
        ],
        corrected=[
            together("coherence = p ± 0.02", against(coherence, 0.02)),
            together("white noise, d = 100: mean squared cosine = p ± 0.02", against(cosine2, 0.02)),
            above("noise in one direction, C = 1: mean squared cosine", across, 0.5),
            together("best relative decrease of the loss = p ± 0.02", against(decrease, 0.02)),
            proved("the least P(g·μ > 0) that noise can leave is p", _two_values_reach_the_bound()),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, cs, along, "P(g·μ > 0)")
        points(ax, cs, coherence, "coherence", color="#009E73", marker="s")
        points(ax, cs, cosine2, "cos²", color=OTHER[0], marker="^")
        points(ax, cs, decrease, "best decrease", color=OTHER[1], marker="D")
        grid = np.linspace(0, 3, 100)
        ax.plot(grid, grid / (1 + grid), label="p", **CLAIMED)
        finish(ax, "C", "", "What p is, and what it is not (d = 100)")

    return Finding(
        {
            "P(g·μ > 0) at C = 0": along[0],
            "P(g·μ > 0) at C = 1": along[3],
            "coherence at C = 1": coherence[3],
            "mean squared cosine at C = 1": cosine2[3],
            "mean squared cosine at C = 1, noise in one direction": across,
            "best relative decrease at C = 1": decrease[3],
        },
        ruling,
        "an error in the algebra",
        f"{n} pairs of gradients in {d} dimensions at each of {cs.size} values of C",
        draw,
        "p is the coherence E⟨g, g′⟩/E|g|² of two gradients whatever the noise, E cos²(g, μ) for white "
        "noise in many dimensions, and the largest expected relative decrease of a quadratic loss with H = "
        "λI by one step, at η = p/λ. It is no approximation of the probability to point along μ but its "
        "lower bound, which noise of two values along μ reaches (Cantelli's inequality).",
    )


def _best_decrease(g: Array, c: float) -> est.Estimate:
    """1 − E L(θ − ηg)/L(θ) at η = p/λ on L = λ|θ|²/2, where μ = λθ lies along the first axis."""
    mu = np.zeros(g.shape[1])
    mu[0] = math.sqrt(c * g.shape[1])
    after = mu - c / (1 + c) * g
    return mean(1 - (after**2).sum(axis=1) / (mu @ mu), "mean over draws")
