"""C15 and C17: is C = 1 a line between two phases (§5, §8.2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import gammaln, hyp1f1

from sdesim import estimators as est
from sdesim.estimators.core.power import interval_power

from .ensemble import ensemble
from .estimates import LEVEL, Array, exact, mean
from .lab import Lab
from .ledger import DEDUCED, MEASURED, NOW_EXACT, Finding, claim
from .plots import CLAIMED, CORRECTED, finish, points
from .rules import above, below, judge, near, proved, together


@claim(
    "C15",
    "5",
    claim="The passage from C < 1 to C > 1 is not smooth but a phase transition with a sharp threshold.",
    test="White gradients, d = 20 and 200: the change of slope over log C at C = 1 of the mean cosine with "
    "μ and of the best decrease of a quadratic loss, from their closed forms; beside it the kink of a "
    "fitted curve in draws at C from 1/4 to 4.",
    basis=DEDUCED,
    quotation="it is a phase transition with a sharp threshold",
    since="2026-11-25",
    changed=NOW_EXACT,
)
def sharpness(lab: Lab) -> Finding:
    """E cos(g, μ) ≈ √p and the best decrease p are analytic in C."""
    sets, n, rng = lab.size(60, 12), lab.size(2000, 500), lab.rng("C15")
    logs = np.linspace(-math.log(4), math.log(4), 17)
    curves: dict[str, Array] = {}
    for d in (20, 200):
        cosine, decrease = np.empty((2, sets, logs.size))
        for k, c in enumerate(np.exp(logs)):
            g1 = math.sqrt(c * d) + rng.standard_normal((sets, n))
            norm2 = g1**2 + rng.chisquare(d - 1, (sets, n))
            cosine[:, k] = (g1 / np.sqrt(norm2)).mean(axis=1)
            p = c / (1 + c)
            after = c * d - 2 * p * math.sqrt(c * d) * g1 + p**2 * norm2
            decrease[:, k] = 1 - after.mean(axis=1) / (c * d)
        curves |= {f"mean cosine, d = {d}": cosine, f"best decrease, d = {d}": decrease}
    kinks = {
        name: mean(_kinks(logs, y), "kink beside a quintic, mean over scans") for name, y in curves.items()
    }
    closed = {f"mean cosine, d = {d}": _slope_change(lambda c, d=d: _mean_cosine(d, c)) for d in (20, 200)}
    closed["best decrease"] = _slope_change(lambda c: c / (1 + c))
    ruling = judge(
        [
            together(
                "change of slope at C = 1 > 0.05",
                [proved(f"{name}: {value:.1g}", value > 0.05) for name, value in closed.items()],
            )
        ],
        corrected=[
            together("change of slope in draws 0 ± 0.02", [near(k, e, 0.0, 0.02) for k, e in kinks.items()]),
        ],
    )

    def draw(ax: Any) -> None:
        p = 1 / (1 + np.exp(-logs))
        for (name, y), truth, look in zip(
            [(k, v) for k, v in curves.items() if "200" in k],
            (np.sqrt(p), p),
            ({}, {"color": "#CC79A7", "marker": "s"}),
            strict=True,
        ):
            points(ax, np.exp(logs), [mean(column) for column in y.T], name, **look)
            ax.plot(np.exp(logs), truth, **CORRECTED)
        ax.axvline(1.0, label="claimed threshold", **CLAIMED)
        ax.set_xscale("log")
        finish(ax, "C", "", "Smooth through C = 1 (lines: √p and p)")

    return Finding(
        {f"change of slope at C = 1, closed form: {name}": exact(v) for name, v in closed.items()}
        | {f"change of slope at C = 1: {name}": e for name, e in kinks.items()},
        ruling,
        "a change of slope at C = 1 of more than 0.05 in each quantity",
        f"{sets} scans of {n} gradients at each of {logs.size} values of C and 2 dimensions",
        draw,
        "Cosine and best decrease are smooth functions of C, √p and p, with no kink or jump at C = 1 in any "
        "dimension.",
    )


def _slope_change(f: Callable[[float], float]) -> float:
    """Slope of f over log C from C = 1 upwards less that downwards, over a thousandth of log C."""
    h = 1e-3
    return (f(math.exp(h)) - 2 * f(1.0) + f(math.exp(-h))) / h


def _mean_cosine(d: int, c: float) -> float:
    """E cos(g, μ) of g ~ N(μ, s²I), m = |μ|/s = √(dC): (m/√2) Γ((d+1)/2)/Γ(d/2+1) ₁F₁(½; d/2+1; −m²/2)."""
    m = math.sqrt(d * c)
    scale = math.exp(gammaln((d + 1) / 2) - gammaln(d / 2 + 1))
    return float(m / math.sqrt(2) * scale * hyp1f1(0.5, d / 2 + 1, -(m**2) / 2))


def _kinks(x: Array, y: Array) -> Array:
    """Coefficient of max(x, 0) beside a quintic, for each line of y (r, n)."""
    design = np.column_stack([x**k for k in range(6)] + [np.maximum(x, 0.0)])
    return np.asarray(np.linalg.lstsq(design, y.T, rcond=None)[0][-1])


@claim(
    "C17",
    "8.2",
    claim="Once C has crossed 1 the collapse is irreversible under continued training.",
    test="Networks, each with data and initial weights of its own, trained by SGD at η = 0.01, B = 256, C "
    "above 1 at first: log C after 3,000 steps with nothing changed, and the correlation dimension of the "
    "last hundred steps less that of the first hundred.",
    basis=MEASURED,
    quotation="**Irreversible** under continued training",
    since="2026-11-30",
    changed="Trainings with data and weights drawn anew, and the dimension itself, in place of one quadratic "
    "whose C falls by construction: that test could not have come out otherwise.",
)
def irreversibility(lab: Lab) -> Finding:
    """C = B·C₁ is highest before anything is learnt, and a path near a minimum is noise again."""
    splits, steps, window = lab.size(24, 4), lab.size(3000, 240), lab.size(100, 60)
    batch, rng = 256, lab.rng("C17")
    e = ensemble(splits, 1, rng)
    every = steps // 60
    places, cs, accuracies, first, last = [], [], [], [], []
    for k in e.steps(batch, steps, rng, rate=0.01):
        if k % every == 0:
            places.append(k)
            cs.append(batch * e.c_one())
            accuracies.append(e.test_accuracies())
        if k < window:
            first.append(e.theta())
        elif k > steps - window:
            last.append(e.theta())
    logs = np.log10(np.array(cs))
    dimensions = [est.trajectory_dimension(np.stack(path, axis=1)).value for path in (first, last)]
    half = logs[next(i for i, k in enumerate(places) if k >= window / 2)]
    begin = mean(half, "mean over data sets")
    end = mean(logs[-1], "mean over data sets")
    before, after = (mean(x, "correlation dimension, mean over data sets") for x in dimensions)
    rise = mean(dimensions[1] - dimensions[0], "mean over data sets")
    gained = mean(accuracies[-1] - accuracies[places.index(every * (window // every))], "mean over data sets")
    ruling = judge(
        [
            above(f"log₁₀ C after {steps} steps", end, 0.0),
            below("rise of the path's dimension", rise, 0.2),
        ],
        corrected=[
            above(f"log₁₀ C after {window // 2} steps", begin, 0.0),
            below(f"log₁₀ C after {steps} steps", end, 0.0),
            above("rise of the path's dimension", rise, 0.2),
            above("test accuracy at the end less that after the first window", gained, 0.0),
        ],
    )
    seen_c, seen_rise = (
        interval_power(x.value, x.low, x.high, bound, x.n, LEVEL).difference
        for x, bound in ((end, 0.0), (rise, 0.2))
    )

    def draw(ax: Any) -> None:
        ax.loglog(places[1:], 10 ** logs[1:], color="#0072B2", linewidth=0.6, alpha=0.6)
        ax.plot([], [], color="#0072B2", label="C, one line for each data set")
        ax.axhline(1.0, label="C = 1", **CLAIMED)
        text = f"dimension {before.value:.2f}, at the end {after.value:.2f}"
        finish(ax, "step", "C at B = 256", f"C falls back below 1; {text}")

    return Finding(
        {
            f"log₁₀ C after {window // 2} steps": begin,
            f"log₁₀ C after {steps} steps": end,
            f"dimension of the first {window} steps": before,
            f"dimension of the last {window} steps": after,
            "rise of the dimension": rise,
            "distance of log₁₀ C from 0 seen with probability 0.9": exact(seen_c, "power of the test"),
            "distance of the rise from 0.2 seen with probability 0.9": exact(seen_rise, "power of the test"),
        },
        ruling,
        "a C that stays above 1 and a dimension that stays where it was, to the end of training",
        f"{splits} data sets and networks, {steps} steps. With probability 0.9 a log₁₀ C "
        f"{seen_c:.2g} from 0 would have been seen, and a rise {seen_rise:.2g} from 0.2.",
        draw,
        "With nothing changed C falls back below 1, for it is highest before anything is learnt, and the "
        "path becomes noise again. What was learnt stays.",
    )
