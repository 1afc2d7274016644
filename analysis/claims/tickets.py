"""C44: whether p tells a winning lottery ticket from a random sparse network (§9.3)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sdesim.support import SHARE

from .crowd import Crowd, Descent, batches, crowd, one_hot, tensor
from .estimates import Array, mapped, mean
from .lab import Lab
from .ledger import MEASURED, Finding, claim
from .plots import CLAIMED, OTHER, finish, points
from .rules import above, below, judge, near, together

if TYPE_CHECKING:
    from torch import Tensor

_ARMS = ("dense", "ticket", "new weights", "random mask")


@claim(
    "C44",
    "9.3",
    claim="Winning tickets have p = 0.65 to 0.70, random sparse networks 0.35 to 0.40.",
    test="Iterative magnitude pruning to 8% of the weights on MNIST-1D; the ticket, its mask on new weights "
    "and a random mask train: C of the weights left, exact over all examples, and p at the training batch.",
    basis=MEASURED,
    quotation="Winning tickets show $p = 0.65$–$0.70$",
    since="2026-11-25",
)
def tickets(lab: Lab) -> Finding:
    """p = BC₁/(1 + BC₁): where it stands is the choice of B, and it is low in all arms at the start."""
    steps, c, best = _tickets(lab)
    p = 100 * c / (1 + 100 * c)
    typical = {arm: mean(p[k].mean(axis=1), "mean over seeds") for k, arm in enumerate(_ARMS)}
    highest = mean(p[1][:, p[1].mean(axis=0).argmax()], "mean over seeds")
    early, late = (int(np.searchsorted(steps, lab.size(s, q))) for s, q in ((30, 3), (1000, 30)))
    ratios = {
        name: mapped(mean(np.log(c[1][:, k] / c[3][:, k]), "mean log over seeds"), math.exp)
        for name, k in (("early", early), ("late", late))
    }
    gain = mean(best[1] - best[3], "mean over seeds")
    # The batch sizes at which the ticket would show the claimed 0.65 to 0.70, on average over training.
    needed = mapped(mean(np.log(c[1]).mean(axis=1), "mean log over seeds"), lambda v: 2.08 / math.exp(v))
    ruling = judge(
        [
            near("ticket: p at B = 100, mean over moments", typical["ticket"], 0.675, 0.05),
            near("random mask: the same", typical["random mask"], 0.375, 0.05),
        ],
        corrected=[
            above("test accuracy of the ticket over the random mask's", gain, 0.0),
            together("p at B = 100 below ½, mean", [below(a, e, 0.5) for a, e in typical.items()]),
            above(f"C of the ticket over the random mask's at step {steps[early]}", ratios["early"], 1.0),
            below("p of the ticket at B = 100, at its highest", highest, 0.5),
        ],
    )

    def draw(ax: Any) -> None:
        for k, (arm, colour) in enumerate(zip(_ARMS, ("#777777", "#0072B2", *OTHER), strict=False)):
            points(
                ax, steps + 1, [mean(p[k][:, j]) for j in range(steps.size)], arm, color=colour, linestyle="-"
            )
        for level in (0.65, 0.7):
            ax.axhline(level, label="claimed for tickets" if level == 0.7 else None, **CLAIMED)
        ax.set_xscale("log")
        finish(ax, "step + 1", "p at B = 100", "A ticket finds signal sooner, at a p below ½")

    return Finding(
        {
            **{f"{a}: p at B = 100, mean over moments": e for a, e in typical.items()},
            **{f"{a}: test accuracy": mean(best[k], "mean over seeds", SHARE) for k, a in enumerate(_ARMS)},
            f"C of the ticket over the random mask's, step {steps[early]}": ratios["early"],
            f"C of the ticket over the random mask's, step {steps[late]}": ratios["late"],
            "batch size at which the ticket's C is 2.08 (p = 0.675)": needed,
            "p of the ticket at B = 100, highest": highest,
        },
        ruling,
        "a ticket's p of 0.65 to 0.70 and a random mask's of 0.35 to 0.40 at the batch size of the training",
        f"{c.shape[1]} seeds, {steps[-1]} steps at B = 100, C exact at {steps.size} moments",
        draw,
        "p is no property of a mask: it follows the batch size and the stage of training, and 0.675 is "
        "had at a batch size chosen for it. At equal B a ticket's C rises sooner than a random mask's, "
        "within a hundred steps; averaged over training p tells them apart by far less than claimed.",
    )


def _tickets(lab: Lab) -> tuple[Array, Array, Array]:
    """Steps (moments,), C₁ (arms, seeds, moments) and the best test accuracy (arms, seeds)."""
    import torch

    from sdesim.data import mnist1d
    from sdesim.training.loop.one_seed import isolated_torch

    rng, seeds, rounds = lab.rng("C44"), lab.size(5, 2), lab.size(9, 2)
    data = mnist1d(lab.size(4000, 200), lab.size(1000, 100), seed=lab.seed)
    widths = [40, lab.size(100, 20), lab.size(100, 20), 10]
    moments = [m for m in (0, 3, 10, 30, 100, 300, 600, 1000, 2000) if m <= lab.size(2000, 30)]
    with isolated_torch():
        x, y = tensor(data.x_train), one_hot(data.y_train, 10)
        start, new = (crowd(widths, seeds, rng, "relu") for _ in range(2))
        masks = [torch.ones_like(w) for w in start.weights]
        for k in range(rounds):
            trained = _masked(start, masks)
            _train(trained, x, y, lab.size(1200, 10), rng)
            share = 0.08 ** ((k + 1) / rounds)
            masks = [_largest(w.abs() * m, share) for w, m in zip(trained.weights, masks, strict=True)]
        chance = [_largest(tensor(rng.random(tuple(m.shape))), 0.08) for m in masks]
        full = [torch.ones_like(m) for m in masks]
        arms = [_masked(start, full), _masked(start, masks), _masked(new, masks), _masked(start, chance)]
        nets = _side_by_side(arms)
        test_x, test_y = tensor(data.x_test), one_hot(data.y_test, 10)
        c, best = [], np.zeros(len(arms) * seeds)
        descent, order = Descent(nets, 0.1, 0.9), batches(len(x), 100, seeds, rng)
        for step in range(moments[-1] + 1):
            if step in moments:
                c.append(nets.c_one(x, y))
            if step % 100 == 0:
                best = np.maximum(best, nets.accuracies(test_x, test_y))
            rows = np.tile(next(order), (len(arms), 1))
            descent.step(x[rows], y[rows])
    shape = (len(arms), seeds)
    return np.array(moments), np.stack(c, axis=1).reshape(*shape, -1), best.reshape(shape)


def _masked(nets: Crowd, masks: list[Tensor]) -> Crowd:
    """A copy with the masks put on."""
    made = nets.copy()
    made.masks = masks
    made.weights = [w * m for w, m in zip(made.weights, masks, strict=True)]
    return made


def _train(nets: Crowd, x: Tensor, y: Tensor, steps: int, rng: np.random.Generator) -> None:
    """SGD with η = 0.1, momentum 0.9, B = 100."""
    descent, order = Descent(nets, 0.1, 0.9), batches(len(x), 100, len(nets.weights[0]), rng)
    for _ in range(steps):
        rows = next(order)
        descent.step(x[rows], y[rows])


def _largest(scores: Tensor, share: float) -> Tensor:
    """1 at the share of the entries (R, in, out) with the highest scores of each network, else 0."""
    import torch

    flat = scores.flatten(1)
    places = flat.topk(max(1, round(share * flat.shape[1])), dim=1).indices
    return torch.zeros_like(flat).scatter_(1, places, 1.0).reshape(scores.shape)


def _side_by_side(arms: list[Crowd]) -> Crowd:
    """One crowd out of several of one shape, all with masks."""
    import torch

    weights, biases, masks = (
        [torch.cat(parts) for parts in zip(*(getattr(a, name) for a in arms), strict=True)]
        for name in ("weights", "biases", "masks")
    )
    return Crowd(weights, biases, arms[0].activation, arms[0].loss, masks)
