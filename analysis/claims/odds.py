"""C12–C13: what the odds p/(1 − p) say of the speed of learning (§4.2, §12.1)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim import estimators as est

from .estimates import exact, mean, ratio
from .lab import Lab
from .ledger import Finding, claim
from .plots import CLAIMED, CORRECTED, finish, points
from .rules import judge, judge_convention, near, together, whether

# The tables of §4.2 and §12.1: p and the odds beside it.
_TABLE = {0.4: 0.67, 0.5: 1.0, 0.6: 1.5, 0.75: 3.0, 0.9: 9.0}


@claim(
    "C12",
    "4.2, 12.1",
    claim="The odds p/(1 − p) are C, with the values of the tables.",
    test="p → odds → p over twelve decades of C, and the five rows of the tables, in plain arithmetic.",
)
def odds_are_c(lab: Lab) -> Finding:
    """p/(1 − p) = C by definition of p."""
    cs = np.geomspace(1e-6, 1e6, lab.size(241, 49))
    back = np.array([est.odds(est.probability(float(c))).value for c in cs])
    worst = exact(float(np.abs(back / cs - 1).max()), "largest relative error")
    rows = {p: est.odds(p).value for p in _TABLE}
    ruling = judge_convention(
        [
            # 1 − p loses up to six digits at C = 1e6.
            near("largest relative error of odds(p(C))", worst, 0.0, 1e-9),
            together(
                "rows of the tables, to the digits given",
                [
                    whether(f"p = {p}: {rows[p]:.4g}", abs(rows[p] - odds) < 0.005)
                    for p, odds in _TABLE.items()
                ],
            ),
        ]
    )

    def draw(ax: Any) -> None:
        ax.loglog(cs, back, label="odds of p(C)", **CORRECTED)
        ax.loglog(
            list(rows.values()), list(_TABLE.values()), "o", color="#0072B2", label="rows of the tables"
        )
        finish(ax, "C", "odds", "The odds are C")

    return Finding(
        {"largest relative error": worst, **{f"odds at p = {p}": exact(v) for p, v in rows.items()}},
        ruling,
        "nothing but an error of arithmetic",
        f"{cs.size} values of C, {len(rows)} rows",
        draw,
        "The odds are C by definition; a row of the tables is wrong.",
    )


@claim(
    "C13",
    "4.2",
    claim="At p = 0.75 learning converges three times as fast as a random walk (p = 0.5).",
    test="Descent on an isotropic quadratic whose noise keeps C fixed, at the best step size: the rate of "
    "contraction of the loss at C = 3 over that at C = 1, and the rate without any signal.",
)
def acceleration(lab: Lab) -> Finding:
    """The best step leaves E L⁺/L = 1 − p, so that the rate is −log(1 − p) = log(1 + C)."""
    d, steps, lines, rng = 20, 10, lab.size(20_000, 3000), lab.rng("C13")
    cs = np.array([0.25, 0.5, 1.0, 2.0, 3.0, 6.0])
    rates = {float(c): _rate(float(c), d, steps, lines, rng) for c in cs}
    gain = ratio(rates[3.0], rates[1.0], "ratio of rates")
    # Without signal η* = 0 and the loss stays; any larger step can only raise it.
    walk = mean(((1.0 - 0.05 * rng.standard_normal((lines, d))) ** 2).mean(axis=1), "mean over steps")
    ruling = judge(
        [near("rate at p = 0.75 over rate at p = 0.5", gain, 3.0, 0.2)],
        corrected=[
            near("the same, against log 4/log 2", gain, 2.0, 0.1),
            together(
                "rate log(1 + C) ± 5%",
                [near(f"C = {c:g}", e, math.log1p(c), 0.05 * math.log1p(c)) for c, e in rates.items()],
            ),
            whether(f"steps of noise alone raise the loss: × {walk.value:.4f} a step", walk.low > 1.0),
        ],
    )

    def draw(ax: Any) -> None:
        base = rates[1.0].value
        points(ax, cs, [ratio(e, exact(base)) for e in rates.values()])
        grid = np.linspace(0, 6, 100)
        ax.plot(grid, grid, label="claimed: C", **CLAIMED)
        ax.plot(grid, np.log1p(grid) / math.log(2), label="log(1 + C)/log 2", **CORRECTED)
        finish(ax, "C", "rate over that at C = 1", "The speed grows with the logarithm of C")

    return Finding(
        {
            "rate at p = 0.75 over rate at p = 0.5": gain,
            "rate at C = 1": rates[1.0],
            "rate at C = 3": rates[3.0],
        },
        ruling,
        "a ratio of rates of 2.8 to 3.2",
        f"{lines} runs of {steps} steps in {d} dimensions at each of {cs.size} values of C",
        draw,
        "The best rate of contraction is log(1 + C) per step: twice as fast at C = 3 as at C = 1. A random "
        "walk has C = 0 and rate 0, so that nothing is three times as fast.",
    )


def _rate(c: float, d: int, steps: int, lines: int, rng: np.random.Generator) -> est.Estimate:
    """−log of the mean relative loss after one step, over independent runs of several steps.

    Every run keeps C by noise of variance |μ|²/(dC) a coordinate, at η = p/λ, λ = 1.
    """
    p = c / (1 + c)
    theta = np.tile(np.eye(1, d), (lines, 1))
    ratios = np.empty((steps, lines))
    for k in range(steps):
        norm2 = (theta**2).sum(axis=1, keepdims=True)
        g = theta + np.sqrt(norm2 / (d * c)) * rng.standard_normal((lines, d))
        theta = theta - p * g
        ratios[k] = (theta**2).sum(axis=1) / norm2[:, 0]
    e = mean(ratios.mean(axis=0), "mean over runs")
    return est.Estimate(
        -math.log(e.value), -math.log(e.high), -math.log(e.low), e.level, "minus log of the mean", lines
    )
