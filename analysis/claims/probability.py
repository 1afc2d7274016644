"""C8–C11: what p = C/(1 + C) says of a single step (§4.1, §5)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import ndtr

from sdesim import estimators as est
from sdesim.noise import sample_stable

from .estimates import LEVEL, exact, mapped, mean, ratio_of_means, share, slope
from .lab import Lab
from .ledger import Finding, claim
from .networks import BATCH, RATE, Array, Moment, batch_gradients, regression_network
from .plots import CLAIMED, CORRECTED, GUIDE, OTHER, finish, points
from .rules import above, below, judge, near, together, whether


@claim(
    "C8",
    "4.1",
    claim="For Gaussian gradients the probability of pointing along the mean gradient is Φ(√C).",
    test="The share of gradients with g·μ > 0, white Gaussian ones and a network's, against Φ(√C) and "
    "against Φ(|μ|²/√(μᵀΣμ)), which is Φ(√(dC)) for white noise.",
    shares="regression network",
)
def direction(lab: Lab) -> Finding:
    """g·μ is Gaussian with mean |μ|² and variance μᵀΣμ."""
    c, n, rng = 0.04, lab.size(400_000, 40_000), lab.rng("C8")
    dims = np.array([1, 4, 16, 64, 100])
    # Only the coordinate along μ matters; the others have mean 0 in g·μ.
    found = [share(math.sqrt(c * d) + rng.standard_normal(n) > 0) for d in dims]
    literal = est.direction_probability(c, method="literal").value
    right = [est.direction_probability(c, int(d)).value for d in dims]
    moments, steps = regression_network(lab).moments, lab.size(4000, 1000)
    real = [share(batch_gradients(m.gradients @ m.mu[:, None], BATCH, steps, rng)[:, 0] > 0) for m in moments]
    gaussian = [float(ndtr(math.sqrt(BATCH) * (m.mu @ m.mu) / (m.gradients @ m.mu).std())) for m in moments]
    claimed = [float(ndtr(math.sqrt(BATCH * m.c_one))) for m in moments]

    def against(es: list[est.Estimate], values: Any, tolerance: float, label: str) -> list[Any]:
        return [near(label, e, float(v), tolerance) for e, v in zip(es, values, strict=True)]

    ruling = judge(
        [
            together("white: Φ(√C) ± 0.01", against(found, [literal] * dims.size, 0.01, "P(g·μ > 0)")),
            together("network: Φ(√C) ± 0.05", against(real, claimed, 0.05, "P(g·μ > 0)")),
        ],
        corrected=[
            together("white: Φ(√(dC)) ± 0.01", against(found, right, 0.01, "P(g·μ > 0)")),
            together("network: Φ(|μ|²/√(μᵀΣμ)) ± 0.05", against(real, gaussian, 0.05, "P(g·μ > 0)")),
        ],
    )

    def draw(ax: Any) -> None:
        ones = BATCH * np.array([m.c_one for m in moments])
        points(ax, ones, real, "network, measured")
        ax.plot(ones, gaussian, "s", markersize=4, label="Φ(|μ|²/√(μᵀΣμ))", color="#009E73", zorder=3)
        grid = np.geomspace(ones.min(), ones.max(), 50)
        ax.semilogx(grid, ndtr(np.sqrt(grid)), label="claimed: Φ(√C)", **CLAIMED)
        finish(ax, f"C at B = {BATCH}", "P(g·μ > 0)", "A network's gradients during training")

    last = moments[-1]
    return Finding(
        {
            **{f"white, C = 0.04, d = {d}": e for d, e in zip(dims, found, strict=True)},
            f"network at step {last.step}": real[-1],
            f"network at step {last.step}, Φ(√C)": exact(claimed[-1]),
        },
        ruling,
        f"shares within 0.01 of {literal:.3f} in every dimension",
        f"{n} white gradients in each of {dims.size} dimensions; {steps} batches at each of {len(moments)} "
        "moments",
        draw,
        "P(g·μ > 0) = Φ(√(dC)) for white Gaussian noise, Φ(|μ|²/√(μᵀΣμ)) for any Gaussian noise.",
    )


@claim(
    "C9",
    "4.1",
    claim="p = C/(1 + C) is the logistic approximation of the probability that a step points the right way, "
    "and an exact one-to-one map of C.",
    test="White gradients at C from 0 to 3: the share with g·μ > 0 against p; and p against the coherence "
    "of two gradients, the squared cosine with μ, and the best relative decrease of a quadratic loss.",
)
def meaning_of_p(lab: Lab) -> Finding:
    """p = E⟨g, g′⟩/E|g|² ≈ E cos²(g, μ) for large d = 1 − E L(θ − η*g)/L at the best η, H = λI."""
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
        cosine2.append(mean(g[:, 0] ** 2 / norm2, "mean over draws"))
        decrease.append(_best_decrease(g, c) if c else exact(0.0))
    roundtrip = max(abs(est.odds(est.probability(float(c))).value - c) for c in cs)

    def against(es: list[est.Estimate], tolerance: float) -> list[Any]:
        return [near(f"C = {c:g}", e, float(v), tolerance) for c, e, v in zip(cs, es, p, strict=True)]

    ruling = judge(
        [
            together("P(g·μ > 0) = p ± 0.05", against(along, 0.05)),
            whether("C ↔ p one to one", roundtrip < 1e-12),
        ],
        corrected=[
            together("coherence = p ± 0.02", against(coherence, 0.02)),
            together("mean squared cosine = p ± 0.02", against(cosine2, 0.02)),
            together("best relative decrease of the loss = p ± 0.02", against(decrease, 0.02)),
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
            "best relative decrease at C = 1": decrease[3],
        },
        ruling,
        "shares within 0.05 of p, such as 0 without any signal",
        f"{n} pairs of gradients in {d} dimensions at each of {cs.size} values of C",
        draw,
        "p is the coherence E⟨g, g′⟩/E|g|² of two gradients, about E cos²(g, μ), and the best relative "
        "decrease of an isotropic quadratic loss per step; it maps C one to one, but is no probability of a "
        "good step.",
    )


def _best_decrease(g: Array, c: float) -> est.Estimate:
    """1 − E L(θ − ηg)/L(θ) at η = p/λ on L = λ|θ|²/2, where μ = λθ lies along the first axis."""
    mu = np.zeros(g.shape[1])
    mu[0] = math.sqrt(c * g.shape[1])
    after = mu - c / (1 + c) * g
    return mean(1 - (after**2).sum(axis=1) / (mu @ mu), "mean over draws")


@claim(
    "C10",
    "4.1, 5",
    claim="A step at C below 1 is more likely wrong than right.",
    test="Trial steps below C = 1 on an isotropic quadratic (d = 200, ηλ = 0.1) and on a network in "
    "training: how many point along the mean gradient, how many lower the loss, and where does that share "
    "cross ½?",
    shares="regression network",
)
def wrong_steps(lab: Lab) -> Finding:
    """On the quadratic the loss falls with a noncentral χ² probability that crosses ½ near C* = r/(2 − r)."""
    d, r, n, rng = 200, 0.1, lab.size(20_000, 3000), lab.rng("C10")
    cs = np.array([0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.3, 0.9])
    along, falls = _quadratic_steps(cs, d, r, n, rng)
    crossing = _crossing(np.log(cs), falls)
    net, steps = regression_network(lab), lab.size(400, 100)
    low = [m for m in net.moments if BATCH * m.c_one < 1]
    trials = [_trial_steps(net.surface, m, steps, rng) for m in low]
    relative = np.array([BATCH * m.c_one / _threshold(net.surface, m, rng) for m in low])
    of_network = _crossing(np.log(relative), [f for _, f in trials])

    def against_half(rule: Any) -> list[Any]:
        return [rule(f"step {m.step}", a, 0.5) for m, (a, _) in zip(low, trials, strict=True)]

    ruling = judge(
        [
            together(
                "quadratic: P(g·μ > 0) < ½ below C = 1",
                [below(f"C = {c:g}", e, 0.5) for c, e in zip(cs, along, strict=True)],
            ),
            together("network: the same", against_half(below)),
            near("C where half of the steps lower the loss", crossing, 1.0, 0.2),
        ],
        corrected=[
            near("C where half of the steps lower the loss, against r/(2 − r)", crossing, r / (2 - r), 0.004),
            together("network: P(g·μ > 0) > ½", against_half(above)),
            near("network: C/C* where half of the steps lower the loss", of_network, 1.0, 0.2),
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
        "With symmetric noise more than half of the steps point along the mean gradient at every C > 0; the "
        "share that lowers the loss crosses ½ at C* = (η/2)(μᵀHμ + Tr HΣ)/Tr Σ, ηλ/(2 − ηλ) on a quadratic, "
        "a matter of the step size; below it, as late in training, most steps do raise the loss.",
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
    "grows, and is p the share that points along the mean?",
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
    ruling = judge(
        [
            near("slope of the odds over n, both in logarithms", decline, 0.0, 0.05),
            near(f"P(g·μ > 0), against p at n = {sizes[-1]}", along, p.value, 0.1),
        ],
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
        {"slope of the odds over n": decline, f"p at n = {sizes[-1]}": p, "P(g·μ > 0)": along},
        ruling,
        "odds that settle as n grows, at the odds of P(g·μ > 0)",
        f"{lines} series of {sizes[-1]} gradients in {d} dimensions, {many.size} draws along the mean",
        draw,
        "With α < 2 there is no covariance: C and the odds read from n gradients fall as n^(1 − 2/α). The "
        "probability exists, F_α(|μ|/σ), and is not p.",
    )


def _stable_distribution(alpha: float, x: float) -> float:
    """P(X ≤ x) = ½ + (1/π)∫ sin(ux) exp(−u^α)/u du of the symmetric law of unit scale."""
    u = np.linspace(0.0, 12.0, 200_001)[1:]
    density = np.sin(u * x) * np.exp(-(u**alpha)) / u
    # At 0 the integrand is x.
    inner = float(density.sum() - 0.5 * density[-1] + 0.5 * x) * (u[1] - u[0])
    return 0.5 + inner / math.pi
