"""C14 and C22: what a network's test error does on either side of C = 1 (§5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdesim import estimators as est
from sdesim.support import SHARE

from .estimates import Array, bootstrap, c_one, mapped, mean
from .lab import Lab
from .ledger import Finding, claim
from .networks import EXAMPLES, RATE
from .plots import CLAIMED, finish
from .rules import above, below, judge, near

_TEST = 1000


@claim(
    "C14",
    "5",
    claim="Below C = 1 (p < ½) a network memorises and does not come to generalise; above, it does.",
    test="A network trained from many seeds at B = 8: how far does its test loss fall from the moment on "
    "after which C stays below 1?",
)
def generalisation(lab: Lab) -> Finding:
    """C = B·C₁ is below 1 all along at small B, and SGD ends at C* = r/(2 − r) at any."""
    run = _training(lab, 8)
    falls, tops = [], []
    for c, losses in zip(run.c, run.test_loss, strict=True):
        first = next((k for k in range(c.size) if (c[k:] < 1).all()), c.size - 1)
        falls.append(1 - losses[-1] / losses[first])
        tops.append(c[first])
    fall = mean(falls, "mean over seeds")
    top = mean(tops, "mean over seeds")
    end = mapped(mean(np.log(run.c[:, -1]), "geometric mean over seeds"), math.exp)
    ruling = judge(
        [
            near("fall of the test loss while C < 1, of its value before", fall, 0.0, 0.1),
            above("C at the end", end, 1.0),
        ],
        corrected=[above("fall of the test loss while C < 1", fall, 0.5)],
    )

    def draw(ax: Any) -> None:
        ax.plot(run.c.T, run.test_loss.T, color="#0072B2", linewidth=0.5, alpha=0.5)
        ax.plot(run.c[:, 0], run.test_loss[:, 0], "o", color="#CC79A7", markersize=4, label="start")
        ax.plot(run.c[:, -1], run.test_loss[:, -1], "s", color="#0072B2", markersize=4, label="end")
        ax.axvline(1.0, label="claimed threshold", **CLAIMED)
        ax.set_xscale("log")
        ax.set_yscale("log")
        finish(ax, "C at B = 8", "test loss", "A network learns with C below 1")

    return Finding(
        {
            "fall of the test loss while C < 1, of its value before": fall,
            "C at the first moment counted": top,
            "C at the end": end,
        },
        ruling,
        "a test loss that falls by less than a tenth while C < 1",
        f"{len(falls)} seeds, {run.steps} steps, {run.c.shape[1]} moments, {_TEST} test examples",
        draw,
        "A network can learn the whole rule with C below 1: C = B·C₁ depends on the batch size, is highest "
        "at the start, before anything is learnt, and falls on the way.",
    )


@claim(
    "C22",
    "5",
    claim="The variance of the test accuracy peaks where C ≈ 1.",
    test="The same network trained from many seeds at B = 32 and B = 256: the C at the moment when the test "
    "accuracy (the sign of the output) differs most between seeds, after the start, where nothing is learnt.",
)
def variance_peak(lab: Lab) -> Finding:
    """C = B·C₁ moves with B, the moment of largest spread need not."""
    rng, found = lab.rng("C22"), {}
    peaks: dict[str, est.Estimate] = {}
    for batch in (32, 256):
        run = _training(lab, batch)
        # Untrained seeds differ for reasons of their own.
        found[batch] = (run.c, run.accuracy)
        for when, first in (("after the start", 1), ("at any moment", 0)):
            pair = np.stack([run.c[:, first:], run.accuracy[:, first:]], axis=1)
            peaks[f"log₁₀ C at the largest spread {when}, B = {batch}"] = bootstrap(
                _peak, pair, rng, 400, "bootstrap over seeds"
            )
    judged = {name: e for name, e in peaks.items() if "after" in name}
    small, large = judged
    ruling = judge(
        [near(name, e, 0.0, 0.3) for name, e in judged.items()],
        corrected=[below(small, peaks[small], -0.3)],
    )

    def draw(ax: Any) -> None:
        for (b, (c, accuracy)), look in zip(
            found.items(), ({}, {"color": "#CC79A7", "marker": "s"}), strict=True
        ):
            ax.plot(
                c.mean(axis=0), accuracy.std(axis=0, ddof=1), **{"marker": "o", "color": "#0072B2", **look},
                markersize=4, linewidth=0.8, label=f"B = {b}",
            )  # fmt: skip
        ax.axvline(1.0, label="claimed peak", **CLAIMED)
        ax.set_xscale("log")
        finish(ax, "C", "standard deviation of the test accuracy", "Seeds differ most at the start")

    accuracy = found[32][1]
    return Finding(
        {
            **peaks,
            "mean test accuracy at the end, B = 32": mean(accuracy[:, -1], support=SHARE),
        },
        ruling,
        "a largest spread at C between 0.5 and 2 at both batch sizes",
        f"{len(accuracy)} seeds at each of 2 batch sizes, {run.steps} steps",
        draw,
        "Seeds differ most at the start of training, before anything is learnt. Of the moments after it the "
        f"one of largest spread is at C = {_c(peaks[small].value)} for B = 32; for B = 256 these seeds say "
        f"no more than {_c(peaks[large].low)} to {_c(peaks[large].high)}.",
    )


def _c(log: float) -> str:
    return f"{10**log:.2g}"


def _peak(rows: Array) -> float:
    """log₁₀ of the geometric mean of C where the spread is largest; rows (seeds, 2, k): C, accuracy."""
    k = int(np.argmax(rows[:, 1].std(axis=0, ddof=1)))
    return float(np.log10(rows[:, 0, k]).mean())


@dataclass(frozen=True)
class _Training:
    """C of a batch, test loss and test accuracy, each (seeds, moments), of runs of so many steps."""

    steps: int
    c: Array
    test_loss: Array
    accuracy: Array


def _training(lab: Lab, batch: int) -> _Training:
    """The 10-32-1 network trained from many seeds by SGD, η = 0.1."""
    import torch

    from sdesim.data import teacher_student
    from sdesim.surfaces import MLP
    from sdesim.training import mlp, record

    seeds, steps = lab.size(16, 4), lab.size(600, 60)
    data = teacher_student(EXAMPLES, _TEST, features=10, hidden=10, noise=0.3, seed=lab.seed)
    run = record(
        mlp([10, 32, 1], seed=lab.seed), torch.nn.functional.mse_loss, data, None,
        lambda params: torch.optim.SGD(params, lr=RATE), steps=steps, batch_size=batch, seed=lab.seed,
        trajectories=seeds, init="fresh", save_every=steps // 60, progress=False,
    )  # fmt: skip
    surface = MLP([10, 32, 1], data.x_train, data.y_train)
    places = [0, 1, 2, 4, 8, 16, 30, 60]
    c, loss, accuracy = np.empty((3, seeds, len(places)))
    for i in range(seeds):
        for k, place in enumerate(places):
            theta = run["theta"].values[i, place]
            c[i, k] = batch * c_one(surface.example_gradients(theta))
            outputs = surface.outputs(theta, data.x_test)
            loss[i, k] = np.mean((outputs - data.y_test) ** 2)
            accuracy[i, k] = np.mean(np.sign(outputs) == np.sign(data.y_test))
    return _Training(steps, c, loss, accuracy)
