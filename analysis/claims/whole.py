"""C69: are all phenomena one phase transition, with one threshold of C (§15, summary)?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtrit
from scipy.stats import ttest_ind

from sdesim import estimators as est
from sdesim.estimators import Estimate
from sdesim.surfaces import MLP

from .estimates import LEVEL, Array, c_one, exact, mapped, mean
from .grokking import grokked
from .images import reader, sgd
from .lab import Lab
from .ledger import MEASURED, Finding, claim
from .phenomena import random_features
from .plots import GUIDE, finish, rows
from .pruning import tickets
from .rules import above, below, judge, near, together

# The batch that `random_features` tells C for, the examples of a full batch there and at the edge, and the
# batches of trainings by small ones.
_FEATURES_BATCH, _FEATURES_ALL, _EDGE_ALL, _TICKET_BATCH, _FLAT_BATCH = 10, 100, 50, 16, 8


@claim(
    "C69",
    "9, summary",
    claim="Grokking, double descent, lottery tickets, the edge of stability and flat minima are one phase "
    "transition, at one threshold of C.",
    test="C of one example, which no batch size shifts, at the event of each: test accuracy ½, the "
    "interpolation peak (after 30 steps), a ticket early in training, λ_max reaching 2/η, minima that small "
    "batches find: the largest over the smallest.",
    basis=MEASURED,
    quotation="are all manifestations of this single phase transition",
    fair="At each event C is 1, within a factor of two, at the batch size of the training itself.",
    since="2026-11-30",
    changed="The first criterion, a value in the intervals of all events, would have held for want of data; "
    "replaced by a ratio with its interval after the claim had been seen to fail.",
    shares="phenomena of real networks",
)
def one_threshold(lab: Lab) -> Finding:
    """One threshold: the largest C less than twice the smallest. 99% for the ten pairs of events together."""
    events = _at_events(lab)
    found = {name: mapped(mean(np.log(c), "mean log"), np.exp) for name, (c, _) in events.items()}
    own = {name: mapped(mean(np.log(c * b), "mean log"), np.exp) for name, (c, b) in events.items()}
    least, most = (f(found, key=lambda name: found[name].value) for f in (min, max))
    spread, seen = _apart(events[most][0], events[least][0], len(events))
    text = f"C of {most} over C of {least}"
    ruling = judge(
        [below(text, spread, 2.0)],
        fair=[
            together(
                "C = 1 within a factor of two at the training's own batch",
                [near(f"log₂ C, {k}", mapped(e, np.log2), 0.0, 1.0) for k, e in own.items()],
            )
        ],
        corrected=[above(text, spread, 2.0)],
    )

    def draw(ax: Any) -> None:
        rows(ax, found)
        ax.set_xscale("log")
        for batch in (8, 128):
            ax.axvline(1 / batch, **GUIDE)
        finish(ax, "C of one example (lines: C = 1 at B = 128, 8)", "", "Events lie at C of their own")

    return Finding(
        {
            **{f"C of one example, {name}": e for name, e in found.items()},
            **{f"C at the training's own batch, {name}": e for name, e in own.items()},
            "largest over smallest": spread,
            "ratio of these two seen with probability 0.9": exact(seen, "Welch's t"),
        },
        ruling,
        "a largest C below twice the smallest",
        "; ".join(f"{name}: {e.n}" for name, e in found.items())
        + f"; a ratio of {seen:.2g} between {most} and {least} would have been seen with probability 0.9",
        draw,
        "The events lie at values of C that differ tenfold, of one example and at each training's own batch: "
        "there is no common threshold. At the training's own batch C is near 1 at grokking alone.",
    )


def _apart(top: Array, bottom: Array, events: int) -> tuple[Estimate, float]:
    """Ratio of geometric means by Welch's t, its level shared among all pairs of events; and the ratio that
    it tells from 1 with probability 0.9, in the normal approximation."""
    level = 1 - (1 - LEVEL) / math.comb(events, 2)
    a, b = np.log(top), np.log(bottom)
    test = ttest_ind(a, b, equal_var=False)
    interval, value = test.confidence_interval(level), a.mean() - b.mean()
    # The standard error out of the half-width: t_{(1 + level)/2, df}.
    quantile = float(stdtrit(test.df, (1 + level) / 2))
    seen = (quantile + float(ndtri(0.9))) * (interval.high - interval.low) / 2 / quantile
    low, high = math.exp(interval.low), math.exp(interval.high)
    made = Estimate(math.exp(value), low, high, level, "ratio of geometric means, Welch", min(a.size, b.size))
    return made, math.exp(seen)


def _at_events(lab: Lab) -> dict[str, tuple[Array, Array]]:
    """C of one example at each event, one number for each training, and the batch of that training."""
    sums = grokked(lab)
    features = random_features(lab)
    peak = int(np.argmax(np.median(features.test, axis=1)))
    events = {
        "grokking": (sums.c_one, sums.pairs),
        "interpolation peak": (features.after[peak] / _FEATURES_BATCH, _FEATURES_ALL),
        "ticket": (tickets(lab).c_one[0], _TICKET_BATCH),
        "edge of stability": (_reaching_the_edge(lab), _EDGE_ALL),
        "flat minima": (_flat(lab), _FLAT_BATCH),
    }
    there = {
        name: (c[np.isfinite(c)], np.broadcast_to(b, c.shape)[np.isfinite(c)])
        for name, (c, b) in events.items()
    }
    return {name: (c, b) for name, (c, b) in there.items() if c.size > 1}


def _reaching_the_edge(lab: Lab) -> Array:
    """C of one example where λ_max first passes 0.98 of 2/η in full-batch trainings of 5-20-1 networks that
    begin at 0.7 of it; NaN where it does not, (networks,)."""
    rng, steps, every = lab.rng("C69 edge"), lab.size(4000, 300), 20
    found = np.full(lab.size(16, 3), np.nan)
    for k in range(found.size):
        x = rng.standard_normal((_EDGE_ALL, 5))
        net = MLP([5, 20, 1], x, np.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3], seed=1000 * lab.seed + k)
        theta = net.start
        eta = 0.7 * 2 / _sharpness(net, theta)
        for _ in range(steps // every):
            for _ in range(every):
                theta = theta - eta * net.grad(theta)
            if eta * _sharpness(net, theta) / 2 >= 0.98:
                found[k] = c_one(net.example_gradients(theta))
                break
    return found


def _sharpness(net: MLP, theta: Array) -> float:
    return est.lanczos_edges(lambda v: net.hvp(theta, v), net.dim)[1]


def _flat(lab: Lab) -> Array:
    """C of one example at minima of 64-24-10 networks on 200 digits that SGD with η = 0.4 and B = 8 finds,
    images and weights drawn anew, (splits,)."""
    rng, target = lab.rng("C69 flat"), lab.size(5, 50) / 100
    found = []
    for k in range(lab.size(20, 3)):
        net = reader(200, [24], 1000 * lab.seed + k).net
        theta, steps = net.start, 0
        while net.loss(theta) > target and steps < 40_000:
            theta, steps = sgd(net, theta, 0.4, _FLAT_BATCH, 50, rng), steps + 50
        found.append(c_one(net.example_gradients(theta)))
    return np.array(found)
