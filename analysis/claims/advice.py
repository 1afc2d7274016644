"""C48–C49: learning rates by bands of p, and early stopping (§11.3, §11.4)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim import estimators as est

from .estimates import Array, c_one, exact, mean, share
from .lab import Lab, shared
from .ledger import Finding, claim
from .networks import BATCH, EXAMPLES, RATE
from .plots import CLAIMED, CORRECTED, GUIDE, finish, points
from .rules import above, below, consistent, judge, near, together

_BANDS = ((0.4, 0.1), (0.5, 0.5), (0.6, 1.0), (0.75, 1.5), (math.inf, 2.0))


@claim(
    "C48",
    "11.3",
    claim="The base rate times 0.1, 0.5, 1, 1.5 or 2, by the band of p, makes the most of each step.",
    test="Steps on an isotropic quadratic, the base rate best at p = ½: decrease of the loss by the bands "
    "over the best decrease at that p.",
    fair="From p = ½ on, the bands make nearly the most of each step.",
)
def bands(lab: Lab) -> Finding:
    """The best rate is p/λ, 2p times the base rate; the decrease at x times the best is p(2x − x²)."""
    d, n, rng = 20, lab.size(100_000, 10_000), lab.rng("C48")
    p = np.array([0.1, 0.2, 0.3, 0.39, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.75, 0.9])
    by_band = [_decrease(q, 0.5 * _factor(q), d, n, rng) for q in p]
    best = [_decrease(q, q, d, n, rng) for q in p]

    def enough(which: Array) -> list[Any]:
        return [above(f"p = {p[k]:g}", by_band[k], 0.85) for k in np.flatnonzero(which)]

    ruling = judge(
        [together("decrease over the best > 0.85 at every p", enough(p > 0))],
        [together("decrease over the best > 0.85 from p = ½ on", enough(p >= 0.5))],
        [
            together(
                "rate p/λ: decrease over p",
                [near(f"p = {q:g}", e, 1.0, 0.02) for q, e in zip(p, best, strict=True)],
            )
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, p, by_band, "by the bands")
        points(ax, p, best, "rate 2p times the base", color="#009E73", marker="s")
        ax.axhline(1.0, **GUIDE)
        ax.axhline(0.85, label="claimed: near the best", **CLAIMED)
        finish(ax, "p", "decrease of the loss over the best", "Too cautious below p = 0.4")

    return Finding(
        {
            "p = 0.39: decrease by the band over the best": by_band[3],
            "p = 0.45": by_band[5],
            "p = 0.55": by_band[7],
            "p = 0.75": by_band[10],
        },
        ruling,
        "85% of the best decrease below p = 0.4 as well",
        f"{n} steps in {d} dimensions at each of {p.size} values of p",
        draw,
        "The rate of steepest expected descent is p times the largest stable one, 2p times that of p = ½: "
        "the bands follow it from ½ on and fall far below it under 0.4.",
    )


def _factor(p: float) -> float:
    """The factor of the band of p, as in §11.3."""
    return next(f for end, f in _BANDS if p < end)


def _decrease(p: float, r: float, d: int, n: int, rng: np.random.Generator) -> est.Estimate:
    """(1 − E L₊/L)/p of a step r = ηλ on λ|θ|²/2."""
    mu = np.eye(1, d)[0]
    g = mu + math.sqrt((1 - p) / (p * d)) * rng.standard_normal((n, d))
    return mean((1 - ((mu - r * g) ** 2).sum(axis=1)) / p, "mean over steps")


@shared
def healthy_runs(lab: Lab) -> tuple[Array, Array, Array]:
    """Literal C at B = 32, test losses and first sharpness of SGD runs of a small network, (runs, places)."""
    import torch

    from sdesim.data import teacher_student
    from sdesim.surfaces import MLP
    from sdesim.training import mlp, record

    runs, places = lab.size(20, 16), lab.size(40, 20)
    steps = lab.size(1600, 400)
    data = teacher_student(EXAMPLES, 1000, features=10, hidden=10, noise=0.3, seed=lab.seed)
    run = record(
        mlp([10, 32, 1], seed=lab.seed), torch.nn.functional.mse_loss, data, None,
        lambda params: torch.optim.SGD(params, lr=RATE), steps=steps, batch_size=BATCH, seed=lab.seed + 1,
        trajectories=runs, init="fresh", save_every=steps // places, progress=False,
    )  # fmt: skip
    surface = MLP([10, 32, 1], data.x_train, data.y_train)
    theta = run["theta"].values
    c, test = np.empty((2, runs, theta.shape[1]))
    sharp = np.empty(runs)
    for i in range(runs):
        for k in range(theta.shape[1]):
            c[i, k] = BATCH * c_one(surface.example_gradients(theta[i, k]))
            test[i, k] = float(np.mean((surface.outputs(theta[i, k], data.x_test) - data.y_test) ** 2))
        sharp[i] = est.lanczos_edges(lambda v, at=theta[i, 0]: surface.hvp(at, v), surface.dim)[1]
    return c, test, sharp


@claim(
    "C49",
    "11.4",
    claim="Ten evaluations with p < 0.45, ten falling C, or I < 0 tell when training should stop.",
    test="The rules on runs of a small network that train well (B = 32): how many are stopped before the "
    "test loss has come within 1% of its end; the sign of S = 2η − λ_max at the start; the trend rule on "
    "noise alone.",
)
def early_stopping(lab: Lab) -> Finding:
    """p < ½ is the common state of small batches, and S < 0 that of every λ_max above 2η."""
    c, test, sharp = healthy_runs(lab)
    window = 10
    p = c / (1 + c)
    stopped, by_trend = np.full(len(c), -1), np.zeros(len(c), dtype=bool)
    for i in range(len(c)):
        for k in range(window - 1, c.shape[1]):
            part = slice(k + 1 - window, k + 1)
            if (p[i, part] < 0.45).all():
                stopped[i] = k
                break
        falls = np.diff(c[i]) <= 0
        by_trend[i] = any(falls[k : k + window - 1].all() for k in range(falls.size - window + 2))
    early = (stopped >= 0) & (test[np.arange(len(c)), stopped] > 1.01 * test[:, -1])
    wrongly = share(early, "share of runs")
    unstable = share(sharp > 2 * RATE, "share of runs")
    n, rng = lab.size(2_000_000, 200_000), lab.rng("C49")
    draws = rng.standard_normal((n, 5))
    chance = share((np.diff(draws, axis=1) <= 0).all(axis=1))
    ruling = judge(
        [
            below("runs stopped by p < 0.45 while the test loss was still falling", wrongly, 0.1),
            below("runs with S < 0, so I < 0, at the first step", unstable, 0.1),
        ],
        corrected=[consistent("trend rule with a window of 5 on noise alone, against 1/5!", chance, 1 / 120)],
    )

    def draw(ax: Any) -> None:
        ax.plot(p.T, color="#0072B2", linewidth=0.6)
        ax.axhline(0.45, label="claimed: stop below 0.45", **CLAIMED)
        other = ax.twinx()
        other.plot(test.mean(axis=0), label="mean test loss", **CORRECTED)
        other.set_ylabel("test loss")
        finish(ax, "evaluation", "p at B = 32", "p is low while the test loss still falls")

    return Finding(
        {
            "stopped by p < 0.45 too early": wrongly,
            "S < 0 at the first step": unstable,
            "runs with ten falling C": share(by_trend, "share of runs"),
            "trend rule, window 5, on noise": chance,
            "mean test loss when stopped over that at the end": exact(
                float(np.mean(test[np.arange(len(c)), stopped] / test[:, -1]))
            ),
        },
        ruling,
        "fewer than a tenth of the runs stopped too early",
        f"{len(c)} runs of {c.shape[1]} evaluations; {n} series of noise",
        draw,
        "p < 0.45 and S = 2η − λ_max < 0 are the ordinary state of training that goes well. A stop needs "
        "C below C*/2 or a falling C together with a validation loss that no longer improves.",
    )
