"""C55: does the tail index set how C crosses 1 (§7.2)?"""

from __future__ import annotations

from typing import Any

import numpy as np

from sdesim.noise import sample_stable
from sdesim.surfaces import MLP

from .estimates import Array, bootstrap, mean
from .lab import Lab
from .ledger import Finding, claim
from .plots import OTHER, finish, points
from .rules import above, below, judge

_ALPHAS, _RUNS, _DIM = (1.2, 1.5, 1.8, 2.0), 25, 20


@claim(
    "C55",
    "7.2",
    claim="The tail index α governs the universality class of the transition.",
    test="Descent under α-stable gradient noise, α = 1.2 to 2, on two quadratics and a network, from C = "
    "10 down: slope of log C over log step between C = 3 and ⅓. A class would give one slope for each α on "
    "all surfaces.",
)
def universality(lab: Lab) -> Finding:
    """C = |∇L|²/(d s²), s the scale of the noise, which all α have in common (there is no variance)."""
    groups, rng = lab.size(12, 3), lab.rng("C55")
    surfaces = _surfaces(lab)
    slopes = np.array(
        [
            [[_crossing(grad, start, a, rng) for _ in range(groups)] for grad, start in surfaces.values()]
            for a in _ALPHAS
        ]
    )

    def within(chosen: Array, first: int = 0) -> float:
        """Spread of slopes between surfaces at one α, over the mean slope."""
        cells = slopes[first:, :, chosen.astype(int)].mean(axis=2)
        return float(cells.std(axis=1).mean() / abs(cells.mean()))

    def between(chosen: Array, first: int = 0) -> float:
        """Spread of slopes between α on one surface, over the mean slope."""
        cells = slopes[first:, :, chosen.astype(int)].mean(axis=2)
        return float(cells.std(axis=0).mean() / abs(cells.mean()))

    def ratio(chosen: Array) -> float:
        return within(chosen, 1) / between(chosen, 1)

    one_alpha, one_surface, light = (
        bootstrap(f, np.arange(groups), rng, lab.size(1000, 200), "bootstrap over groups")
        for f in (within, between, ratio)
    )
    found = {
        name: [mean(slopes[i, j], "mean over groups") for i in range(len(_ALPHAS))]
        for j, name in enumerate(surfaces)
    }
    ruling = judge(
        [
            below("relative spread of slopes between surfaces at one α", one_alpha, 0.1),
            above("relative spread of slopes between α on one surface", one_surface, 0.1),
        ],
        corrected=[
            above("α from 1.5 to 2: spread between surfaces over spread between α", light, 2.0),
        ],
    )

    def draw(ax: Any) -> None:
        for (name, estimates), colour, mark in zip(found.items(), ("#0072B2", *OTHER), "os^", strict=False):
            points(ax, _ALPHAS, estimates, name, color=colour, marker=mark, linestyle="-")
        finish(ax, "α", "slope of log C over log step", "One curve for all surfaces would be a class")

    return Finding(
        {
            "relative spread between surfaces at one α": one_alpha,
            "relative spread between α on one surface": one_surface,
            "α from 1.5 to 2: spread between surfaces over between α": light,
            **{
                f"slope, {name}, α = {a}": e
                for name, es in found.items()
                for a, e in zip(_ALPHAS, es, strict=True)
            },
        },
        ruling,
        "slopes that agree between surfaces at each α and differ between α",
        f"{groups} groups of {_RUNS} runs at each of {len(_ALPHAS)} α on {len(surfaces)} surfaces",
        draw,
        "How fast C falls through 1 is set by the curvatures of the surface; from α = 1.5 to 2 the index "
        "hardly matters. Heavier noise slows the fall, on each surface in its own way: no class that α "
        "could name.",
    )


def _surfaces(lab: Lab) -> dict[str, tuple[Any, Array]]:
    """Gradients (runs, d) → (runs, d) with starting points."""
    rng = lab.rng("C55 surfaces")
    decaying = np.arange(1, _DIM + 1) ** -1.0
    x = rng.standard_normal((48, 4))
    net = MLP([4, 8, 1], x, np.sin(2 * x[:, :1]) + x[:, 1:2], seed=lab.seed)
    return {
        "equal curvatures": (lambda t: t, np.ones(_DIM)),
        "curvatures 1/k": (lambda t: decaying * t, np.ones(_DIM)),
        "network": (net.grad, net.start),
    }


def _crossing(grad: Any, start: Array, alpha: float, rng: np.random.Generator) -> float:
    """Slope of log median C over log step from the first C < 3 to the first C < ⅓ of one group."""
    first = grad(start[None])[0]
    scale = float(np.linalg.norm(first)) / np.sqrt(10 * start.size)
    theta, logs = np.tile(start, (_RUNS, 1)), []
    while len(logs) < 600:
        g = grad(theta)
        logs.append(float(np.log(np.median((g**2).sum(axis=1)) / (start.size * scale**2))))
        if logs[-1] < -np.log(3):
            break
        noise = sample_stable(alpha, 0.0, size=theta.shape, seed=int(rng.integers(2**31)))
        # No single draw shall throw the network out of all numbers; the clip is met less than once in 10⁴.
        theta = theta - 0.02 * (g + scale * np.clip(noise, -1e4, 1e4))
    begin = int(np.argmax(np.array(logs) < np.log(3)))
    part = np.arange(begin, len(logs))
    x = np.log(part + 1.0)
    return float(np.polyfit(x, np.array(logs)[part], 1)[0]) if part.size > 2 else 0.0
