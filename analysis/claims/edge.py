"""C63: learning rate, dimension and p at the edge of stability (§9.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sdesim import estimators as est
from sdesim.surfaces import MLP

from .estimates import Array, c_one, mapped, mean
from .lab import Lab, shared
from .ledger import Finding, claim
from .plots import CLAIMED, GUIDE, finish
from .rules import above, below, judge, near

_BATCH = 10


@dataclass(frozen=True)
class Edge:
    """Full-batch trainings of small tanh networks.

    Attributes:
        factors: η·λ_max/2 at the start of the sweep.
        losses: at the end over at the start, (seeds, factors); inf where lost.
        dimension: of the path late at the edge and, at a tenth of the rate, away from it, (2, seeds).
        p: at B = 10 and 1, mean over late states at the edge, (2, seeds).
        reached: C of one example where λ_max·η/2 first passes 0.98.
    """

    factors: Array
    losses: Array
    dimension: Array
    p: Array
    reached: Array


@shared
def edge_runs(lab: Lab) -> Edge:
    """5-20-1 networks on 50 points, plain descent."""
    seeds, steps, rng = lab.size(10, 3), lab.size(4000, 500), lab.rng("edge")
    factors = np.array([0.25, 0.5, 0.7, 0.9, 1.1, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 16.0])
    losses = np.full((seeds, factors.size), np.inf)
    dimension, p, reached = np.empty((2, seeds)), np.empty((2, seeds)), np.full(seeds, np.nan)
    for k in range(seeds):
        x = rng.standard_normal((50, 5))
        y = np.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3]
        net = MLP([5, 20, 1], x, y, seed=lab.seed + k)
        first = _sharpness(net, net.start)
        for j, factor in enumerate(factors):
            end = descend(net, net.start, 2 * factor / first, steps // 4)[-1]
            ratio = float(net.loss(end) / net.loss(net.start)) if np.isfinite(end).all() else np.inf
            losses[k, j] = ratio if ratio < 10 else np.inf
        late = min(500, steps // 2)
        for j, eta in enumerate((0.4, 0.04)):
            thetas = descend(net, net.start, eta, steps)
            dimension[j, k] = est.trajectory_dimension(thetas[-late:]).value
            if j == 0:
                c = np.array([c_one(net.example_gradients(t)) for t in thetas[-late :: late // 20]])
                p[:, k] = [np.mean(b * c / (1 + b * c)) for b in (_BATCH, 1)]
                for theta in thetas[:: steps // 100]:
                    if eta * _sharpness(net, theta) / 2 >= 0.98:
                        reached[k] = c_one(net.example_gradients(theta))
                        break
    return Edge(factors, losses, dimension, p, reached)


def _sharpness(net: MLP, theta: Array) -> float:
    return est.lanczos_edges(lambda v: net.hvp(theta, v), net.dim)[1]


def descend(net: MLP, theta: Array, eta: float, steps: int) -> Array:
    """θ of plain full-batch descent, (1 + steps, d)."""
    kept = np.empty((1 + steps, net.dim))
    kept[0] = theta
    for t in range(steps):
        kept[t + 1] = kept[t] - eta * net.grad(kept[t])
    return kept


@claim(
    "C63",
    "9.4, 15",
    claim="At the edge of stability the learning rate is maximal, d_H approaches α and p stays above ½.",
    test="Full-batch descent of tanh networks: the largest learning rate, in units of 2/λ_max at the "
    "start, that still trains, and the best one; late at the edge the dimension of the path, and p at B = "
    "10.",
    shares="phenomena of real networks",
)
def at_the_edge(lab: Lab) -> Finding:
    """Descent beyond 2/λ_max moves to where the curvature is smaller."""
    found = edge_runs(lab)
    trains = found.losses < 0.9
    # log: the sweep is geometric.
    largest = [np.log(found.factors[row].max()) if row.any() else np.log(found.factors[0]) for row in trains]
    top = mapped(mean(largest, "mean log over networks"), np.exp)
    best = mapped(mean(np.log(found.factors[found.losses.argmin(axis=1)]), "mean log over networks"), np.exp)
    dimension = mean(found.dimension[0], "mean over networks")
    away = mean(found.dimension[1], "mean over networks")
    p, one = (mean(found.p[k], "mean over networks") for k in (0, 1))
    ruling = judge(
        [
            near("largest learning rate that trains, over 2/λ_max at the start", top, 1.0, 0.2),
            near("dimension of the path at the edge, against α", dimension, 1.5, 0.2),
            above("p at B = 10 at the edge", p, 0.5),
        ],
        corrected=[
            near("dimension of the path at the edge, against that of a curve", dimension, 1.0, 0.15),
            below("best learning rate, over 2/λ_max at the start", best, 1.0),
            below("p at B = 1 at the edge", one, 0.5),
        ],
    )

    def draw(ax: Any) -> None:
        shown = np.where(np.isfinite(found.losses), found.losses, np.nan)
        ax.loglog(found.factors, shown.T, "o-", markersize=2, color="#0072B2", linewidth=0.7)
        ax.axvline(1.0, label="claimed largest", **CLAIMED)
        ax.axhline(1.0, **GUIDE)
        finish(
            ax,
            "learning rate over 2/λ_max at the start",
            "loss at the end over start",
            "Lines end where training is lost",
        )

    return Finding(
        {
            "largest rate that trains, over 2/λ_max at the start": top,
            "best rate, over 2/λ_max at the start": best,
            "dimension of the path at the edge": dimension,
            "dimension of the path away from it": away,
            "p at B = 10 at the edge": p,
            "p at B = 1 at the edge": one,
        },
        ruling,
        "no training beyond 2/λ_max, with a dimension of about 1.5 and p > ½ at every network",
        f"{found.reached.size} networks, {found.factors.size} learning rates, full batch",
        draw,
        "A descent without noise runs along a curve, of dimension 1 at the edge as away from it; the rate "
        "that learns fastest lies below 2/λ_max at the start; and p > ½ there is a matter of the batch "
        "size supposed.",
    )
