"""C57, C59: the loss along lines, and its answer to a push (§5, §8.1, §9.2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdesim.surfaces import Rough, roughness_exponent

from .estimates import LEVEL, Array, c_one, mean
from .images import path, reader, sgd
from .lab import Lab
from .ledger import MEASURED, Finding, claim
from .plots import CLAIMED, GUIDE, OTHER, finish, rows
from .rules import above, below, judge, near, together

# Batch sizes at which trainings are pushed.
_BATCHES = (16, 64, 256)


@claim(
    "C57",
    "8.1",
    claim="The landscape of the loss is rough, most of all before learning.",
    test="Exponent H of second differences of the loss along random lines and along SGD's steps, lags "
    "0.001 to 0.1 per weight, tanh and ReLU networks, before and after training, images and start drawn anew "
    "in each split; random lines at a hundredth of these lags too; controls: fractional surfaces of H = 0.3 "
    "and 0.7.",
    basis=MEASURED,
    quotation="the loss landscape is high-dimensional and rough",
    since="2026-11-25",
    changed="The bound is the old one; lines of one network were the sample, now it is splits, for they "
    "share what a network has.",
)
def roughness(lab: Lab) -> Finding:
    """E(f(x + ru) − 2f(x) + f(x − ru))² ∝ r^{2H}: H < 1 is rough, 2 twice differentiable, 1.5 has kinks.

    A line meets a kink within r with a probability ∝ r and bends there by ∝ r, so that r³ is left of r⁴.
    """
    splits, n, rng = lab.size(16, 2), lab.size(48, 16), lab.rng("C57")
    lags = np.geomspace(0.001, 0.1, 5)
    each: dict[str, list[float]] = {}
    for activation in ("tanh", "relu"):
        for _ in range(splits):
            read = reader(300, [16], int(rng.integers(2**31)), activation)
            net, scale = read.net, float(np.sqrt(read.net.dim))
            end = sgd(net, net.start, 0.2, 16, lab.size(3000, 300), rng)
            for name, theta in (("start", net.start), ("end", end)):
                places, key = theta + 0.01 * rng.standard_normal((n, theta.size)), int(rng.integers(2**31))
                for kind, r in (("", lags), (", small lags", lags / 100)):
                    h = roughness_exponent(net.loss, places, r * scale, seed=key).value
                    each.setdefault(f"{activation}, {name}{kind}", []).append(h)
            walk = path(net, net.start, 0.2, 16, n, rng)
            along = np.diff(walk, axis=0)
            along /= np.linalg.norm(along, axis=1, keepdims=True)
            h = roughness_exponent(net.loss, walk[:-1], lags * scale, directions=along).value
            each.setdefault(f"{activation}, from the start along steps", []).append(h)
    found = {k: mean(v, "mean over splits") for k, v in each.items()}
    small = {k: found.pop(k) for k in list(found) if "small" in k}
    controls = {}
    for hurst in (0.3, 0.7):
        rough = Rough(1000, hurst, lowest=1.0, octaves=12, curvature=0.0)
        controls[f"control H = {hurst}"] = roughness_exponent(
            rough.loss,
            rng.standard_normal((lab.size(800, 96), 1000)),
            np.geomspace(0.005, 0.1, 5),
            level=LEVEL,
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
                "tanh, small lags: H = 2 ± 0.05, twice differentiable",
                [near(k, e, 2.0, 0.05) for k, e in small.items() if "tanh" in k],
            ),
            together(
                "ReLU, small lags: H above 1.2, kinks and no roughness",
                [above(k, e, 1.2) for k, e in small.items() if "relu" in k],
            ),
            together(
                "controls: H within 0.15",
                [near(k, e, float(k[-3:]), 0.15) for k, e in controls.items()],
            ),
        ],
    )  # fmt: skip

    def draw(ax: Any) -> None:
        rows(ax, {**found, **small, **controls})
        ax.axvline(1.0, label="claimed: below 1", **CLAIMED)
        ax.axvline(2.0, label="twice differentiable", **GUIDE)
        ax.axvline(1.5, **GUIDE)
        finish(ax, "exponent H", "", "Along lines the loss is smooth")

    return Finding(
        {**found, **small, **controls},
        ruling,
        "an exponent below 1 at lags of the size of steps",
        f"{splits} splits with a network of each kind, {n} lines at each of 3 places, 1,210 weights",
        draw,
        "Along lines the loss is smooth, before training and after it: towards small lags twice "
        "differentiable for tanh, and differentiable but for kinks for ReLU. Many dimensions it has; rough "
        "it is not.",
    )


@claim(
    "C59",
    "5, 9.2",
    claim="At C = 1 the system is most sensitive to perturbations.",
    test="Trainings on digits at B = 16 to 256, pushed by 0.01 in a random direction at many steps and "
    "trained on with the same batches: growth of the push over the next 100 steps against C at the push.",
    basis=MEASURED,
    quotation="maximally sensitive to perturbations",
    since="2026-11-25",
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
