"""C29: is the edge of stability the best place, for I and for the speed of learning (§9.4)?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim import estimators as est

from .edge import edge_runs
from .estimates import exact, mean
from .lab import Lab
from .ledger import MEASURED, Finding, claim
from .plots import CLAIMED, GUIDE, OTHER, finish
from .quadratics import CONDITIONS, best, contraction, edge, shapes, spectrum
from .rules import Check, below, judge, near, proved

_P = 0.75


@claim(
    "C29",
    "9.4",
    claim="The edge of stability, S = 0 with p > ½, is the optimum of I and of the speed of learning.",
    test="I = pS/d_H at S = 0 and beside it. The best constant rate in units of 2/λ_max, exactly, on "
    "quadratics of condition 1, 10² and 10⁴, without noise and with noise that keeps p = ¾; and λ_max over "
    "2/η late in trainings of tanh networks at the rate that learns fastest, each network with data of its "
    "own.",
    basis=MEASURED,
    quotation="is the theoretical optimum of the $I$ coefficient",
    fair="On an ill-conditioned loss with p ≥ ¾, noise isotropic or like the Hessian, the constant rate that "
    "learns fastest lies within a fifth of 2/λ_max.",
    since="2026-11-30",
    changed="The speed was judged on an isotropic quadratic alone, the one on which the best rate is "
    "farthest from the edge; ill-conditioned ones and a network took its place.",
    shares="phenomena of real networks",
)
def optimum_at_the_edge(lab: Lab) -> Finding:
    """I is 0 at S = 0 by its definition; the speed depends on the condition."""
    here, beside = (est.intelligence(_P, s, 2.0, method="literal").value for s in (0.0, 0.1))
    c = _P / (1 - _P)
    places: dict[str, float] = {}
    for condition in (1.0, *CONDITIONS):
        lam = spectrum(condition)
        for name, s in shapes(lam).items():
            places[f"condition {condition:g}, noise {name}"] = best(lam, s, c)[0] / 2
        places[f"condition {condition:g}, no noise"] = best(lam, lam, math.inf)[0] / 2
    usual = {k: v for k, v in places.items() if "condition 1," not in k and "sharpest" not in k}
    found = edge_runs(lab)
    full, noisy = (mean(run.best_sharpness, "mean over networks") for run in (found.full, found.noisy))
    p = mean(found.noisy.best_p, "mean over networks")
    ruling = judge(
        [
            proved(f"I at S = 0 is the largest: {here:g} there, {beside:.3g} at S = 0.1", here >= beside),
            *[_close(k, v) for k, v in places.items()],
        ],
        [
            *[_close(k, v) for k, v in usual.items()],
            near("network, full batch: λ_max over 2/η late at the best rate", full, 1.0, 0.2),
        ],
        [
            proved(
                "condition 1: the best rate is p/λ, p/2 of the edge",
                abs(places["condition 1, noise isotropic"] - _P / 2) < 1e-6,
            ),
            proved(
                f"at condition {CONDITIONS[-1]:g} all best rates lie between p and 1 of 2/λ_max",
                all(_P - 0.01 <= v <= 1 for k, v in places.items() if f"{CONDITIONS[-1]:g}" in k),
            ),
            below("network, B = 10: λ_max over 2/η late at the best rate", noisy, 1.0),
        ],
    )

    def draw(ax: Any) -> None:
        grid = np.linspace(0.02, 1.2, 237)
        looks = (("isotropic", "#0072B2"), ("as the Hessian", OTHER[0]), ("sharpest direction", OTHER[1]))
        lam = spectrum(CONDITIONS[0])
        for name, colour in looks:
            s = shapes(lam)[name]
            last = edge(lam, s, c) / 2
            x = grid[grid < last]
            speed = [-math.log(contraction(2 * g, lam, s, c)) for g in x]
            ax.plot(x, np.array(speed) * CONDITIONS[0] / 4, color=colour, label=f"noise {name}")
        ax.plot(grid[grid <= 1], grid[grid <= 1], color="#777777", linewidth=0.8, label="no noise")
        ax.axvline(1.0, label="claimed optimum", **CLAIMED)
        ax.axvline(_P / 2, label="best at condition 1: p/2", **GUIDE)
        ax.set_ylim(0, 1.1)
        finish(ax, "ηλ_max/2", "speed over that at 2/λ_max", "Condition 100, p = ¾")

    return Finding(
        {
            "I at S = 0": exact(here),
            **{f"best rate over 2/λ_max, {k}": exact(v, "smallest eigenvalue") for k, v in places.items()},
            "network, full batch: λ_max over 2/η at the best rate": full,
            "network, B = 10: λ_max over 2/η at the best rate": noisy,
            "network, B = 10: p late at the best rate": p,
        },
        ruling,
        "an I that is largest at S = 0; for the fair reading, a best rate of the networks outside 0.8 to 1.2 "
        "of 2/λ_max",
        f"{len(places)} quadratics, exactly; {found.full.losses.shape[0]} networks with data of their own, "
        f"{found.factors.size} rates",
        draw,
        "I is pS/d_H, 0 at S = 0 whatever p is. What the source has right is the speed, where the loss is "
        "ill-conditioned: the best constant rate is 2/(λ_max + λ_min) without noise, and where noise keeps C "
        "it lies just below the edge that noise leaves, Σ s_i r_i/(2 − r_i) = C (r_i = ηλ_i, s_i the share "
        "of the noise in direction i), which is never below p of 2/λ_max and comes close to it where noise "
        "lies in many directions. Networks that full batches train learn fastest where λ_max ends at "
        f"{full.value:.2f} of 2/η; by batches of 10, with p = {p.value:.2f}, at {noisy.value:.2f} of it. On "
        "an isotropic quadratic the best rate is p/λ, less than half of the edge.",
    )


def _close(where: str, place: float) -> Check:
    return proved(f"{where}: best rate within a fifth of 2/λ_max: {place:.4g}", place >= 0.8)
