"""C77: whether the remedies for a low p raise it (§12.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .crowd import Crowd, Descent, crowd, tensor
from .estimates import Array, mapped, mean
from .lab import Lab
from .ledger import MEASURED, Finding, claim
from .plots import GUIDE, OTHER, finish, points
from .rules import above, below, judge, near

_BATCH, _ETA = 16, 0.1
_ARMS = ("unchanged", "half the rate", "twice the batch")


@dataclass(frozen=True)
class Floor:
    """Trainings at their noise floor, branched into three: (arms, splits, moments).

    Attributes:
        steps: after the branch, (moments,).
        c: C at the arm's own batch.
        excess: test loss on targets without noise.
    """

    steps: NDArray[np.int64]
    c: Array
    excess: Array


def _floor(lab: Lab) -> Floor:
    """10-16-1 tanh networks learn noisy teachers from fresh examples, η = 0.1 and B = 16 to the branch."""
    from sdesim.data import teacher_student
    from sdesim.training.loop.one_seed import isolated_torch

    splits, before, after, rng = lab.size(40, 3), lab.size(6000, 60), lab.size(3000, 60), lab.rng("C77")
    used = _BATCH * (before + 2 * after)
    fresh = lab.size(4000, 400)
    sets = [
        teacher_student(used + fresh, 1000, 10, 4, noise=0.5, seed=1000 * lab.seed + k) for k in range(splits)
    ]
    moments = np.unique(np.linspace(0, after, 31).astype(int))
    with isolated_torch():
        x, y, test_x, test_y = (
            tensor(np.stack([getattr(s, name) for s in sets]))
            for name in ("x_train", "y_train", "x_test", "y_test")
        )
        seen = x[:, used:], y[:, used:]
        start = crowd([10, 16, 1], splits, rng, "tanh", "mse")
        at = _descend(start, x, y, 0, _ETA, _BATCH, before)
        c, excess = [], []
        for eta, batch in ((_ETA, _BATCH), (_ETA / 2, _BATCH), (_ETA, 2 * _BATCH)):
            nets, place, step = start.copy(), at, 0
            looks, losses = [], []
            for moment in moments:
                place = _descend(nets, x, y, place, eta, batch, int(moment) - step)
                step = int(moment)
                # |μ|² of a sample of n holds Tr Σ/n of noise.
                looks.append(batch * (nets.c_one(*seen) * (1 - 1 / fresh) - 1 / fresh))
                losses.append(nets.losses(test_x, test_y))
            c.append(np.stack(looks, axis=1))
            excess.append(np.stack(losses, axis=1))
    return Floor(moments, np.stack(c), np.stack(excess))


def _descend(nets: Crowd, x: Any, y: Any, place: int, eta: float, batch: int, steps: int) -> int:
    """SGD on examples that were not used before, in place; where the next one is."""
    descent = Descent(nets, eta)
    for _ in range(steps):
        descent.step(x[:, place : place + batch], y[:, place : place + batch])
        place += batch
    return place


@claim(
    "C77",
    "12.1",
    claim="Where p is below ½, half the learning rate or a larger batch is the remedy that brings it up.",
    test="Networks that learn noisy teachers from fresh examples to their noise floor, 40 teachers and "
    "starts; from there at the same settings, at half the rate, and at twice the batch: C at the batch in "
    "use, and the loss.",
    basis=MEASURED,
    quotation="Reduce LR by 2×; increase batch size",
    fair="It is the remedy that lowers the loss.",
    since="2026-11-30",
)
def remedies(lab: Lab) -> Finding:
    """On a quadratic SGD settles at C* = ηλ/(2 − ηλ) at every batch size: half of it at half the rate."""
    run = _floor(lab)
    # The first half of the time is for settling.
    settled = run.steps > run.steps[-1] / 2
    c, loss = (v[:, :, settled].mean(axis=2) for v in (run.c, run.excess))
    rate, batch = (mapped(mean(np.log(c[k] / c[0]), "mean log over teachers"), math.exp) for k in (1, 2))
    lower = [mapped(mean(np.log(loss[k] / loss[0]), "mean log over teachers"), math.exp) for k in (1, 2)]
    p = mean(c[0] / (1 + c[0]), "mean over teachers")
    at_once = mapped(mean(np.log(run.c[2, :, 0] / run.c[0, :, 0]), "mean log over teachers"), math.exp)
    ruling = judge(
        [
            below("p before", p, 0.5),
            above("C at half the rate over C unchanged", rate, 1.0),
            above("C at twice the batch over C unchanged", batch, 1.0),
        ],
        fair=[below(f"loss at {arm} over that unchanged", e, 1.0)
              for arm, e in zip(_ARMS[1:], lower, strict=True)],
        corrected=[
            below("C at half the rate over C unchanged", rate, 1.0),
            near("C at twice the batch over C unchanged", batch, 1.0, 0.25),
        ],
    )  # fmt: skip

    def draw(ax: Any) -> None:
        for k, (arm, colour) in enumerate(zip(_ARMS, ("#0072B2", *OTHER), strict=False)):
            points(ax, run.steps, [mean(v, "mean") for v in run.c[k].T], arm, color=colour, linestyle="-")
        ax.axhline(float(c[0].mean()), **GUIDE)
        finish(ax, "steps after the change", "C at the batch in use", "Remedies for a low p")

    return Finding(
        {
            "p at the noise floor": p,
            "C at half the rate over C unchanged": rate,
            "C at twice the batch over C unchanged": batch,
            "C at twice the batch over C unchanged, at once": at_once,
            **{f"loss at {arm} over that unchanged": e for arm, e in zip(_ARMS[1:], lower, strict=True)},
        },
        ruling,
        "a C that is higher at half the rate and at twice the batch once it has settled",
        f"{c.shape[1]} teachers with starts of their own, means over {int(settled.sum())} late moments",
        draw,
        "Where SGD has settled C is about ηλ/(2 − ηλ) at any batch: half the rate halves it, and twice the "
        "batch raises it for the moment only. Both halve the loss that is left. Whether a remedy works is "
        "seen in the loss; p says the opposite of it for the rate and nothing for the batch.",
    )
