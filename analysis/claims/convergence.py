"""C34–C37: what C says of the speed of convergence and of the Polyak–Łojasiewicz condition (§10, §13.3)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim import estimators as est

from .estimates import Array, exact, mapped, mean, slope
from .lab import Lab
from .ledger import Finding, claim
from .plots import CLAIMED, CORRECTED, GUIDE, finish, points
from .rules import above, below, judge, near, together, whether

# Curvatures of the quadratic on which bounds are tried: the PL constant is 1, the smoothness 10.
_CURVATURES = np.array([1.0, 4.0, 10.0])


@claim(
    "C34",
    "10.1",
    claim="One step lowers the mean loss by λ_eff = ηC|μ| of its value or more, up to a term in η².",
    test="Steps on an isotropic quadratic whose noise keeps C: the part of the decrease that is linear in η "
    "against C|μ|, at C from 0.1 to 100 and in three units of θ; and E L⁺/L at η = p/β on an elongated one.",
)
def effective_rate(lab: Lab) -> Finding:
    """E L⁺/L = 1 − 2ηλ + η²λ²(1 + 1/C): C only stands in the term in η²; 1 − pm/β bounds it."""
    n, rng = lab.size(40_000, 8000), lab.rng("C34")
    cs = (0.1, 1.0, 10.0, 100.0)
    rates = {c: _linear_part(c, n, rng) for c in cs}
    # The same function of θ′ = kθ has λ/k², η·k² and |μ|/k: ηC|μ| grows as k.
    lengths = {k: est.effective_rate(0.1 * k**2, 1.0, 1.0 / k).value for k in (0.1, 1.0, 10.0)}
    bounds = {c: _worst_factor(c, n, rng) for c in (0.2, 1.0, 5.0)}
    ruling = judge(
        [
            together(
                "decrease by η > C|μ|, |μ| = 1",
                [above(f"C = {c:g}", e, c) for c, e in rates.items()],
            ),
            whether(
                f"ηC|μ| is the same in every unit of θ: {', '.join(f'{v:.3g}' for v in lengths.values())}",
                max(lengths.values()) < 1.001 * min(lengths.values()),
            ),
        ],
        corrected=[
            together(
                "decrease by η = 2λ ± 0.1 at every C",
                [near(f"C = {c:g}", e, 2.0, 0.1) for c, e in rates.items()],
            ),
            together(
                "E L⁺/L < 1 − pm/β at η = p/β",
                [below(f"C = {c:g}", e, 1 - c / (1 + c) / 10) for c, e in bounds.items()],
            ),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, cs, list(rates.values()))
        grid = np.geomspace(0.1, 100, 50)
        ax.plot(grid, grid, label="claimed: C|μ|", **CLAIMED)
        ax.axhline(2.0, label="2λ", **CORRECTED)
        ax.set_xscale("log")
        ax.set_yscale("log")
        finish(ax, "C", "decrease of the loss by η", "The decrease of small steps doesn't hold C")

    return Finding(
        {
            **{f"decrease by η at C = {c:g}, |μ| = 1": e for c, e in rates.items()},
            **{f"ηC|μ| with θ in units of {1 / k:g}": exact(v) for k, v in lengths.items()},
            **{f"largest E L⁺/L at η = p/β, C = {c:g}": e for c, e in bounds.items()},
        },
        ruling,
        "a decrease of at least ηC|μ| in every unit of θ",
        f"{n} steps at each of {len(cs)} values of C and 3 of η, and from each of 4 points at 3 values of C",
        draw,
        "On a β-smooth loss with the PL constant m: E L⁺ − L* ≤ [1 − 2mη(1 − (βη/2)(1 + 1/C))](L − L*), at "
        "its best 1 − pm/β, at η = p/β. The rate rises with p and saturates in C; ηC|μ| has a unit and no "
        "bound.",
    )


def _linear_part(c: float, n: int, rng: np.random.Generator) -> est.Estimate:
    """The coefficient of η in 1 − E L⁺/L on |θ|²/2 with |μ| = |θ| = 1, d = 5.

    Three step sizes tell it from the term in η²; their maxima keep both terms of one size.
    """
    d, top = 5, c / (1 + c)
    etas = top * np.array([0.5, 1.0, 2.0])
    z = rng.standard_normal((n, etas.size, d)) / math.sqrt(d * c)
    z[..., 0] += 1.0
    after = -etas[:, None] * z
    after[..., 0] += 1.0
    decrease = 1 - (after**2).sum(axis=-1)
    solve = np.linalg.pinv(np.column_stack([etas, etas**2]))
    return mean(decrease @ solve[0], "fit of η and η², mean over steps")


def _worst_factor(c: float, n: int, rng: np.random.Generator) -> est.Estimate:
    """E L⁺/L at η = p/β on Σ λ_i θ_i²/2, the largest of 4 random points; the noise is white and keeps C."""
    eta, found = c / (1 + c) / 10, []
    for theta in rng.standard_normal((4, 3)):
        mu = _CURVATURES * theta
        noise = math.sqrt(mu @ mu / (3 * c)) * rng.standard_normal((n, 3))
        after = theta - eta * (mu + noise)
        found.append(mean((after**2 @ _CURVATURES) / (theta**2 @ _CURVATURES), "mean over steps"))
    return max(found, key=lambda e: e.high)


@claim(
    "C35",
    "10.1",
    claim="Wherever PL holds the mean loss falls exponentially, for C > 0 always holds.",
    test="SGD on an isotropic quadratic (PL holds): the late slope of the logarithm of the mean loss under "
    "noise of fixed size, and at C = 0.2, ηλ = 0.5 and C = 1, ηλ = 0.1 under noise that keeps C.",
    fair="Wherever PL holds and C stays above the C* of the step, the mean loss falls exponentially.",
)
def linear_convergence(lab: Lab) -> Finding:
    """Noise of fixed size lets C fall to r/(2 − r), where the loss stays at ηTr Σ/(2(2 − r))."""
    d, groups, runs, steps = 10, 20, lab.size(400, 40), 150
    rng, r = lab.rng("C35"), 0.1
    fixed = _mean_losses(r, None, (groups, runs, d), steps, rng)
    kept = _mean_losses(r, 1.0, (groups, runs, d), steps, rng)
    long = _mean_losses(0.5, 0.2, (groups, runs, d), 20, rng)
    late = slice(steps // 2, None)
    t = np.arange(steps + 1.0)
    slow = slope(t[late], np.log(fixed[:, late]), "slope of log mean loss")
    quick = slope(t[: steps // 5], np.log(kept[:, : steps // 5]), "slope of log mean loss")
    # Of a loss that grows by heavy factors the mean of one step, from equal points, is taken.
    grows = mean(np.log(long[:, 1] / long[:, 0]), "mean over groups")
    floor = mean(fixed[:, late].mean(axis=1), "mean over groups")
    # λ = 1 and unit variance a coordinate: Tr Σ = d.
    level = r * d / (2 * (2 - r))
    ruling = judge(
        [
            below("late slope, noise of fixed size", slow, -0.02),
            below("log E L⁺/L at C = 0.2, ηλ = 0.5", grows, 0.0),
        ],
        [
            below("slope, C kept at 1, η < 2p/β", quick, -0.02),
            whether(f"C* = r/(2 − r) = {r / (2 - r):.3g} lies below C = 1", r / (2 - r) < 1),
        ],
        corrected=[
            near("late slope, noise of fixed size", slow, 0.0, 0.005),
            near("loss at the end over ηTr Σ/(2(2 − r))", mapped(floor, lambda v: v / level), 1.0, 0.05),
            near("log E L⁺/L at C = 0.2, ηλ = 0.5, against log 1.5", grows, math.log(1.5), 0.05),
        ],
    )

    def draw(ax: Any) -> None:
        ax.semilogy(fixed.mean(axis=0), color="#0072B2", label="noise of fixed size, r = 0.1")
        ax.semilogy(kept.mean(axis=0), color="#CC79A7", label="C kept at 1, r = 0.1")
        ax.semilogy(long.mean(axis=0), color="#E69F00", label="C kept at 0.2, r = 0.5")
        ax.axhline(level, label="ηTr Σ/(2(2 − r))", **CORRECTED)
        ax.set_ylim(1e-10, 1e6)
        finish(ax, "step", "mean loss", "PL and C > 0 don't make it converge")

    return Finding(
        {
            "late slope of log mean loss, noise of fixed size": slow,
            "log E L⁺/L at C = 0.2, ηλ = 0.5": grows,
            "slope of log mean loss, C kept at 1": quick,
            "loss at the end, noise of fixed size": floor,
        },
        ruling,
        "a loss that goes on falling exponentially under noise of fixed size",
        f"{groups} groups of {runs} runs in {d} dimensions, {steps} steps",
        draw,
        "The mean loss falls exponentially where C stays above a positive bound and η < 2/(β(1 + 1/C)). "
        "Under noise of fixed size C falls to ηλ/(2 − ηλ) and the loss stays; a longer step lets it grow.",
    )


def _mean_losses(
    r: float, c: float | None, shape: tuple[int, int, int], steps: int, rng: np.random.Generator
) -> Array:
    """Mean losses (groups, steps + 1) of SGD on |θ|²/2, from |θ_i| = 3; noise keeps C, or has variance 1."""
    d = shape[-1]
    theta = np.full(shape, 3.0)
    losses = np.empty((shape[0], steps + 1))
    for k in range(steps + 1):
        norm2 = (theta**2).sum(axis=-1)
        losses[:, k] = norm2.mean(axis=1) / 2
        size = 1.0 if c is None else np.sqrt(norm2 / (d * c))[..., None]
        theta = theta - r * (theta + size * rng.standard_normal(shape))
    return losses


@claim(
    "C36",
    "10.2, 13.3",
    claim="Where C > 1 the Polyak–Łojasiewicz condition holds approximately.",
    test="SGD with C kept at 4 on x⁴, and at 10⁴ past the saddle of x²/2 + (y² − 1)²/4: the smallest "
    "|∇L|²/(2(L − L*)) of a run over its value at the start; the same with C = 0.1 on a quadratic.",
)
def pl_condition(lab: Lab) -> Finding:
    """On x⁴ the ratio is 8x², which goes to 0 with x whatever C is; on λx²/2 it is λ whatever C is."""
    runs, steps, rng = lab.size(400, 60), 600, lab.rng("C36")
    found = {}
    for name, gradient, loss, start, c, eta in (
        ("x⁴, C = 4", lambda x: 4 * x**3, lambda x: (x**4).sum(axis=1), (1.0,), 4.0, 0.05),
        ("saddle, C = 10⁴", _saddle_gradient, _saddle_loss, (1.0, 1e-3), 1e4, 0.1),
        ("quadratic, C = 0.1", lambda x: x, lambda x: (x**2).sum(axis=1) / 2, (1.0,), 0.1, 0.05),
    ):
        found[name] = _pl_ratios(gradient, loss, start, c, eta, (runs, steps), rng)
    smallest = {
        name: mean(ratio.min(axis=1) / ratio[:, 0], "mean over runs") for name, ratio in found.items()
    }
    above_one = [n for n in found if "C = 0.1" not in n]
    ruling = judge(
        [
            together(
                "smallest ratio > 0.1 of the first, C > 1",
                [above(n, smallest[n], 0.1) for n in above_one],
            )
        ],
        corrected=[
            near("the same on a quadratic with C = 0.1", smallest["quadratic, C = 0.1"], 1.0, 1e-6),
            together("< 0.05 with C > 1", [below(n, smallest[n], 0.05) for n in above_one]),
        ],
    )

    def draw(ax: Any) -> None:
        for (name, ratio), colour in zip(found.items(), ("#0072B2", "#CC79A7", "#009E73"), strict=True):
            ax.loglog(
                np.arange(1, steps + 1), np.median(ratio / ratio[:, :1], axis=0), color=colour, label=name
            )
        ax.axhline(1.0, **GUIDE)
        finish(ax, "step", "|∇L|²/(2(L − L*)), of its start", "C and PL have nothing to do with each other")

    return Finding(
        {f"smallest PL ratio over the first, {n}": e for n, e in smallest.items()},
        ruling,
        "a ratio that stays above a tenth of its start on every loss with C > 1",
        f"{runs} runs of {steps} steps on each of 3 losses",
        draw,
        "PL is a matter of the shape of the loss and C one of the noise: x⁴ and any saddle break PL at every "
        "C, without noise too, and a quadratic keeps it at every C.",
    )


def _saddle_loss(x: Array) -> Array:
    """x²/2 + (y² − 1)²/4, with the minima (0, ±1) and a saddle at 0."""
    return np.asarray(x[:, 0] ** 2 / 2 + (x[:, 1] ** 2 - 1) ** 2 / 4)


def _saddle_gradient(x: Array) -> Array:
    return np.column_stack([x[:, 0], x[:, 1] ** 3 - x[:, 1]])


def _pl_ratios(
    gradient: Any, loss: Any, start: tuple[float, ...], c: float, eta: float, size: tuple[int, int],
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    """|∇L|²/(2(L − L*)) (runs, steps) along SGD whose noise keeps C."""
    runs, steps = size
    x, ratios = np.tile(np.array(start), (runs, 1)), np.empty(size)
    for k in range(steps):
        mu = gradient(x)
        norm2 = (mu**2).sum(axis=1)
        ratios[:, k] = norm2 / (2 * loss(x))
        noise = np.sqrt(norm2 / (c * x.shape[1]))[:, None] * rng.standard_normal(x.shape)
        x = x - eta * (mu + noise)
    return ratios


@claim(
    "C37",
    "13.3",
    claim="With C > 1 the loss falls at least as (1 − λ_eff/2)^t, λ_eff = ηC|μ|, the rate of §10.1.",
    test="SGD at C = 4, ηλ = 0.1 on an isotropic quadratic in three units of θ: the mean loss after 10 steps "
    "against the product of 1 − λ_eff/2 over the steps; and the two rates of the source side by side.",
)
def half_rate(lab: Lab) -> Finding:
    """E L_t/L_0 = (1 − 2r + r²(1 + 1/C))^t in every unit; λ_eff depends on the unit."""
    d, c, r, steps, runs = 5, 4.0, 0.1, 10, lab.size(40_000, 8000)
    rng = lab.rng("C37")
    theta = np.tile(np.eye(1, d), (runs, 1))
    lengths = np.empty((steps, runs))
    for k in range(steps):
        lengths[k] = np.sqrt((theta**2).sum(axis=1))
        theta = theta - r * (
            theta + lengths[k][:, None] / math.sqrt(d * c) * rng.standard_normal(theta.shape)
        )
    left = mean((theta**2).sum(axis=1), "mean over runs")
    # With |μ| = k at the start: the bound on the mean, with the mean length of μ at each step.
    units = (0.1, 1.0, 10.0)
    bounds = {k: float(np.prod(1 - r * c * k * lengths.mean(axis=1) / 2)) for k in units}
    rate = est.effective_rate(0.01, c, 1.0).value
    twice = exact(math.log1p(-rate) / math.log1p(-rate / 2), "ratio of logarithms")
    truth = float(est.contraction_factor(r, c, 1.0, 1.0)) ** steps
    ruling = judge(
        [
            together(
                "loss left after 10 steps < Π(1 − λ_eff/2)",
                [below(f"|μ| = {k:g}", left, b) for k, b in bounds.items()],
            ),
            near("rate of §10.1 over that of §13.3", twice, 1.0, 0.1),
        ],
        corrected=[
            near("loss left, over (1 − 2r + r²(1 + 1/C))^10", mapped(left, lambda v: v / truth), 1.0, 0.02)
        ],
    )

    def draw(ax: Any) -> None:
        ax.semilogy(np.arange(steps), (lengths**2).mean(axis=1), "o", color="#0072B2", label="measured")
        for k in units[:2]:
            ax.plot(
                np.cumprod([1.0, *(1 - r * c * k * lengths.mean(axis=1) / 2)]),
                label=f"claimed, |μ| = {k:g}", **CLAIMED,
            )  # fmt: skip
        ax.plot(truth ** (np.arange(steps + 1) / steps), label="1 − 2r + r²(1 + 1/C)", **CORRECTED)
        finish(ax, "step", "loss, of its start", "The claimed rate depends on the unit of θ")

    return Finding(
        {
            "loss left after 10 steps": left,
            **{f"Π(1 − λ_eff/2) with |μ| = {k:g}": exact(b, "product over steps") for k, b in bounds.items()},
            "rate of §10.1 over that of §13.3": twice,
        },
        ruling,
        "a loss below the claimed bound in every unit of θ",
        f"{runs} runs of {steps} steps in {d} dimensions",
        draw,
        "§13.3 has half the rate of §10.1, and both depend on the unit of θ. What does bound the loss on "
        "average is [1 − 2mη(1 − (βη/2)(1 + 1/C))]^t, an equality on an isotropic quadratic.",
    )
