"""C38–C39: C as information and as the power of a test (§13.1, §13.2)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import ndtri

from sdesim import estimators as est

from .estimates import Array, exact, mean, share
from .lab import Lab
from .ledger import DEDUCED, NOW_EXACT, Finding, claim
from .plots import CLAIMED, CORRECTED, finish, points
from .rules import Check, below, judge, near, proved, together


@claim(
    "C38",
    "13.1",
    claim="The information of a gradient on the true one is in proportion to log(1 + C), with decoding "
    "becoming reliable above C = 1.",
    test="½ log det(I + PΣ⁻¹) of Gaussian channels in 10 dimensions, signal in all directions or in one, "
    "over log(1 + C); beside it the mean log density ratio of draws, and the errors in telling μ from −μ at "
    "C = 0.5.",
    basis=DEDUCED,
    quotation=r"I(g; \mu) \propto \log(1 + C_\alpha)",
    since="2026-11-25",
    changed=NOW_EXACT,
    fair="For white signal and white noise the information is in proportion to log(1 + C).",
)
def information(lab: Lab) -> Finding:
    """I = ½ log det(I + PΣ⁻¹): (d/2) log(1 + C) for white signals, ½ log(1 + dC) for one direction."""
    d, n, rng = 10, lab.size(200_000, 20_000), lab.rng("C38")
    cs = np.array([0.1, 0.25, 0.5, 1.0, 2.0, 4.0])
    first = np.eye(1, d)[0]
    white = [_information(np.full(d, float(c)), n, rng) for c in cs]
    one = [_information(d * float(c) * first, n, rng) for c in cs]
    unit = [math.log1p(c) for c in cs]
    spread, single = (
        [est.channel_information(np.diag(d * c * axes), np.eye(d)).value for c in cs]
        for axes in (np.full(d, 1 / d), first)
    )
    # 20 gradients, one direction known but for its sign: errors Φ(−√(20 d C)).
    errors = share(math.sqrt(d * 0.5) + rng.standard_normal((n, 20)).mean(axis=1) < 0)
    unit = np.log1p(cs)
    ruling = judge(
        [
            together(
                "signal in one direction: I/log(1 + C) = d/2 ± 20%",
                [_share_of(i / u, d / 2, 0.2, c) for c, i, u in zip(cs, single, unit, strict=True)],
            )
        ],
        [
            together(
                "signal in all directions: I/log(1 + C) = d/2 ± 5%",
                [_share_of(i / u, d / 2, 0.05, c) for c, i, u in zip(cs, spread, unit, strict=True)],
            )
        ],
        [
            together(
                "draws, signal in all directions: ½ log det(I + PΣ⁻¹) ± 5%",
                [near(f"C = {c:g}", e, t, 0.05 * t) for c, e, t in zip(cs, white, spread, strict=True)],
            ),
            together(
                "draws, signal in one direction: ½ log det(I + PΣ⁻¹) ± 5%",
                [near(f"C = {c:g}", e, t, 0.05 * t) for c, e, t in zip(cs, one, single, strict=True)],
            ),
            below("errors in the sign of μ from 20 gradients at C = 0.5", errors, 0.01),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, cs, white, "signal in all directions")
        points(ax, cs, one, "in one direction", marker="s", markerfacecolor="white")
        grid = np.geomspace(0.1, 4, 60)
        ax.plot(grid, np.log1p(grid) * d / 2, label="(d/2) log(1 + C)", **CLAIMED)
        ax.plot(grid, np.log1p(d * grid) / 2, label="½ log(1 + dC)", **CORRECTED)
        ax.set_xscale("log")
        finish(ax, "C", "information, nats", "The same C, other information (d = 10)")

    return Finding(
        {
            "C = 0.5, signal in all directions: nats, ½ log det": exact(spread[2]),
            "C = 0.5, signal in one direction: nats, ½ log det": exact(single[2]),
            "C = 0.5, signal in all directions: nats": white[2],
            "C = 0.5, signal in one direction: nats": one[2],
            "errors in the sign of μ, 20 gradients, C = 0.5": errors,
        },
        ruling,
        "the same information at the same C whatever the directions of the signal",
        f"{n} gradients in {d} dimensions at each of {cs.size} values of C, for two laws of the signal",
        draw,
        "(d/2) log(1 + C) for white signal and noise, else ½ log det(I + PΣ⁻¹), which C does not fix. It is "
        "positive at every C > 0: with enough gradients decoding is reliable below C = 1 as well.",
    )


def _share_of(value: float, whole: float, tolerance: float, c: float) -> Check:
    """Whether a number is another one within a share of it."""
    return proved(f"C = {c:g}: {value:.4g}", abs(value - whole) <= tolerance * whole)


def _information(signal: Array, n: int, rng: np.random.Generator) -> est.Estimate:
    """Mean of log f(g|μ)/f(g), μ ~ N(0, diag signal), g = μ + white noise."""
    noise = rng.standard_normal((n, signal.size))
    g = np.sqrt(signal) * rng.standard_normal((n, signal.size)) + noise
    total = 1 + signal
    return mean(0.5 * (np.log(total).sum() + (g**2 / total - noise**2).sum(axis=1)), "mean log density ratio")


@claim(
    "C39",
    "13.2",
    claim="p = C/(1 + C) is the power of the test for the direction of learning, 1 − p its type II error.",
    test="The power of the one-sided 5% test along μ in 100 dimensions, white noise, against p; beside it "
    "the share of detections in draws, and the power at one C under noise of another shape.",
    basis=DEDUCED,
    quotation=r"**Test power:** $p = C_\alpha / (1 + C_\alpha)$",
    since="2026-11-25",
    changed=NOW_EXACT,
)
def power_of_the_test(lab: Lab) -> Finding:
    """Power Φ(√(μᵀΣ⁻¹μ) − z), with white noise Φ(√(dC) − z); a power needs a level, p has none."""
    d, n, rng, z = 100, lab.size(200_000, 20_000), lab.rng("C39"), float(ndtri(0.95))
    cs = np.array([0.001, 0.01, 0.03, 0.1, 0.3, 1.0])
    # Only the coordinate along Σ⁻¹μ enters the likelihood ratio.
    found = [share(math.sqrt(d * c) + rng.standard_normal(n) > z) for c in cs]
    right = [est.detection_power(float(c), d).value for c in cs]
    # The same C with 1% of the white noise variance along μ and the rest elsewhere.
    shaped = share(10 * math.sqrt(d * 0.01) + rng.standard_normal(n) > z)
    p = cs / (1 + cs)
    ruling = judge(
        [
            together(
                "power = p ± 0.05",
                [
                    proved(f"C = {c:g}: {t:.4g} against p = {q:.4g}", abs(t - q) <= 0.05)
                    for c, t, q in zip(cs, right, p, strict=True)
                ],
            )
        ],
        corrected=[
            together(
                "power = Φ(√(dC) − z) ± 0.01",
                [near(f"C = {c:g}", e, q, 0.01) for c, e, q in zip(cs, found, right, strict=True)],
            ),
            near("C = 0.01 with little noise along μ: power", shaped, 1.0, 0.01),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, cs, found)
        grid = np.geomspace(cs[0], cs[-1], 80)
        ax.plot(grid, grid / (1 + grid), label="claimed: p", **CLAIMED)
        ax.plot(
            grid, [est.detection_power(float(c), d).value for c in grid], label="Φ(√(dC) − z)", **CORRECTED
        )
        ax.set_xscale("log")
        finish(ax, "C", "share detected", "Power of the 5% test (d = 100)")

    return Finding(
        {
            "power at C = 0.1, Φ(√(dC) − z)": exact(right[3]),
            "power at C = 0.01": found[1],
            "power at C = 0.1": found[3],
            "power at C = 1": found[5],
            "p at C = 0.1": exact(float(p[3])),
            "power at C = 0.01, little noise along μ": shaped,
        },
        ruling,
        "a power within 0.05 of p at every C",
        f"{n} gradients at each of {cs.size} values of C",
        draw,
        "The power at level a is Φ(√(μᵀΣ⁻¹μ) − z_{1−a}), with white noise Φ(√(dC) − z_{1−a}): the likelihood "
        "ratio is Mahalanobis' distance, not C.",
    )
