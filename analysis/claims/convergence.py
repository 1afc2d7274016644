"""C34 and C37: what C says of the speed of convergence (§10.1, §13.3)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim import estimators as est

from .estimates import exact, mapped, mean
from .lab import Lab
from .ledger import DEDUCED, NOW_EXACT, Finding, claim
from .plots import CLAIMED, CORRECTED, finish, points
from .rules import below, judge, near, proved, together

# Curvatures of the quadratic on which bounds are tried: the PL constant is 1, the smoothness 10.
_CURVATURES = np.array([1.0, 4.0, 10.0])


@claim(
    "C34",
    "10.1",
    claim="One step lowers the mean loss by λ_eff = ηC|μ| of its value or more, up to a term in η².",
    test="E L⁺/L = 1 − 2ηλ + η²λ²(1 + 1/C) of a step on an isotropic quadratic: its part linear in η against "
    "C|μ|, at C from 0.1 to 100 and in three units of θ; beside it draws, and E L⁺/L at η = p/β on an "
    "elongated one.",
    basis=DEDUCED,
    quotation="The expected loss improvement per step satisfies",
    since="2026-11-25",
    changed=NOW_EXACT,
)
def effective_rate(lab: Lab) -> Finding:
    """E L⁺/L = 1 − 2ηλ + η²λ²(1 + 1/C): C only stands in the term in η²; 1 − pm/β bounds it."""
    n, rng = lab.size(40_000, 8000), lab.rng("C34")
    cs = (0.1, 1.0, 10.0, 100.0)
    rates = {c: _linear_part(c, n, rng) for c in cs}
    # The same function of θ′ = kθ has λ/k², η·k² and |μ|/k: ηC|μ| grows as k.
    lengths = {k: est.effective_rate(0.1 * k**2, 1.0, 1.0 / k).value for k in (0.1, 1.0, 10.0)}
    bounds = {c: _worstone_step_factor(c, n, rng) for c in (0.2, 1.0, 5.0)}
    ruling = judge(
        [
            together(
                "decrease by η, 2λ, > C|μ| at |μ| = λ = 1",
                [proved(f"C = {c:g}: {_linear_exactly(c):.4g}", _linear_exactly(c) > c) for c in cs],
            ),
            proved(
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
            "decrease by η at every C, |μ| = λ = 1": exact(_linear_exactly(10.0)),
            **{f"decrease by η at C = {c:g}, |μ| = 1": e for c, e in rates.items()},
            **{f"ηC|μ| with θ in units of {1 / k:g}": exact(v) for k, v in lengths.items()},
            **{f"largest E L⁺/L at η = p/β, C = {c:g}": e for c, e in bounds.items()},
        },
        ruling,
        "a decrease of at least ηC|μ| in every unit of θ",
        f"{n} steps at each of {len(cs)} values of C and 3 of η, and from each of 4 points at 3 values of C",
        draw,
        "On a β-smooth loss with the PL constant m: E L⁺ − L* ≤ [1 − 2mη(1 − (βη/2)(1 + 1/C))](L − L*) for "
        "η ≤ 2p/β, at its best 1 − pm/β, at η = p/β. The rate rises with p and saturates in C; ηC|μ| has a "
        "unit and no bound.",
    )


def _linear_exactly(c: float) -> float:
    """−d/dη E L⁺/L at η = 0 on |θ|²/2, from the closed form at ±1e-6; the term in η² falls out."""
    h = 1e-6
    return -(one_step_factor(h, c) - one_step_factor(-h, c)) / (2 * h)


def one_step_factor(r: float, c: float) -> float:
    """E L⁺/L = 1 − 2r + r²(1 + 1/C) of a step on an isotropic quadratic, r = ηλ, C that of the step."""
    return 1 - 2 * r + r**2 * (1 + 1 / c)


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


def _worstone_step_factor(c: float, n: int, rng: np.random.Generator) -> est.Estimate:
    """E L⁺/L at η = p/β on Σ λ_i θ_i²/2, the largest of 4 random points; the noise is white and keeps C."""
    eta, found = c / (1 + c) / 10, []
    for theta in rng.standard_normal((4, 3)):
        mu = _CURVATURES * theta
        noise = math.sqrt(mu @ mu / (3 * c)) * rng.standard_normal((n, 3))
        after = theta - eta * (mu + noise)
        found.append(mean((after**2 @ _CURVATURES) / (theta**2 @ _CURVATURES), "mean over steps"))
    return max(found, key=lambda e: e.high)


@claim(
    "C37",
    "13.3",
    claim="With C > 1 the loss falls at least as (1 − λ_eff/2)^t, λ_eff = ηC|μ|, the rate of §10.1.",
    test="A step at C = 4, ηλ = 0.1 on an isotropic quadratic: E L⁺/L against 1 − λ_eff/2 in three units of "
    "θ; and the two rates of the source side by side. Beside it the mean loss of runs after 10 steps.",
    basis=DEDUCED,
    quotation="the Polyak-Łojasiewicz condition holds approximately, guaranteeing",
    since="2026-11-30",
    changed="One step is judged by its exact mean, in the first edition ten steps by a sample.",
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
    one = one_step_factor(r, c)
    ruling = judge(
        [
            together(
                f"E L⁺/L = {one:.4g} ≤ 1 − λ_eff/2",
                [proved(f"|μ| = {k:g}: {1 - r * c * k / 2:.4g}", one <= 1 - r * c * k / 2) for k in units],
            ),
            proved(
                f"rate of §10.1 over that of §13.3 = 1 ± 0.1: {twice.value:.4g}", abs(twice.value - 1) <= 0.1
            ),
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
            "E L⁺/L of one step": exact(one),
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
