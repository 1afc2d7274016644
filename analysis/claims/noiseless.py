"""C72, C73: what happens without any noise in the gradient (§1, §9.2)."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from functools import partial
from operator import mul
from typing import Any

import numpy as np

from sdesim import estimators as est
from sdesim.support import SHARE
from sdesim.surfaces import MLP

from .estimates import Array, exact, mapped, mean, share
from .grokking import EVERY, grokked
from .lab import Lab
from .ledger import COUNTER_EXAMPLE, DEDUCED, Finding, claim
from .plots import GUIDE, OTHER, finish, points
from .rules import above, below, judge, near, proved, together

_EXAMPLES = 40


@claim(
    "C72",
    "1",
    claim="Grokking, double descent and the edge of stability are symptoms of noise in the gradient.",
    test="Each of them with the gradient of all examples at every step, which has no noise: addition mod 37, "
    "least squares on random features of noiseless targets, small tanh networks.",
    basis=COUNTER_EXAMPLE,
    quotation="they are all symptoms of a **signal-noise competition** in the gradient",
    since="2026-11-30",
    shares="phenomena of real networks",
)
def without_noise(lab: Lab) -> Finding:
    """A full-batch step is a function of θ: Σ = 0 and C = ∞ along the whole training."""
    run = grokked(lab)
    found = [k for k in range(len(run.test)) if run.jump(k) >= 0]
    # What is known at the first point counts as known at the second.
    logs = [np.log(max(run.jump(k), 1) / max(run.fitted(k), 1)) for k in found or range(len(run.test))]
    delay = mapped(mean(logs, "mean log over splits"), math.exp)
    peak = mapped(mean(_peaks(lab), "mean log over regressions"), math.exp)
    hover, fallen = _edge(lab)
    events = {
        "grokking: step of 50% test accuracy over that of 99% training accuracy": (delay, 2.0),
        "double descent: test error at the peak over that at eight times the width": (peak, 2.0),
        "edge of stability: ηλ_max/2 late": (mean(hover, "mean over networks"), 0.9),
    }
    ruling = judge(
        [below(name, e, bound) for name, (e, bound) in events.items()],
        corrected=[above(name, e, bound) for name, (e, bound) in events.items()],
    )

    def draw(ax: Any) -> None:
        steps = EVERY * np.arange(run.test.shape[1])
        for courses, name, colour in ((run.train, "training", OTHER[1]), (run.test, "test", "#0072B2")):
            ax.plot(steps, courses.T, color=colour, linewidth=0.9)
            ax.plot([], color=colour, label=name)
        ax.axhline(0.5, **GUIDE)
        finish(ax, "step", "accuracy", "Grokking with no noise in the gradient")

    return Finding(
        {
            **{name: e for name, (e, _) in events.items()},
            "grokking: test accuracy at the end": mean(run.test[:, -1], "mean over splits", SHARE),
            "grokking: share of trainings that find the rule": exact(len(found) / len(run.test), "share"),
            "edge of stability: share of trainings whose loss halves": share(fallen < 0.5),
        },
        ruling,
        "none of the three in full batch",
        f"{len(found)} trainings on addition, {lab.size(40, 8)} regressions, {hover.size} networks at "
        "the edge",
        draw,
        "All three come in full batch, where the gradient has no noise and C no finite value. Noise can move "
        "them; it isn't what they are made of.",
    )


def _peaks(lab: Lab) -> Array:
    """log of the test error of full-batch descent's limit at as many features as examples over that at eight
    times as many, for noiseless targets (regressions,)."""
    rng, d = lab.rng("C72 peak"), 15
    logs = []
    for _ in range(lab.size(40, 8)):
        x, fresh = rng.standard_normal((_EXAMPLES, d)), rng.standard_normal((1000, d))
        teacher = rng.standard_normal((d, 5)) / np.sqrt(d)
        y, truth = (np.tanh(2 * z @ teacher).sum(axis=1) for z in (x, fresh))
        errors = []
        for width in (_EXAMPLES, 8 * _EXAMPLES):
            inner = rng.standard_normal((d, width)) / np.sqrt(d)
            a, b = (np.maximum(z @ inner, 0) for z in (x, fresh))
            # Descent from 0 ends at the shortest of the least-squares solutions.
            errors.append(np.mean((b @ (np.linalg.pinv(a) @ y) - truth) ** 2))
        logs.append(np.log(errors[0] / errors[1]))
    return np.array(logs)


def _edge(lab: Lab) -> tuple[Array, Array]:
    """ηλ_max/2 over the last states, and the loss at the end over that at the start, (networks,) each."""
    eta, steps, networks, rng = 0.4, lab.size(4000, 300), lab.size(10, 3), lab.rng("C72 edge")
    hover, fallen = np.empty((2, networks))
    for k in range(networks):
        x = rng.standard_normal((50, 5))
        net = MLP([5, 20, 1], x, np.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3], seed=lab.seed + k)
        theta, late = net.start, []
        for t in range(steps):
            theta = theta - eta * net.grad(theta)
            if t >= steps - 100 and t % 10 == 0:
                late.append(_largest_curvature(net, theta))
        hover[k], fallen[k] = eta * np.mean(late) / 2, net.loss(theta) / net.loss(net.start)
    return hover, fallen


def _largest_curvature(net: MLP, theta: Array) -> float:
    return est.lanczos_edges(lambda v: net.hvp(theta, v), net.dim)[1]


@claim(
    "C73",
    "9.2",
    claim="The test error peaks at interpolation because noisy gradients leave open which of the "
    "interpolating solutions is found.",
    test="Least squares with n examples and m features, exactly: how many solutions there are at m = n, in "
    "which directions a gradient of any batch can lead, and the closed form of the error.",
    basis=DEDUCED,
    quotation="maximally unreliable about which interpolating solution to converge to",
    fair="At the threshold the solution is most sensitive to noise in the data.",
    since="2026-11-30",
)
def which_solution(lab: Lab) -> Finding:
    """∇L̂ = Aᵀ(…) lies in the rows' span for every batch, so that descent from 0 has one limit, A⁺y.

    With x ~ N(0, I_m) and noise σ² the variance of A⁺y is σ²·n/(m − n − 1) for m > n + 1, σ²·m/(n − m − 1)
    for n > m + 1 (trace of an inverse Wishart matrix).
    """
    rng, n = lab.rng("C73"), 5
    rows = {m: [[Fraction(int(v)) for v in row] for row in rng.integers(-9, 10, (n, m))] for m in (n, 2 * n)}
    free = {m: _kernel(a) for m, a in rows.items()}
    led = [
        sum((v * a for v, a in zip(vector, row, strict=True)), Fraction(0))
        for vector, row in itertools.product(free[2 * n], rows[2 * n])
    ]
    # Nearer to n the variance over data sets of what is averaged is too large, from n ± 3 on infinite.
    widths = np.array([8, 16, 24, 30, 50, 60, 80, 160])
    theory = [_variance(_EXAMPLES, int(m)) for m in widths]
    nearer = all(
        _variance(_EXAMPLES, m) < _variance(_EXAMPLES, m + 1) for m in range(1, _EXAMPLES - 2)
    ) and all(_variance(_EXAMPLES, m) > _variance(_EXAMPLES, m + 1) for m in range(_EXAMPLES + 2, 400))
    found, apart = _fitted(lab, widths)
    ruling = judge(
        [
            proved(f"m = n = {n}: solutions span {len(free[n])} dimensions > 0", len(free[n]) > 0),
            proved(
                f"m = {2 * n}, n = {n}: an example's gradient has a part along one of the "
                f"{len(free[2 * n])} free directions",
                any(v != 0 for v in led),
            ),
        ],
        fair=[
            proved(
                "variance of the solution under noise of the targets rises towards m = n on both sides",
                nearer,
            )
        ],
        corrected=[
            together(
                "variance of the solution, in closed form ± 15%",
                [near(f"m = {m}", e, 1.0, 0.15) for m, e in zip(widths, found, strict=True)],
            ),
            below(
                "m = 2n: distance of the limits of SGD (B = 1) and of descent, of their length", apart, 1e-3
            ),
        ],
    )

    def draw(ax: Any) -> None:
        measured = [mapped(e, partial(mul, t)) for e, t in zip(found, theory, strict=True)]
        points(ax, widths, measured, "shortest solutions, no noise in the gradient")
        for side in (np.arange(8, _EXAMPLES - 1), np.arange(_EXAMPLES + 2, 161)):
            label = "closed form" if side[0] == 8 else None
            ax.plot(side, [_variance(_EXAMPLES, int(m)) for m in side], color="#009E73", label=label)
        ax.axvline(_EXAMPLES, **GUIDE)
        ax.set_xscale("log")
        ax.set_yscale("log")
        finish(ax, "features m", "variance over σ²", "The peak at m = n = 40 is noise of the targets")

    return Finding(
        {
            "dimensions of the set of solutions at m = n": exact(len(free[n])),
            "largest part of an example's gradient along free directions": exact(float(max(map(abs, led)))),
            **{f"variance over closed form, m = {m}": e for m, e in zip(widths, found, strict=True)},
            "distance of the limits of SGD and of descent, of their length": apart,
        },
        ruling,
        "several solutions at the threshold, or gradients that lead from one solution to another",
        f"integers for what is exact; {lab.size(1000, 20)} data sets for each width beside the closed form",
        draw,
        "At m = n there is one interpolating solution and nothing to choose; beyond, gradients of whatever "
        "batches never move θ along the directions in which solutions differ, so that SGD and descent find "
        "the same one. The peak is the variance σ²n/|m − n| that noise of the targets gives to it.",
    )


def _variance(n: int, m: int) -> float:
    """E|A⁺ε|² over σ²."""
    return n / (m - n - 1) if m > n else m / (n - m - 1)


def _kernel(a: list[list[Fraction]]) -> list[list[Fraction]]:
    """Directions v with Av = 0, in exact arithmetic (Gauss–Jordan)."""
    rows, width = [row[:] for row in a], len(a[0])
    pivots: list[int] = []
    for column in range(width):
        place = len(pivots)
        best = next((k for k in range(place, len(rows)) if rows[k][column] != 0), None)
        if best is None:
            continue
        rows[place], rows[best] = rows[best], rows[place]
        rows[place] = [v / rows[place][column] for v in rows[place]]
        for k, row in enumerate(rows):
            if k != place and row[column] != 0:
                rows[k] = [v - row[column] * p for v, p in zip(row, rows[place], strict=True)]
        pivots.append(column)
    found = []
    for column in (c for c in range(width) if c not in pivots):
        vector = [Fraction(int(c == column)) for c in range(width)]
        for k, pivot in enumerate(pivots):
            vector[pivot] = -rows[k][column]
        found.append(vector)
    return found


def _fitted(lab: Lab, widths: Array) -> tuple[list[est.Estimate], est.Estimate]:
    """|A⁺ε|² over its closed form at each width; and how far limits of SGD and of descent are apart."""
    rng, sets = lab.rng("C73 sets"), lab.size(1000, 20)
    found = []
    for m in widths:
        a, noise = rng.standard_normal((sets, _EXAMPLES, m)), rng.standard_normal((sets, _EXAMPLES, 1))
        each = ((np.linalg.pinv(a) @ noise) ** 2).sum(axis=(1, 2))
        found.append(mean(each / _variance(_EXAMPLES, int(m)), "mean over data sets"))
    apart = []
    for _ in range(lab.size(20, 4)):
        a, y = rng.standard_normal((_EXAMPLES, 2 * _EXAMPLES)), rng.standard_normal(_EXAMPLES)
        shortest, theta = np.linalg.pinv(a) @ y, np.zeros(2 * _EXAMPLES)
        for i in rng.integers(_EXAMPLES, size=lab.size(20_000, 2000)):
            theta = theta + (y[i] - a[i] @ theta) / (2 * _EXAMPLES) * a[i]
        apart.append(float(np.linalg.norm(theta - shortest) / np.linalg.norm(shortest)))
    return found, mean(apart, "mean over data sets")
