"""C24–C28: the margin S, the dimension d_H and the coefficient I = pS/d_H (§6)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim import estimators as est
from sdesim.noise import sample_stable

from .estimates import Array, bootstrap, exact, mean, share, slope
from .lab import Lab
from .ledger import Finding, claim
from .networks import RATE, regression_network
from .plots import CLAIMED, CORRECTED, GUIDE, finish, points
from .rules import above, below, judge, near, together, whether


@claim(
    "C24",
    "6.1",
    claim="The sign of S = 2η − λ_max says whether gradient descent is stable, as ηλ_max < 2 does.",
    test="Gradient descent on λx²/2 for random η and λ, plain and with momentum: in which share does a "
    "reading of the sign of S, S < 0 or S > 0 as stable, agree with what the run does?",
)
def margin_sign(lab: Lab) -> Finding:
    """ηλ < 2 is 2/η − λ > 0; 2η − λ compares a length of step with a curvature."""
    n, rng = lab.size(20_000, 3000), lab.rng("C24")
    eta, lam = 10 ** rng.uniform(-3, 1, n), 10 ** rng.uniform(-2, 3, n)
    stable = _descent(eta, lam, 0.0)
    literal = 2 * eta - lam
    safe = share((literal < 0) == stable)
    other = share((literal > 0) == stable)
    right, heavy = (
        share(
            (np.array([_normalised(e, x, b) for e, x in zip(eta, lam, strict=True)]) > 0)
            == _descent(eta, lam, b)
        )
        for b in (0.0, 0.9)
    )
    ruling = judge(
        [
            above("agreement of S < 0 with stability", safe, 0.99),
            above("agreement of S > 0 with stability", other, 0.99),
        ],
        corrected=[
            above("agreement of 2 − ηλ > 0", right, 0.99),
            above("agreement of 2(1 − λ/λ_crit) > 0, momentum 0.9", heavy, 0.99),
        ],
    )

    def draw(ax: Any) -> None:
        part = slice(0, 1500)
        for what, colour, name in ((stable, "#0072B2", "run stable"), (~stable, "#CC79A7", "run diverges")):
            at = what[part]
            ax.plot(eta[part][at], lam[part][at], ".", color=colour, markersize=2, label=name)
        grid = np.geomspace(1e-3, 10, 50)
        ax.loglog(grid, 2 * grid, label="S = 2η − λ = 0", **CLAIMED)
        ax.plot(grid, 2 / grid, label="λ = 2/η", **CORRECTED)
        ax.set_ylim(1e-2, 1e3)
        finish(ax, "η", "λ", "The line S = 0 crosses the edge of stability")

    return Finding(
        {
            "agreement of S < 0 with stability": safe,
            "agreement of S > 0 with stability": other,
            "agreement of 2 − ηλ > 0": right,
            "agreement of the margin with momentum": heavy,
        },
        ruling,
        "a sign of 2η − λ that agrees with stability in more than 99% of runs",
        f"{n} pairs (η, λ), log-uniform in 0.001–10 and 0.01–1000, 400 steps each",
        draw,
        "The margin is 2/η − λ, or without units 2 − ηλ, positive where stable; with momentum and the like "
        "λ_crit takes the place of 2/η. The terms of 2η − λ have different units.",
    )


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
    test="Runs of gradient descent that converge, with λ > 2η as in networks: what does I call those that "
    "S < 0 calls safe? And with the margin 2 − ηλ in its place?",
)
def signs(lab: Lab) -> Finding:
    """I has the sign of S, so that what §6.1 calls safe §6.3 calls diverging."""
    n, rng, p, d_h = lab.size(20_000, 2000), lab.rng("C25"), 0.75, 1.5
    eta = 10 ** rng.uniform(-3, -0.5, n)
    lam = rng.uniform(0.0, 1.0, n) * (2 / eta - 2 * eta) + 2 * eta
    literal = p * (2 * eta - lam) / d_h
    called = share([est.intelligence_state(float(i), method="literal") == "divergence" for i in literal])
    corrected = [
        est.intelligence_state(
            est.intelligence(p, est.stability_margin(float(x), float(e)).value, 2.0, method="corrected"),
            d_h=2.0,
        )
        for e, x in zip(eta, lam, strict=True)
    ]
    right = share([state == "divergence" for state in corrected])
    placeholder = 0.1
    ruling = judge(
        [
            below("share of safe runs that I calls divergence", called, 0.01),
            whether(f"the code's placeholder S = {placeholder} reads as safe (S < 0)", placeholder < 0),
        ],
        corrected=[below("the same share with S = 2 − ηλ", right, 0.01)],
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
        {"share of safe runs called divergence": called, "the same with S = 2 − ηλ": right},
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
            above("largest I with the placeholders", top, 0.5),
            above("largest literal I of a stable step, λ ≥ 2", edge, 0.5),
        ],
        corrected=[
            whether(
                f"states read with the placeholders: {', '.join(sorted(states))}", states == {"stagnation"}
            ),
            whether(
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


@claim(
    "C27",
    "6.2",
    claim="The dimension of the trajectory is min(d, α).",
    test="Correlation dimension of long paths, d = 3: pure α-stable ones (α = 1.2, 1.5, 1.8), Brownian "
    "and 1.5-stable plus Brownian noise (1 to 20), which the SDE of §7.1 has both of; one with drift alone.",
    fair="min(d, α) is the dimension of a path that is purely α-stable.",
)
def dimension_formula(lab: Lab) -> Finding:
    """min(d, α) for a pure stable process, min(d, 2) with any Brownian part, 1 for a smooth path."""
    d, steps, paths, rng = 3, lab.size(2000, 600), lab.size(48, 8), lab.rng("C27")
    # A dimension is a limit of small scales, where Brownian noise rules over jumps at any ratio of the two;
    # at 20 to 1 it does so on all scales that paths of this length show.
    kinds = {
        "α = 1.2": (1.2, 0.0),
        "α = 1.5": (1.5, 0.0),
        "α = 1.8": (1.8, 0.0),
        "α = 1.5 + Brownian": (1.5, 20.0),
    }
    found: dict[str, est.Estimate] = {}
    for name, (alpha, brownian) in kinds.items():
        dims = []
        for _ in range(paths):
            z = sample_stable(alpha, 0.0, size=(steps, d), seed=int(rng.integers(2**31)))
            z = z + brownian * rng.standard_normal((steps, d))
            dims.append(est.trajectory_dimension(np.cumsum(z, axis=0)).value)
        found[name] = mean(dims, "correlation dimension, mean over paths")
    line = est.trajectory_dimension(np.outer(np.cumsum(rng.uniform(0.5, 1.5, 600)), np.ones(d))).value
    smooth = exact(line, "correlation dimension of one straight path")
    pure = [near(k, found[k], kinds[k][0], 0.25) for k in list(kinds)[:3]]
    mixed = found["α = 1.5 + Brownian"]
    ruling = judge(
        [
            together("pure stable: α ± 0.25", pure),
            near("1.5-stable and Brownian: min(d, α)", mixed, 1.5, 0.2),
        ],
        [together("pure stable: α ± 0.25", pure)],
        # A finite path reads below 2, by how much depends on its length; that it is not α is what is shown.
        [above("1.5-stable and Brownian: not α", mixed, 1.6), near("straight path: 1", smooth, 1.0, 0.12)],
    )

    def draw(ax: Any) -> None:
        points(ax, np.arange(4), list(found.values()))
        points(ax, [4], [smooth], "", color="#0072B2")
        ax.plot(np.arange(4), [k[0] for k in kinds.values()], "_", markersize=22, label="min(d, α)", **_MARK)
        ax.axhline(2.0, **GUIDE)
        ax.set_xticks(np.arange(5), [*(k.replace(" + ", "\n+ ") for k in kinds), "drift"], fontsize=8)
        finish(ax, "", "dimension", "min(d, α) of pure stable noise only")

    return Finding(
        {**found, "straight path": smooth},
        ruling,
        "a dimension of 1.5 of a path that has Brownian noise too",
        f"{paths} paths of {steps} steps of each kind, d = {d}",
        draw,
        "min(d, α) is the dimension of a purely α-stable path. With any Brownian part, as in the document's "
        f"own SDE, it is not α: {mixed.value:.2g} on these paths, min(d, 2) in the limit of small scales. "
        "Drift alone gives 1; the number of principal directions is another quantity.",
    )


_MARK: dict[str, Any] = {"color": "#D55E00", "markeredgewidth": 2}


@claim(
    "C28",
    "6",
    claim="A smaller d_H is a more efficient trajectory: at equal p and S learning gains as α falls.",
    test="A network trained on by full gradients plus α-stable noise of one scale, α from 1.2 to 2: the "
    "slope of the log of its final training loss, median over runs, over log(1/α), along which I grows.",
    shares="regression network",
)
def small_dimension(lab: Lab) -> Finding:
    """I = pS/d_H doubles from α = 2 to 1; the jumps that α brings only throw the weights about."""
    net, rng = regression_network(lab), lab.rng("C28")
    start, runs, steps, scale = net.of_seed(0)[1], lab.size(160, 6), lab.size(200, 20), 0.01
    alphas = np.array([1.2, 1.4, 1.6, 1.8, 2.0])
    logs = np.empty((runs, alphas.size))
    for k, alpha in enumerate(alphas):
        theta = np.tile(start.theta, (runs, 1))
        for _ in range(steps):
            z = sample_stable(float(alpha), 0.0, size=theta.shape, seed=int(rng.integers(2**31)))
            theta = theta - RATE * np.asarray(net.surface.grad(theta)) + RATE * scale * z
        logs[:, k] = np.log(np.asarray(net.surface.loss(theta)))
    # One large jump decides the loss of a run, so a mean over runs rests on the few that had it.
    x = -np.log(alphas) + np.log(alphas).mean()

    def typical(rows: Array) -> float:
        return float(np.median(rows, axis=0) @ x / (x @ x))

    trend = bootstrap(typical, logs, rng, 1000, "slope in log(1/α) of the median over runs")
    average = slope(-np.log(alphas), logs, "slope in log(1/α)")
    light, heavy = (bootstrap(lambda v: float(np.median(v)), logs[:, k], rng) for k in (-1, 0))
    ruling = judge(
        [below("slope of the median log loss over log(1/α)", trend, 0.0)],
        corrected=[
            above("slope of the median", trend, 0.0),
            above("slope of the mean", average, 0.0),
        ],
    )

    def draw(ax: Any) -> None:
        points(
            ax, alphas, [bootstrap(lambda v: float(np.median(v)), c, rng) for c in logs.T], "median of runs"
        )
        ax.plot(alphas, light.value + np.log(alphas / 2), label="claimed kind: as 1/I", **CLAIMED)
        finish(ax, "α", "log of the training loss", "Heavier noise of the same scale does harm")

    return Finding(
        {
            "slope of the median log loss over log(1/α)": trend,
            "slope of the mean log loss over log(1/α)": average,
            "median log loss, α = 2": light,
            "median log loss, α = 1.2": heavy,
        },
        ruling,
        "a loss that falls as α falls",
        f"{runs} runs of {steps} steps at each of {alphas.size} values of α",
        draw,
        "At equal scale a smaller α raises the loss: I rewards the heavier noise through d_H alone.",
    )
