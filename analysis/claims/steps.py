"""C10, C11: whether single steps are right below C = 1, and under heavy tails (§4.1, §5)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim import estimators as est
from sdesim.noise import sample_stable

from .estimates import LEVEL, mapped, mean, share, slope
from .lab import Lab
from .ledger import COUNTER_EXAMPLE, Finding, claim
from .networks import BATCH, RATE, Array, Moment, batch_gradients, regression_network
from .plots import CLAIMED, CORRECTED, GUIDE, finish, points
from .probability import cantelli
from .rules import above, below, judge, near, proved, together


@claim(
    "C10",
    "4.1, 5",
    claim="A step at C below 1 is more likely wrong than right.",
    test="Trial steps below C = 1 on an isotropic quadratic (d = 200, ηλ = 0.1) and on a network in "
    "training: how many point along the mean gradient, how many lower the loss, and where does that share "
    "cross ½?",
    basis=COUNTER_EXAMPLE,
    quotation="Each gradient step is more likely to be wrong than right.",
    fair="Of the steps of a training at C < 1 more raise the loss than lower it.",
    since="2026-11-30",
    changed="The criterion of the claim as stated is that of the first edition; the reading by the loss of a "
    "network was added after its result had been seen.",
    shares="regression network",
)
def wrong_steps(lab: Lab) -> Finding:
    """On the quadratic the loss falls with a noncentral χ² probability that crosses ½ near C* = r/(2 − r).

    Exponential noise along μ leaves P(g·μ > 0) = exp(√c − 1), below ½ for c < (1 − ln 2)² = 0.094.
    """
    d, r, n, rng = 200, 0.1, lab.size(20_000, 3000), lab.rng("C10")
    cs = np.array([0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.3, 0.9])
    along, falls = _quadratic_steps(cs, d, r, n, rng)
    crossing = _crossing(np.log(cs), falls)
    net, steps = regression_network(lab), lab.size(400, 100)
    low = [m for m in net.moments if BATCH * m.c_one < 1]
    trials = [_trial_steps(net.surface, m, steps, rng) for m in low]
    relative = np.array([BATCH * m.c_one / _threshold(net.surface, m, rng) for m in low])
    of_network = _crossing(np.log(relative), [f for _, f in trials])

    skewed_cs = np.array([0.01, 0.03, 0.2, 0.5])
    skewed = [share(math.sqrt(c) + rng.standard_exponential(10 * n) - 1 > 0) for c in skewed_cs]

    def against_half(rule: Any, which: int = 0) -> list[Any]:
        return [rule(f"step {m.step}", t[which], 0.5) for m, t in zip(low, trials, strict=True)]

    ruling = judge(
        [
            together(
                "quadratic: P(g·μ > 0) < ½ below C = 1",
                [below(f"C = {c:g}", e, 0.5) for c, e in zip(cs, along, strict=True)],
            ),
            together("network: the same", against_half(below)),
            near("C where half of the steps lower the loss", crossing, 1.0, 0.2),
        ],
        fair=[together("network: P(loss falls) < ½ below C = 1", against_half(below, 1))],
        corrected=[
            near("C where half of the steps lower the loss, against r/(2 − r)", crossing, r / (2 - r), 0.004),
            together("network: P(g·μ > 0) > ½", against_half(above)),
            near("network: C/C* where half of the steps lower the loss", of_network, 1.0, 0.2),
            together(
                "exponential noise: P(g·μ > 0) < ½ at c = 0.01 and 0.03",
                [below(f"c = {c:g}", e, 0.5) for c, e in zip(skewed_cs[:2], skewed[:2], strict=True)],
            ),
            together(
                "exponential noise: P(g·μ > 0) > ½ at c = 0.2 and 0.5",
                [above(f"c = {c:g}", e, 0.5) for c, e in zip(skewed_cs[2:], skewed[2:], strict=True)],
            ),
            proved("above C = 1 no noise brings P(g·μ > 0) to ½ or below", cantelli(1.0) == 0.5),
        ],
    )

    def draw(ax: Any) -> None:
        scaled = cs * (2 - r) / r
        points(ax, scaled, along, "g·μ > 0: quadratic", color="#009E73", marker="s", markerfacecolor="white")
        points(ax, relative, [a for a, _ in trials], "network", color="#009E73", marker="D")
        points(ax, scaled, falls, "loss falls: quadratic", marker="s", markerfacecolor="white")
        points(ax, relative, [f for _, f in trials], "network", marker="D")
        ax.axhline(0.5, **GUIDE)
        ax.axvline(1.0, label="C = C*", **GUIDE)
        ax.axvline((2 - r) / r, label="C = 1, quadratic", **CLAIMED)
        ax.set_xscale("log")
        finish(ax, "C/C*", "share of steps", "The loss falls from C* on, far below C = 1")

    return Finding(
        {
            "quadratic: P(g·μ > 0) at C = 0.1": along[5],
            "quadratic: P(loss falls) at C = 0.1": falls[5],
            "C where P(loss falls) is ½": crossing,
            "network: C/C* where P(loss falls) is ½": of_network,
            "exponential noise: P(g·μ > 0) at c = 0.01": skewed[0],
            "network: smallest P(g·μ > 0)": min((a for a, _ in trials), key=lambda e: e.value),
            "network: smallest P(loss falls)": min((f for _, f in trials), key=lambda e: e.value),
            "network: largest P(loss falls)": max((f for _, f in trials), key=lambda e: e.value),
        },
        ruling,
        "more than half of the steps pointing against the mean gradient somewhere, or P(loss falls) = ½ at "
        "C = 1",
        f"{n} steps at each of {cs.size} values of C; {steps} trial steps (B = {BATCH}, η = {RATE}) at each "
        f"of {len(low)} moments with C < 1",
        draw,
        "With Gaussian noise more than half of the steps point along the mean gradient at every C > 0, with "
        "symmetric noise no fewer than half; skewed noise can bring the share below ½ where C < 1, never "
        "where C > 1. The share that lowers the loss crosses ½ near C* = (η/2)(μᵀHμ + Tr HΣ)/Tr Σ, ηλ/(2 − "
        "ηλ) where H = λI, a matter of the step size; below it, as late in training, most steps do raise "
        "the loss.",
    )


def _quadratic_steps(
    cs: Array, d: int, r: float, n: int, rng: np.random.Generator
) -> tuple[list[est.Estimate], list[est.Estimate]]:
    """Shares of steps with g·μ > 0, and with a lower loss, on L = λ|θ|²/2 at each C; r = ηλ.

    In units of the noise, μ = λθ has length √(dC) along the first axis, and λ(θ − ηg) = μ − rg.
    """
    along, falls = [], []
    for c in cs:
        g = rng.standard_normal((n, d))
        g[:, 0] += math.sqrt(c * d)
        after = -r * g
        after[:, 0] += math.sqrt(c * d)
        along.append(share(g[:, 0] > 0))
        falls.append(share((after**2).sum(axis=1) < c * d))
    return along, falls


def _crossing(x: Array, shares: list[est.Estimate]) -> est.Estimate:
    """exp(x) where the share passes ½, from the line through the logits, with that line's interval."""
    inner = [k for k, e in enumerate(shares) if 0.02 < e.value < 0.98]
    logits = np.array([math.log(shares[k].value / (1 - shares[k].value)) for k in inner])
    weights = np.array([math.sqrt(shares[k].n * shares[k].value * (1 - shares[k].value)) for k in inner])
    fit, covariance = np.polyfit(x[inner], logits, 1, w=weights, cov="unscaled")
    at = -fit[1] / fit[0]
    tangent = np.array([at, 1.0]) / fit[0]
    # Curvature of the logits weighs as much as chance: their spread about the line is let in.
    rest = weights * (logits - np.polyval(fit, x[inner]))
    inflation = max(1.0, float(rest @ rest) / max(1, len(inner) - 2))
    half = 2.576 * math.sqrt(float(tangent @ covariance @ tangent) * inflation)
    return est.Estimate(
        math.exp(at), math.exp(at - half), math.exp(at + half), LEVEL, "logistic line", shares[0].n
    )


