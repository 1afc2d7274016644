"""C74, C75: what the first weights do for a lottery ticket, and what the pruned ones did (§1, §9.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .crowd import Crowd, Descent, crowd, one_hot, tensor
from .estimates import Array, mapped, mean
from .lab import Lab, shared
from .ledger import MEASURED, Finding, claim
from .plots import GUIDE, OTHER, finish, points, rows
from .rules import above, below, judge, near

if TYPE_CHECKING:
    from torch import Tensor

_ARMS = ("ticket", "new weights", "dense")
_KEPT, _BATCH = 0.1, 50
# Moments of a training over which a C counts as had quickly.
_QUICKLY = (10, 30, 100)


@dataclass(frozen=True)
class Sparse:
    """Tickets of dense networks, each on a data set of its own.

    Attributes:
        steps: (moments,).
        c: C of one example on the weights left, (arms, splits, moments).
        accuracy: on test examples at the end, (arms, splits).
        cut: of the dense network with the smallest nine tenths of its weights set to 0, (splits,).
    """

    steps: NDArray[np.int64]
    c: Array
    accuracy: Array
    cut: Array


@shared
def sparse(lab: Lab) -> Sparse:
    """40-64-64-10 ReLU networks on MNIST-1D; SGD with η = 0.1, momentum 0.9, B = 50; pruned in six rounds."""
    import torch

    from sdesim.data import mnist1d
    from sdesim.training.loop.one_seed import isolated_torch

    splits, rounds, rng = lab.size(30, 3), lab.size(6, 2), lab.rng("sparse")
    sets = [mnist1d(lab.size(2000, 200), 1000, seed=1000 * lab.seed + k) for k in range(splits)]
    steps = [s for s in (0, 3, *_QUICKLY, 300, 1000, 2000) if s <= lab.size(2000, 30)]
    with isolated_torch():
        x, test_x = (tensor(np.stack([getattr(s, name) for s in sets])) for name in ("x_train", "x_test"))
        y, test_y = (one_hot(np.stack([getattr(s, n) for s in sets]), 10) for n in ("y_train", "y_test"))
        start, new = (crowd([40, 64, 64, 10], splits, rng, "relu") for _ in range(2))
        masks = full = [torch.ones_like(w) for w in start.weights]
        for k in range(rounds):
            trained = _masked(start, masks)
            _train(trained, x, y, lab.size(800, 10), rng)
            masks = _largest(trained, masks, _KEPT ** ((k + 1) / rounds))
        c, accuracy, cut = [], [], np.empty(0)
        for nets in (_masked(start, masks), _masked(new, masks), _masked(start, full)):
            found, descent = [], Descent(nets, 0.1, 0.9)
            for step in range(steps[-1] + 1):
                if step in steps:
                    found.append(nets.c_one(x, y))
                descent.step(*_drawn(x, y, rng))
            c.append(np.stack(found, axis=1))
            accuracy.append(nets.accuracies(test_x, test_y))
        cut = _masked(nets, _largest(nets, full, _KEPT)).accuracies(test_x, test_y)
    return Sparse(np.array(steps), np.stack(c), np.stack(accuracy), cut)


def _masked(nets: Crowd, masks: list[Tensor]) -> Crowd:
    """A copy with the masks put on."""
    made = nets.copy()
    made.masks = masks
    made.weights = [w * m for w, m in zip(made.weights, masks, strict=True)]
    return made


def _train(nets: Crowd, x: Tensor, y: Tensor, steps: int, rng: np.random.Generator) -> None:
    descent = Descent(nets, 0.1, 0.9)
    for _ in range(steps):
        descent.step(*_drawn(x, y, rng))


def _drawn(x: Tensor, y: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A batch of each network's own examples, with replacement."""
    import torch

    runs, n = x.shape[:2]
    chosen = torch.from_numpy(rng.integers(n, size=(runs, _BATCH)))
    each = torch.arange(runs)[:, None]
    return x[each, chosen], y[each, chosen]


def _largest(nets: Crowd, masks: list[Tensor], share: float) -> list[Tensor]:
    """Masks of the largest share of the weights of each layer and network, among those that masks leave."""
    import torch

    found = []
    for w, m in zip(nets.weights, masks, strict=True):
        flat = (w.abs() * m).flatten(1)
        places = flat.topk(max(1, round(share * flat.shape[1])), dim=1).indices
        found.append(torch.zeros_like(flat).scatter_(1, places, 1.0).reshape(w.shape))
    return found


