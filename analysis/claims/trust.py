"""C7: how far the direction of a gradient can be trusted at a given C (§3.2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdesim import estimators as est
from sdesim.support import CORRELATION

from .estimates import LEVEL, mapped, mean, share
from .lab import Lab
from .ledger import COUNTER_EXAMPLE, Finding, claim
from .networks import Moment, batch_gradients, regression_network
from .plots import CLAIMED, CORRECTED, GUIDE, OTHER, finish, points
from .rules import above, below, judge, near, together


@claim(
    "C7",
    "3.2",
    claim="Above C = 1 the direction of a gradient can be trusted; far below, it is unreliable.",
    test="White gradients: the cosine with the mean gradient and P(g·μ > 0) at C from 0.01 to 10, and C of "
    "the sum of 50 steps at C = 0.02. White gradients and a network's: the mean cosine at C = 10 and at C = "
    "0.1.",
    basis=COUNTER_EXAMPLE,
    quotation="Signal dominates; gradient direction trustworthy",
    fair="The direction of one gradient: far above C = 1 it is close to the mean gradient's (mean cosine "
    "above 0.9 at C = 10), far below it is not (below 0.4 at C = 0.1), with no sharp threshold between.",
    since="2026-11-30",
    changed="The criterion of the claim as stated is that of the first edition; the reading without a "
    "threshold was added after its result had been seen.",
    shares="regression network",
)
def trust(lab: Lab) -> Finding:
    """E cos(g, μ) ≈ √p for large d, and k summed steps have C_k = k·C."""
    d, n, rng = 50, lab.size(60_000, 10_000), lab.rng("C7")
    cs = np.array([0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0])
    cosines, along = [], []
    for c in cs:
        g = rng.standard_normal((n, d))
        g[:, 0] += np.sqrt(c * d)
        cosines.append(mean(g[:, 0] / np.linalg.norm(g, axis=1), "mean over draws"))
        along.append(share(g[:, 0] > 0))
    k, low_c, sums = 50, 0.02, lab.size(4000, 1500)
    total = np.sqrt(k) * rng.standard_normal((sums, d))
    total[:, 0] += k * np.sqrt(low_c * d)
    gain = mapped(est.consolidation_ratio(total, level=LEVEL), lambda c: c / low_c)
    root_p = np.sqrt(cs / (1 + cs))
    # Batches small enough for C = 0.1 are rounded to whole examples: at least 5 of them.
    moments = [m for m in regression_network(lab).moments if m.c_one < 0.1 / 4.5]
    of_network = {c: _mean_cosine(moments, c, lab.size(400, 60), rng) for c in (0.1, 10.0)}
    ruling = judge(
        [
            below("P(g·μ > 0) at C = 0.1", along[2], 0.75),
            near("C of 50 summed steps over C", gain, 1.0, 0.5),
        ],
        fair=[
            above("white: mean cosine at C = 10", cosines[6], 0.9),
            below("white: mean cosine at C = 0.1", cosines[2], 0.4),
            above("network: mean cosine at C = 10", of_network[10.0], 0.9),
            below("network: mean cosine at C = 0.1", of_network[0.1], 0.4),
        ],
        corrected=[
            together(
                "white: mean cosine √p ± 0.01",
                [near(f"C = {c:g}", e, r, 0.01) for c, e, r in zip(cs, cosines, root_p, strict=True)],
            ),
            near("C of 50 summed steps over C", gain, k, 5.0),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, cs, along, "P(g·μ > 0)", color=OTHER[0], marker="s")
        points(ax, cs, cosines, "mean cosine")
        points(ax, list(of_network), list(of_network.values()), "network", color=OTHER[1], marker="D")
        ax.semilogx(cs, root_p, label="√p", **CORRECTED)
        ax.axvline(1.0, label="claimed threshold", **CLAIMED)
        ax.axhline(0.5, **GUIDE)
        finish(ax, "C", "", "Nothing happens at C = 1 (d = 50)")

    return Finding(
        {
            "P(g·μ > 0) at C = 0.1": along[2],
            "mean cosine at C = 0.1": cosines[2],
            "mean cosine at C = 1": cosines[4],
            **{f"network, mean cosine at C = {c:g}": e for c, e in of_network.items()},
            "C of 50 summed steps over C": gain,
        },
        ruling,
        "fewer than 3 of 4 gradients along the mean one at C = 0.1, or no gain of C from summing steps",
        f"{n} gradients in {d} dimensions at each of {cs.size} values of C, {sums} sums of {k} steps, "
        f"{len(moments)} moments of a network",
        draw,
        "Trust grows smoothly: for white noise in many dimensions the mean cosine is √p, 0.71 at C = 1. And "
        "signal adds up: the sum of k gradients at one θ has C_k = k·C, so that where μ changes slowly drift "
        "rules after 1/C steps at any C.",
    )


def _mean_cosine(moments: list[Moment], c: float, n: int, rng: np.random.Generator) -> est.Estimate:
    """The mean cosine of a batch gradient with the mean one at B = c/C₁, over moments."""
    found = []
    for m in moments:
        g = batch_gradients(m.gradients, round(c / m.c_one), n, rng)
        found.append(float((g @ m.mu / np.linalg.norm(g, axis=1)).mean() / np.linalg.norm(m.mu)))
    return mean(found, "mean over moments", CORRELATION)
