"""C76: how the loss bends along the directions in which training examples disagree (§9.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .estimates import Array, mapped, mean
from .images import Reader, reader, sgd
from .lab import Lab
from .ledger import MEASURED, Finding, claim
from .plots import CLAIMED, OTHER, finish
from .rules import above, below, judge

# (η, B) that lead to a flat and to a sharp minimum.
_ARMS = {"flat": (0.4, 8), "sharp": (0.05, 64)}


@dataclass(frozen=True)
class Bends:
    """Minima of networks on digits, by arm: (splits,) each.

    Attributes:
        noise: vᵀHv on average over unit noise, Tr(HΣ)/Tr Σ.
        typical: Tr H/d, that of a random direction.
        largest: λ_max.
    """

    noise: Array
    typical: Array
    largest: Array


@claim(
    "C76",
    "9.5",
    claim="At a flat minimum the loss is insensitive to directions in which training examples disagree.",
    test="64-24-10 networks on 200 digits, trained to one loss at η = 0.4, B = 8 and at η = 0.05, B = 64, "
    "images and weights drawn anew 12 times: curvature along the noise of the gradient, Tr(HΣ)/Tr Σ, over "
    "that of a random direction, Tr H/d.",
    basis=MEASURED,
    quotation="insensitive to directions in which training examples disagree",
    fair="It is less sensitive along them at a flat minimum than at a sharp one.",
    since="2026-11-30",
)
def along_the_noise(lab: Lab) -> Finding:
    """Insensitive: no more curved along the noise than along a random direction, both without sampling error
    in the noise: Tr(HΣ) is the mean of gᵀHg over the examples' deviations g."""
    flat, sharp = (_bends(lab, arm) for arm in _ARMS)
    over = {
        name: mapped(mean(np.log(b.noise / b.typical), "mean log over splits"), np.exp)
        for name, b in (("flat", flat), ("sharp", sharp))
    }
    between = mapped(mean(np.log(flat.noise / sharp.noise), "mean log over splits"), np.exp)
    sharpness = mapped(mean(np.log(flat.largest / sharp.largest), "mean log over splits"), np.exp)
    relative = mapped(mean(np.log(flat.noise / flat.largest), "mean log over splits"), np.exp)
    ruling = judge(
        [below("flat: curvature along the noise over that of a random direction", over["flat"], 1.0)],
        fair=[below("curvature along the noise, flat over sharp", between, 1.0)],
        corrected=[
            below("λ_max, flat over sharp", sharpness, 1.0),
            *(
                above(f"{k}: curvature along the noise over a random direction's", e, 10.0)
                for k, e in over.items()
            ),
        ],
    )

    def draw(ax: Any) -> None:
        for (name, b), colour in zip((("flat", flat), ("sharp", sharp)), ("#0072B2", OTHER[1]), strict=True):
            ax.loglog(b.typical, b.noise, "o", markersize=4, color=colour, label=name)
        ends = np.array([min(flat.typical.min(), sharp.typical.min()), sharp.typical.max()])
        ax.loglog(ends, ends, label="claimed for flat: below", **CLAIMED)
        finish(
            ax, "curvature of a random direction", "along the noise", "Examples disagree where the loss bends"
        )

    return Finding(
        {
            "flat: curvature along the noise over that of a random direction": over["flat"],
            "sharp: curvature along the noise over that of a random direction": over["sharp"],
            "curvature along the noise, flat over sharp": between,
            "λ_max, flat over sharp": sharpness,
            "flat: curvature along the noise over λ_max": relative,
        },
        ruling,
        "at flat minima a curvature along the noise below that of a random direction",
        f"{flat.noise.size} splits with weights of their own, Tr(HΣ) over all examples, Tr H from "
        f"{lab.size(200, 10)} random signs",
        draw,
        "Examples disagree where the loss bends: along the noise of the gradient its curvature is over a "
        "hundred times that of a random direction and more than half of λ_max, at flat minima as at sharp "
        "ones. At flat minima all of it is lower, by the same factor as λ_max.",
    )


def _bends(lab: Lab, arm: str) -> Bends:
    eta, batch = _ARMS[arm]
    rng, target = lab.rng(f"C76 {arm}"), lab.size(5, 50) / 100
    found = []
    for k in range(lab.size(12, 3)):
        read = reader(200, [24], 1000 * lab.seed + k)
        theta, steps = read.net.start, 0
        while read.net.loss(theta) > target and steps < 40_000:
            theta, steps = sgd(read.net, theta, eta, batch, 50, rng), steps + 50
        found.append((*_curvatures(read, theta, lab.size(200, 10), rng), read.lambda_max(theta)))
    return Bends(*np.array(found).T)


def _curvatures(read: Reader, theta: Array, draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """Tr(HΣ)/Tr Σ, and Tr H/d from random signs z, E zᵀHz = Tr H."""
    g = read.net.example_gradients(theta)
    g = g - g.mean(axis=0)
    noise = np.mean([v @ read.net.hvp(theta, v) for v in g]) / np.mean((g**2).sum(axis=1))
    signs = rng.choice([-1.0, 1.0], (draws, read.net.dim))
    return float(noise), float(np.mean([z @ read.net.hvp(theta, z) for z in signs])) / read.net.dim
