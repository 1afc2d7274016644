"""C24–C26: the margin S and the coefficient I = pS/d_H (§6)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim import estimators as est

from .estimates import Array, exact, share
from .lab import Lab
from .ledger import DEDUCED, NOW_EXACT, Finding, claim
from .plots import CLAIMED, CORRECTED, GUIDE, finish
from .rules import above, judge, proved


@claim(
    "C24",
    "6.1",
    claim="The sign of S = 2η − λ_max says whether gradient descent is stable, as ηλ_max < 2 does.",
    test="Over a grid of η and λ: in which share does a reading of the sign of S, S < 0 or S > 0 as stable, "
    "agree with ηλ < 2? Beside it gradient descent on λx²/2 for random η and λ, plain and with momentum.",
    basis=DEDUCED,
    quotation="$S < 0$ is safe (stable)",
    since="2026-11-30",
    changed="Two readings of the sign that exclude each other had both to agree, so that the claim could not "
    "come out as holding; now the better of the two has to.",
)
def margin_sign(lab: Lab) -> Finding:
    """ηλ < 2 is 2/η − λ > 0; 2η − λ compares a length of step with a curvature."""
    n, rng = lab.size(20_000, 3000), lab.rng("C24")
    grid = np.meshgrid(np.geomspace(1e-3, 10, 201), np.geomspace(1e-2, 1e3, 251))
    reading = agreement(2 * grid[0] - grid[1], grid[0] * grid[1] < 2)
    normalised = agreement(2 - grid[0] * grid[1], grid[0] * grid[1] < 2)
    eta, lam = 10 ** rng.uniform(-3, 1, n), 10 ** rng.uniform(-2, 3, n)
    stable = _descent(eta, lam, 0.0)
    safe = share((2 * eta - lam < 0) == stable)
    right, heavy = (
        share(
            (np.array([_normalised(e, x, b) for e, x in zip(eta, lam, strict=True)]) > 0)
            == _descent(eta, lam, b)
        )
        for b in (0.0, 0.9)
    )
    ruling = judge(
        [
            proved(
                f"share where the better reading of 2η − λ agrees with ηλ < 2 > 0.99: {reading:.4g}",
                reading > 0.99,
            )
        ],
        corrected=[
            proved(f"the same of 2 − ηλ: {normalised:.4g}", normalised > 0.99),
            above("agreement of 2 − ηλ > 0 with runs", right, 0.99),
            above("agreement of 2(1 − λ/λ_crit) > 0, momentum 0.9", heavy, 0.99),
        ],
    )

    def draw(ax: Any) -> None:
        part = slice(0, 1500)
        for what, colour, name in ((stable, "#0072B2", "run stable"), (~stable, "#CC79A7", "run diverges")):
            at = what[part]
            ax.plot(eta[part][at], lam[part][at], ".", color=colour, markersize=2, label=name)
        line = np.geomspace(1e-3, 10, 50)
        ax.loglog(line, 2 * line, label="S = 2η − λ = 0", **CLAIMED)
        ax.plot(line, 2 / line, label="λ = 2/η", **CORRECTED)
        ax.set_ylim(1e-2, 1e3)
        finish(ax, "η", "λ", "The line S = 0 crosses the edge of stability")
        # The dots are small, and everywhere.
        ax.legend(loc="lower left", fontsize=8, frameon=True, framealpha=1, facecolor="white", markerscale=4)

    return Finding(
        {
            "agreement of the better reading of 2η − λ with ηλ < 2": exact(reading, "grid"),
            "agreement of S < 0 with runs": safe,
            "agreement of 2 − ηλ > 0 with runs": right,
            "agreement of the margin with momentum": heavy,
        },
        ruling,
        "nothing but an error of arithmetic: a margin with the sign of 2 − ηλ comes out as holding",
        f"{grid[0].size} pairs (η, λ), log-even in 0.001–10 and 0.01–1000; {n} random ones, 400 steps each",
        draw,
        "The margin is 2/η − λ, or without units 2 − ηλ, positive where stable; with momentum and the like "
        "λ_crit takes the place of 2/η. The terms of 2η − λ have different units.",
    )


def agreement(margin: Array, stable: Any) -> float:
    """Share of pairs in which the sign of a margin says what is stable, by the better of its two readings."""
    return max(float(np.mean((margin < 0) == stable)), float(np.mean((margin > 0) == stable)))


def _descent(eta: Array, lam: Array, momentum: float) -> Any:
    """Whether 400 steps of (heavy-ball) gradient descent on λx²/2 from x = 1 end nearer to 0 than they began.

    The growth is kept in logarithms, for it leaves the range of numbers within a few steps.
    """
    x, v, log_size = np.ones_like(eta), np.zeros_like(eta), np.zeros_like(eta)
    for _ in range(400):
        v = momentum * v - eta * lam * x
        x = x + v
        size = np.hypot(x, v) + 1e-300
        x, v, log_size = x / size, v / size, log_size + np.log(size)
    # A stable run with a tiny ηλ has hardly moved, but not outwards.
    return log_size <= math.log(4.0)


def _normalised(eta: float, lam: float, momentum: float) -> float:
    return est.stability_margin(lam, eta, momentum=momentum).value


@claim(
    "C25",
    "6.1, 6.3, 8.3, 9.5",
    claim="One sign of S serves throughout: S < 0 is safe, I = pS/d_H < 0 is divergence, large S is flat and "
    "good.",
    test="Pairs of η and λ of which gradient descent converges, with λ > 2η as in networks: what does I call "
    "those that S < 0 calls safe? And with the margin 2 − ηλ in its place?",
    basis=DEDUCED,
    quotation="Divergence — training instability",
    since="2026-11-25",
    changed=NOW_EXACT,
)
def signs(lab: Lab) -> Finding:
    """I has the sign of S, so that what §6.1 calls safe §6.3 calls diverging."""
    n, rng, p, d_h = lab.size(20_000, 2000), lab.rng("C25"), 0.75, 1.5
    eta = 10 ** rng.uniform(-3, -0.5, n)
    lam = rng.uniform(0.0, 1.0, n) * (2 / eta - 2 * eta) + 2 * eta
    literal = p * (2 * eta - lam) / d_h
    # Every drawn pair has 2η < λ < 2/η: what is found of them is found of each.
    called = float(
        np.mean([est.intelligence_state(float(i), method="literal") == "divergence" for i in literal])
    )
    corrected = [
        est.intelligence_state(
            est.intelligence(p, est.stability_margin(float(x), float(e)).value, 2.0, method="corrected"),
            d_h=2.0,
        )
        for e, x in zip(eta, lam, strict=True)
    ]
    right = float(np.mean([state == "divergence" for state in corrected]))
    placeholder = 0.1
    ruling = judge(
        [
            proved(f"share of safe pairs that I calls divergence < 0.01: {called:.4g}", called < 0.01),
            proved(f"the code's placeholder S = {placeholder} reads as safe (S < 0)", placeholder < 0),
        ],
        corrected=[proved(f"the same share with S = 2 − ηλ < 0.01: {right:.4g}", right < 0.01)],
    )

    def draw(ax: Any) -> None:
        part = slice(0, 1000)
        ax.plot(eta[part] * lam[part], literal[part], ".", color="#D55E00", markersize=3, label="I of 2η − λ")
        x = np.linspace(0, 2, 50)
        ax.plot(x, p * (2 - x) / 2 / 2, label="I of 2 − ηλ", **CORRECTED)
        ax.axhline(0.0, **GUIDE)
        ax.set_yscale("symlog", linthresh=1.0)
        finish(ax, "ηλ (stable below 2)", "I", "Every stable run reads as diverging")

    return Finding(
        {
            "share of safe pairs called divergence": exact(called, "every pair"),
            "the same with S = 2 − ηλ": exact(right, "every pair"),
        },
        ruling,
        "an I that calls no safe run diverging",
        f"{n} stable pairs (η, λ), p = {p}",
        draw,
        "The signs contradict each other: with S < 0 as safe every safe run has I < 0. With S = 2 − ηλ, "
        "positive where stable, all of the readings agree.",
    )


@claim(
    "C26",
    "6.3",
    claim="Healthy generalisation shows as I > 0.5.",
    test="The largest I that the code can give with its placeholders, S = 0.1 and d_H = 1.5; and the largest "
    "literal I of any stable step with λ_max from 2 to 1000.",
    basis=DEDUCED,
    quotation="Healthy generalization",
    since="2026-11-25",
)
def healthy_band(lab: Lab) -> Finding:
    """p ≤ 1 gives I ≤ 0.1/1.5; and 2η − λ > 0.75/p with ηλ < 2 needs λ < 1.66."""
    ps = np.linspace(0, 1, lab.size(101, 21))
    shipped = [est.intelligence(float(p), method="literal") for p in ps]
    top = exact(max(i.value for i in shipped), "largest over p")
    states = {est.intelligence_state(i, method="literal") for i in shipped}
    lam = np.geomspace(2, 1000, lab.size(301, 61))
    edge = exact(float(((4 / lam - lam) / 1.5).max()), "supremum over stable steps, p = 1")
    flat = est.intelligence(0.75, 2.0, 2.0, method="corrected")
    ruling = judge(
        [
            proved(f"largest I with the placeholders > 0.5: {top.value:.4g}", top.value > 0.5),
            proved(f"largest literal I of a stable step, λ ≥ 2, > 0.5: {edge.value:.4g}", edge.value > 0.5),
        ],
        corrected=[
            proved(
                f"states read with the placeholders: {', '.join(sorted(states))}", states == {"stagnation"}
            ),
            proved(
                "corrected I at p = ¾ on flat ground reads healthy",
                est.intelligence_state(flat) == "healthy",
            ),
        ],
    )

    def draw(ax: Any) -> None:
        ax.plot(ps, [i.value for i in shipped], color="#0072B2", label="with the placeholders")
        ax.axhspan(0.5, 0.7, color="#D55E00", alpha=0.15, linewidth=0, label="claimed: healthy")
        ax.axhspan(0.1, 0.5, color="#777777", alpha=0.1, linewidth=0, label="claimed: transition")
        ax.plot(ps, ps / 2, label="corrected, flat, d_H = 2", **CORRECTED)
        finish(ax, "p", "I", "The shipped code never leaves stagnation")

    return Finding(
        {"largest I with the placeholders": top, "largest literal I of a stable step, λ ≥ 2": edge},
        ruling,
        "any p at which the code's I passes 0.5",
        f"{ps.size} values of p, {lam.size} of λ",
        draw,
        "With the placeholders I is at most 0.1/1.5 = 0.067, stagnation at every p; with 2η − λ it passes "
        "0.5 in a stable run only where λ < 1.66. An index with the margin 2 − ηλ is at most 1/d_H, and its "
        "bands must be fractions of that.",
    )