def _threshold(surface: Any, m: Moment, rng: np.random.Generator) -> float:
    """C* = (η/2)(μᵀHμ + Tr HΣ)/Tr Σ of one moment, the trace from 100 batches."""
    e = batch_gradients(m.gradients, BATCH, 100, rng) - m.mu
    bend = float(np.mean((e * surface.hvp(m.theta, e)).sum(axis=1)))
    along = float(m.mu @ surface.hvp(m.theta, m.mu))
    noise = float(m.gradients.var(axis=0).sum()) / BATCH
    return est.consolidation_threshold(RATE, along, bend, noise).value


def _trial_steps(surface: Any, m: Moment, n: int, rng: Any) -> tuple[est.Estimate, est.Estimate]:
    """Shares of SGD steps from one moment with g·μ > 0, and with a lower training loss."""
    g = batch_gradients(m.gradients, BATCH, n, rng)
    after = np.asarray(surface.loss(m.theta - RATE * g))
    return share(g @ m.mu > 0), share(after < float(surface.loss(m.theta)))


@claim(
    "C11",
    "4.1",
    claim="The form p = C/(1 + C) with its odds works for heavy-tailed gradients too.",
    test="Gradients with 1.5-stable noise at a fixed mean: do the odds read from n of them settle as n "
    "grows, and is p the share that points along the mean? Is it with scales in place of variances?",
    basis=COUNTER_EXAMPLE,
    quotation="works for heavy-tailed distributions",
    fair="With a scale that exists in place of the variance, p is the share that points along the mean.",
    since="2026-11-30",
    changed="The criterion of the claim as stated is that of the first edition; the reading with scales was "
    "added after its result had been seen.",
)
def odds_of_heavy_tails(lab: Lab) -> Finding:
    """Var = ∞, so C and the odds fall to 0 with n, while P(g·μ > 0) = F_α(|μ|/σ) stays."""
    alpha, d, signal, lines = 1.5, 10, 0.5, lab.size(3000, 150)
    sizes = np.array([100, 316, 1000, 3162])
    rng = lab.rng("C11")
    c = np.empty((lines, sizes.size))
    for i in range(lines):
        g = sample_stable(alpha, 0.0, size=(int(sizes[-1]), d), seed=int(rng.integers(2**31)))
        g[:, 0] += signal * math.sqrt(d)
        # The mean is known, so that its own error does not hide how the variance grows.
        c[i] = [signal**2 * d / g[:n].var(axis=0, ddof=1).sum() for n in sizes]
    decline = slope(np.log(sizes), np.log(c), "slope in log n")
    odds = [mapped(mean(np.log(column)), math.exp) for column in c.T]
    many = sample_stable(alpha, 0.0, size=lab.size(400_000, 50_000), seed=int(rng.integers(2**31)))
    along = share(many + signal * math.sqrt(d) > 0)
    p = mapped(odds[-1], lambda x: x / (1 + x))
    law = _stable_distribution(alpha, signal * math.sqrt(d))
    # What `consolidation_ratio(method="scale")` estimates: twice the squared scale is the variance at α = 2.
    of_scales = _p_of_scales(alpha, signal, d, lab.size(4000, 1000), rng)
    ruling = judge(
        [
            near("slope of the odds over n, both in logarithms", decline, 0.0, 0.05),
            near(f"P(g·μ > 0), against p at n = {sizes[-1]}", along, p.value, 0.1),
        ],
        fair=[near("P(g·μ > 0), against p of scales", along, of_scales.value, 0.1)],
        corrected=[
            near("slope of the odds over n, against 1 − 2/α", decline, 1 - 2 / alpha, 0.06),
            near("P(g·μ > 0), against F_α(|μ|/σ)", along, law, 0.005),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, sizes, [mapped(o, lambda x: x / (1 + x)) for o in odds], "p read from n gradients")
        ax.axhline(along.value, label="P(g·μ > 0)", **CORRECTED)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_ylim(1e-3, 2.0)
        finish(ax, "gradients n", "", "p falls with the number of gradients")

    return Finding(
        {
            "slope of the odds over n": decline,
            f"p at n = {sizes[-1]}": p,
            "P(g·μ > 0)": along,
            "p of scales": of_scales,
        },
        ruling,
        "odds that settle as n grows, at the odds of P(g·μ > 0)",
        f"{lines} series of {sizes[-1]} gradients in {d} dimensions, {many.size} draws along the mean",
        draw,
        "With α < 2 there is no covariance: C and the odds read from n gradients fall as n^(1 − 2/α). The "
        "probability exists, F_α(|μ|/σ) with σ the scale of the noise along μ, and is p neither of "
        "variances nor of scales.",
    )


def _p_of_scales(alpha: float, signal: float, d: int, n: int, rng: np.random.Generator) -> est.Estimate:
    """p of the C of stable scales, from n gradients with |μ|² = d·signal²."""
    g = sample_stable(alpha, 0.0, size=(n, d), seed=int(rng.integers(2**31)))
    g[:, 0] += signal * math.sqrt(d)
    found = est.consolidation_ratio(g, method="scale", level=LEVEL)
    return mapped(found, lambda c: c / (1 + c))


def _stable_distribution(alpha: float, x: float) -> float:
    """P(X ≤ x) = ½ + (1/π)∫ sin(ux) exp(−u^α)/u du of the symmetric law of unit scale."""
    u = np.linspace(0.0, 12.0, 200_001)[1:]
    density = np.sin(u * x) * np.exp(-(u**alpha)) / u
    # At 0 the integrand is x.
    inner = float(density.sum() - 0.5 * density[-1] + 0.5 * x) * (u[1] - u[0])
    return 0.5 + inner / math.pi
