"""C57, C59, C66: the loss along lines, its answer to a push, and one step expanded in η (§5, §8.1, §10.1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdesim import estimators as est
from sdesim.surfaces import Rough, roughness_exponent

from .estimates import LEVEL, Array, c_one, mean, slope
from .images import path, reader, sgd
from .lab import Lab
from .ledger import Finding, claim
from .plots import CLAIMED, CORRECTED, GUIDE, OTHER, finish, points, rows
from .rules import above, below, judge, near, together

# Batch sizes at which trainings are pushed.
_BATCHES = (16, 64, 256)


@claim(
    "C57",
    "8.1",
    claim="The landscape of the loss is rough, most of all before learning.",
    test="Exponent H of second differences of the loss along random lines and along SGD's steps, lags "
    "0.001 to 0.1 per weight, tanh and ReLU networks, before and after training; controls: fractional "
    "surfaces of H = 0.3 and 0.7.",
)
def roughness(lab: Lab) -> Finding:
    """E(f(x + ru) − 2f(x) + f(x − ru))² ∝ r^{2H}: H < 1 is rough, 2 twice differentiable."""
    n, rng = lab.size(200, 24), lab.rng("C57")
    lags = np.geomspace(0.001, 0.1, 5)
    found: dict[str, est.Estimate] = {}
    for activation in ("tanh", "relu"):
        read = reader(300, [16], lab.seed, activation)
        end = sgd(read.net, read.net.start, 0.2, 16, lab.size(3000, 300), rng)
        for name, theta in (("start", read.net.start), ("end", end)):
            places = theta + 0.01 * rng.standard_normal((n, theta.size))
            found[f"{activation}, {name}"] = roughness_exponent(
                read.net.loss, places, lags * np.sqrt(theta.size), level=LEVEL
            )
        walk = path(read.net, read.net.start, 0.2, 16, n, rng)
        along = np.diff(walk, axis=0)
        found[f"{activation}, from the start along steps"] = roughness_exponent(
            read.net.loss, walk[:-1], lags * np.sqrt(walk.shape[1]), level=LEVEL,
            directions=along / np.linalg.norm(along, axis=1, keepdims=True),
        )  # fmt: skip
    controls = {}
    for hurst in (0.3, 0.7):
        rough = Rough(1000, hurst, lowest=1.0, octaves=12, curvature=0.0)
        controls[f"control H = {hurst}"] = roughness_exponent(
            rough.loss, rng.standard_normal((4 * n, 1000)), np.geomspace(0.005, 0.1, 5), level=LEVEL
        )
    ruling = judge(
        [
            together(
                "H < 1 (rough) before training",
                [below(k, e, 1.0) for k, e in found.items() if "start" in k],
            )
        ],
        corrected=[
            together("H > 1.2: smoother than rough", [above(k, e, 1.2) for k, e in found.items()]),
            together(
                "tanh: H = 2 ± 0.2, twice differentiable",
                [near(k, e, 2.0, 0.2) for k, e in found.items() if "tanh" in k],
            ),
            together(
                "controls: H within 0.15",
                [near(k, e, float(k[-3:]), 0.15) for k, e in controls.items()],
            ),
        ],
    )  # fmt: skip

    def draw(ax: Any) -> None:
        rows(ax, {**found, **controls})
        ax.axvline(1.0, label="claimed: below 1", **CLAIMED)
        ax.axvline(2.0, label="twice differentiable", **GUIDE)
        finish(ax, "exponent H", "", "The loss is smooth on the scale of steps")

    return Finding(
        {**found, **controls},
        ruling,
        "an exponent below 1 at lags of the size of steps",
        f"{n} lines at each of 6 places, networks of 1,210 weights",
        draw,
        "Along lines the loss is smooth: twice differentiable for tanh, at least piecewise for ReLU, before "
        "training and after it. Many dimensions it has; rough it is not.",
    )


@claim(
    "C59",
    "5, 9.2",
    claim="At C = 1 the system is most sensitive to perturbations.",
    test="Trainings on digits at B = 16 to 256, pushed by 0.01 in a random direction at many steps and "
    "trained on with the same batches: growth of the push over the next 100 steps against C at the push.",
)
def sensitivity(lab: Lab) -> Finding:
    """Growth is the work of the curvature, (1 − ηλ)^k along each eigenvector; C isn't in it."""
    seeds, pushes = lab.size(8, 4), lab.size(3, 1)
    moments = (0, 5, 20, 50, 100, 300, 1000)[: lab.size(7, 5)]
    grown, c = _pushed(lab, seeds, pushes, moments)
    values, logs = grown.ravel(), np.log(c).ravel()
    seed_of = np.repeat(np.arange(seeds), values.size // seeds)
    place = np.digitize(logs, np.log([0.5, 2.0]))
    bins = ("C < ½", "½ < C < 2", "C > 2")

    def gained(low: int, high: int) -> list[float]:
        """Growth in one bin less that in another, of every seed that has both."""
        parts = [[values[(seed_of == k) & (place == j)] for j in (low, high)] for k in range(seeds)]
        return [float(a.mean() - b.mean()) for a, b in parts if a.size and b.size]

    under = mean(gained(1, 0), "mean over seeds")
    over = mean(gained(1, 2), "mean over seeds")
    batches = mean((grown[:, 2] - grown[:, 0]).mean(axis=1), "mean over seeds")
    each = {
        name: mean([values[(seed_of == k) & (place == j)].mean() for k in range(seeds)
                    if ((seed_of == k) & (place == j)).any()], "mean over seeds")
        for j, name in enumerate(bins)
    }  # fmt: skip
    ruling = judge(
        [
            above("log growth at ½ < C < 2 less that at C < ½", under, 0.0),
            above("log growth at ½ < C < 2 less that at C > 2", over, 0.0),
        ],
        corrected=[
            near("log growth at B = 256 less that at B = 16, same moments", batches, 0.0, 0.3),
        ],
    )

    def draw(ax: Any) -> None:
        for j, (mark, colour) in enumerate(zip("os^", ("#0072B2", OTHER[0], OTHER[1]), strict=True)):
            x, y = c[:, j].ravel(), grown[:, j].ravel()
            ax.semilogx(x, y, mark, markersize=3, color=colour, label=f"B = {_BATCHES[j]}")
        ax.axvline(1.0, label="claimed: largest at 1", **CLAIMED)
        finish(ax, "C at the push", "log growth in 100 steps", "Growth of a push against C")

    return Finding(
        {
            "C = 1 less below": under,
            "C = 1 less above": over,
            **{f"log growth, {k}": e for k, e in each.items()},
        },
        ruling,
        "a growth that is larger at C = 1 than on both sides",
        f"{seeds} seeds, {len(_BATCHES)} batch sizes, {len(moments)} moments, {pushes} pushes each",
        draw,
        "The growth of a push has no peak at C = 1. It is largest where C is, early, and goes with the "
        "stage of training: a batch 16 times as large has 16 times the C and nearly the same growth.",
    )


def _pushed(lab: Lab, seeds: int, pushes: int, moments: tuple[int, ...]) -> tuple[Array, Array]:
    """Log growth of a push over 100 steps on the same batches, mean over pushes, and C at the push.

    Both (seeds, batch sizes, moments).
    """
    rng, steps, size = lab.rng("C59"), 100, 0.01
    grown, c = np.empty((2, seeds, len(_BATCHES), len(moments)))
    for k in range(seeds):
        net = reader(300, [16], lab.seed + k).net
        for j, batch in enumerate(_BATCHES):
            theta, at = net.start, 0
            for i, moment in enumerate(moments):
                theta = sgd(net, theta, 0.2, batch, moment - at, rng) if moment > at else theta
                at, key = moment, int(rng.integers(2**31))
                plain = sgd(net, theta, 0.2, batch, steps, np.random.default_rng(key))
                logs = []
                for _ in range(pushes):
                    push = rng.standard_normal(theta.size)
                    push *= size / np.linalg.norm(push)
                    moved = sgd(net, theta + push, 0.2, batch, steps, np.random.default_rng(key))
                    logs.append(np.log(np.linalg.norm(moved - plain) / size))
                grown[k, j, i] = np.mean(logs)
                c[k, j, i] = batch * c_one(net.example_gradients(theta))
    return grown, c


@claim(
    "C66",
    "10.1, 14.1",
    claim="The remainder of the bound of a step is of order η², and the bound is loose early and tight late.",
    test="Full-batch steps of a network on digits: |L(θ − ηg) − L + η|g|²| over η from 0.001 to 0.1; and the "
    "decrease of the loss over that which the curvature λ_max guarantees, early and late.",
)
def remainder(lab: Lab) -> Finding:
    """L(θ − ηg) = L − η|g|² + (η²/2) gᵀHg + O(η³); guaranteed: decrease ≥ η|g|²(1 − ηβ/2), β = λ_max."""
    seeds, rng, eta = lab.size(10, 3), lab.rng("C66"), 0.5
    etas = np.geomspace(0.001, 0.1, 9)
    moments = (0, 30, 100, 300, 1000, 3000)[: lab.size(6, 4)]
    curves, slack = [], []
    for k in range(seeds):
        read = reader(300, [16], lab.seed + k)
        net, late = read.net, []
        thetas = path(net, net.start, 0.2, 32, moments[-1], rng, 10)
        for moment in moments:
            theta = thetas[moment // 10]
            loss, g = float(net.loss(theta)), net.grad(theta)
            left = [abs(float(net.loss(theta - e * g)) - loss + e * float(g @ g)) for e in etas]
            curves.append(np.log(left))
            # A step at half the edge, so that the guarantee is a decrease at every moment.
            beta = read.lambda_max(theta)
            step = eta / beta
            done = loss - float(net.loss(theta - step * g))
            late.append(done / (step * float(g @ g) * (1 - step * beta / 2)))
        slack.append(late)
    order = slope(np.log(etas), np.array(curves), "slope in log η")
    ratios = np.array(slack)
    by_moment = [mean(ratios[:, j], "mean over seeds") for j in range(len(moments))]
    trend = mean(
        np.abs(ratios[:, :2] - 1).mean(axis=1) - np.abs(ratios[:, -2:] - 1).mean(axis=1), "mean over seeds"
    )
    ruling = judge(
        [
            near("order of the remainder in η", order, 2.0, 0.1),
            above("distance of observed/guaranteed from 1, first two moments less last two", trend, 0.0),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, np.array(moments) + 1, by_moment, "observed over guaranteed")
        ax.axhline(1.0, label="tight", **CORRECTED)
        ax.set_xscale("log")
        finish(ax, "step + 1", "decrease over its bound", f"The remainder goes as η^{order.value:.2f}")

    return Finding(
        {
            "order of the remainder": order,
            "distance from tight, early less late": trend,
            **{f"observed over guaranteed, step {m}": e for m, e in zip(moments, by_moment, strict=True)},
        },
        ruling,
        "another order than 2, or a bound as loose late as early",
        f"{seeds} seeds, {len(moments)} moments of training each",
        draw,
        "The remainder is of order η²; the guarantee from λ_max is no looser early than late.",
    )