@claim(
    "C74",
    "9.3",
    claim="A ticket's own first weights lead quickly to a high C, new weights under the same mask do not.",
    test="Iterative pruning to a tenth of the weights on MNIST-1D, data and weights drawn anew 30 times: "
    "C of the weights left over the first hundred steps, from the first weights and from new ones.",
    basis=MEASURED,
    quotation="a random reinitialization of the same sparse structure does not",
    fair="C rises sooner from the first weights than from new ones, by whatever factor.",
    since="2026-11-30",
    shares="sparse networks",
)
def first_weights(lab: Lab) -> Finding:
    """High for one and not for the other: a factor of two and more, on average over steps 10, 30 and 100."""
    run = sparse(lab)
    early = np.isin(run.steps, _QUICKLY)
    logs = np.log(run.c[0] / run.c[1])
    quickly = mapped(mean(logs[:, early].mean(axis=1), "mean log over splits"), math.exp)
    late = mapped(mean(logs[:, -1], "mean log over splits"), math.exp)
    gain = mean(run.accuracy[0] - run.accuracy[1], "mean over splits")
    text = "C from the first weights over that from new ones, steps 10 to 100"
    highest = [mean(np.log2(_BATCH * v).max(axis=1), "mean log₂ over splits") for v in run.c[:2]]
    ruling = judge(
        [above(text, quickly, 2.0)],
        fair=[above(text, quickly, 1.0)],
        corrected=[
            above("test accuracy, first weights less new ones", gain, 0.0),
            below(f"the same at step {run.steps[-1]}", late, 1.0),
        ],
    )

    def draw(ax: Any) -> None:
        for k, (arm, colour) in enumerate(zip(_ARMS, ("#0072B2", *OTHER), strict=False)):
            typical = [mapped(mean(np.log(v), "mean log"), math.exp) for v in run.c[k].T]
            points(ax, run.steps + 1, typical, arm, color=colour, linestyle="-")
        ax.set_xscale("log")
        ax.set_yscale("log")
        finish(ax, "step + 1", "C of one example", "A mask on its own weights and on new ones")

    return Finding(
        {
            text: quickly,
            f"the same at step {run.steps[-1]}": late,
            "test accuracy, first weights less new ones": gain,
            **{
                f"highest C at B = {_BATCH}, {arm}": mapped(e, lambda v: 2**v)
                for arm, e in zip(_ARMS, highest, strict=False)
            },
            "test accuracy of the dense network less the ticket's": mean(
                run.accuracy[2] - run.accuracy[0], "mean over splits"
            ),
        },
        ruling,
        "twice the C from the first weights over the first hundred steps",
        f"{run.accuracy.shape[1]} data sets with weights of their own, {_KEPT:.0%} of the weights left",
        draw,
        "From its own first weights a ticket has 1.4 to 2.1 times the C of new weights over the first "
        "hundred steps, and ends with a test accuracy that is better by five points; but at the end its C is "
        "the lower one. A head start in C, and no high-C space that new weights do not enter.",
    )


@claim(
    "C75",
    "1",
    claim="Nine tenths of the parameters contribute nothing to the final solution.",
    test="The same dense networks: test accuracy lost where the smallest nine tenths of the weights of a "
    "trained network are set to 0; and that of the tenth left trained alone from the start.",
    basis=MEASURED,
    quotation="90% of parameters contribute nothing to the final solution",
    fair="A tenth of the weights, found by pruning and trained alone, does as well as all of them.",
    since="2026-11-30",
    shares="sparse networks",
)
def the_other_tenths(lab: Lab) -> Finding:
    """Nothing: less than one point of test accuracy."""
    run = sparse(lab)
    cut = mean(run.accuracy[2] - run.cut, "mean over splits")
    alone = mean(run.accuracy[2] - run.accuracy[0], "mean over splits")
    ruling = judge(
        [below("test accuracy lost without them", cut, 0.01)],
        fair=[below("test accuracy of the dense network less the ticket's", alone, 0.01)],
        corrected=[
            above("test accuracy lost without them", cut, 0.1),
            near("test accuracy of the dense network less the ticket's", alone, 0.0, 0.02),
        ],
    )

    def draw(ax: Any) -> None:
        named = {
            "dense": run.accuracy[2], "ticket, trained alone": run.accuracy[0],
            "tenth on new weights": run.accuracy[1], "dense, nine tenths cut": run.cut,
        }  # fmt: skip
        rows(ax, {name: mean(v, "mean over splits") for name, v in named.items()})
        ax.axvline(0.1, **GUIDE)
        finish(ax, "test accuracy", "", "What nine tenths contribute")

    return Finding(
        {
            "test accuracy lost where nine tenths are set to 0": cut,
            "test accuracy of the dense network less the ticket's": alone,
            "test accuracy of the dense network": mean(run.accuracy[2], "mean over splits"),
        },
        ruling,
        "less than a point lost where they are set to 0",
        f"{run.cut.size} data sets with weights of their own",
        draw,
        "Set to 0 at the end they cost a third of the test examples. Only where the rest is trained again "
        "from its first weights without them does it come within two points of the dense network: a "
        "statement about another training, not about what they do in this one.",
    )
