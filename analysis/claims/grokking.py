"""C60, C79: what happens before and after the jump of grokking (§9.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sdesim.support import CORRELATION

from .crowd import crowd, one_hot, tensor
from .estimates import Array, mapped, mean, ratio_of_means
from .lab import Lab, shared
from .ledger import MEASURED, Finding, claim
from .plots import GUIDE, OTHER, finish
from .rules import above, below, judge

if TYPE_CHECKING:
    from torch import Tensor

# Steps between two points.
EVERY = 20


@dataclass(frozen=True)
class Grokking:
    """Courses of networks that learn addition, each with a split and weights of its own, (splits, points), a
    point each 20 steps.

    Attributes:
        train, test: accuracies.
        loss, test_loss: mean squared errors.
        norm: |θ|.
        alignment: cosine of the centred kernel of the hidden layer with that of the labels,
            on test pairs.
        c: C of one training pair.
        toward: cosine of the gradient of the training loss with that of the test loss.
        pairs: number of training pairs, all of them in every step.
    """

    train: Array
    test: Array
    loss: Array
    test_loss: Array
    norm: Array
    alignment: Array
    c: Array
    toward: Array
    pairs: int

    def fitted(self, k: int) -> int:
        """First point at which the training pairs are known."""
        return int(np.argmax(self.train[k] > 0.99))

    def jump(self, k: int) -> int:
        """First point with test accuracy above ½; −1 where there is none."""
        above_half = self.test[k] > 0.5
        return int(np.argmax(above_half)) if above_half.any() else -1

    @property
    def c_one(self) -> Array:
        """C around the jump, log mean over five points; NaN where there is none, (splits,)."""
        found = np.full(len(self.c), np.nan)
        for k, course in enumerate(self.c):
            at = self.jump(k)
            if at >= 0:
                found[k] = np.exp(np.mean(np.log(course[max(at - 2, 0) : at + 3])))
        return found


@shared
def grokked(lab: Lab) -> Grokking:
    """Addition mod 37, 40% of the pairs, quadratic network of width 128, full-batch AdamW with η = 0.005 and
    weight decay 1."""
    import torch

    from sdesim.data import modular_addition
    from sdesim.training.loop.one_seed import isolated_torch

    p, width, steps = lab.size(37, 11), lab.size(128, 48), lab.size(1500, 160)
    splits, rng = lab.size(10, 2), lab.rng("grokking")
    sets = [modular_addition(p, 0.4, 1000 * lab.seed + k) for k in range(splits)]
    found: tuple[list[Array], ...] = ([], [], [], [], [], [], [], [])
    with isolated_torch():
        x, test_x = (tensor(np.stack([getattr(s, name) for s in sets])) for name in ("x_train", "x_test"))
        y, test_y = (one_hot(np.stack([getattr(s, n) for s in sets]), p) for n in ("y_train", "y_test"))
        nets = crowd([2 * p, width, p], splits, rng, "quadratic", "mse", law="normal", bias=False)
        seen = [rng.permutation(len(s.x_test))[:300] for s in sets]
        shown = np.stack([s.x_test[chosen] for s, chosen in zip(sets, seen, strict=True)])
        labels = np.stack([s.y_test[chosen] for s, chosen in zip(sets, seen, strict=True)])
        same = _centred((labels[:, :, None] == labels[:, None, :]).astype(float))
        descent = torch.optim.AdamW(nets.parameters, lr=5e-3, weight_decay=1.0)
        for t in range(steps + 1):
            if t % EVERY == 0:
                hidden = (shown @ np.asarray(nets.weights[0].double())) ** 2
                values = (
                    nets.accuracies(x, y), nets.accuracies(test_x, test_y),
                    nets.losses(x, y), nets.losses(test_x, test_y),
                    np.sqrt(sum(np.asarray((w.double() ** 2).sum(dim=(1, 2))) for w in nets.parameters)),
                    _cosine(_centred(hidden @ hidden.transpose(0, 2, 1)), same), nets.c_one(x, y),
                    _cosine(_flat(nets.gradients(x, y)), _flat(nets.gradients(test_x, test_y))),
                )  # fmt: skip
                for into, value in zip(found, values, strict=True):
                    into.append(value)
            for w, g in zip(nets.parameters, nets.gradients(x, y), strict=True):
                w.grad = g
            descent.step()
    return Grokking(*(np.stack(f, axis=1) for f in found), x.shape[1])


def _centred(kernels: Array) -> Array:
    """Kernels (splits, n, n) of centred features."""
    rows, columns = kernels.mean(axis=1, keepdims=True), kernels.mean(axis=2, keepdims=True)
    return np.asarray(kernels - rows - columns + kernels.mean(axis=(1, 2), keepdims=True))


def _flat(gradients: list[Tensor]) -> Array:
    """One row for each network: (splits, 1, parameters)."""
    return np.concatenate([np.asarray(g.double().flatten(1)) for g in gradients], axis=1)[:, None]


def _cosine(a: Array, b: Array) -> Array:
    """(splits, …, …) twice → (splits,)"""
    return np.asarray((a * b).sum((1, 2)) / np.sqrt((a**2).sum((1, 2)) * (b**2).sum((1, 2))))


@claim(
    "C60",
    "9.1",
    claim="In grokking the weight norm grows and representations align before the jump, and convergence then "
    "accelerates dramatically.",
    test="Addition mod 37, split and weights drawn anew 10 times: weight norm and alignment of the hidden "
    "layer with the labels between the fit of the training pairs and test accuracy ½; rates of log training "
    "loss and of test accuracy on both sides of it.",
    basis=MEASURED,
    quotation="Convergence accelerates dramatically",
    fair="What accelerates is the convergence to the rule: test accuracy, not the training loss.",
    since="2026-11-25",
    changed="The fair reading was added, and splits drawn anew in place of seeds of one split, after the "
    "claim as stated had been seen to fail.",
    shares="phenomena of real networks",
)
def before_and_after(lab: Lab) -> Finding:
    """Dramatic: at least twice as fast over equal stretches: after the jump against before it, and for test
    accuracy around it against before."""
    g = grokked(lab)
    runs = [k for k in range(len(g.test)) if g.jump(k) > g.fitted(k) + 2]
    if len(runs) < 3:
        runs = list(range(len(g.test)))
    norm, alignment, falls, test_falls, rises = [], [], [], [], []
    for k in runs:
        fit, jump = g.fitted(k), max(g.jump(k), g.fitted(k) + 4)
        # Half of the delay on each side: the fit itself and the end of the run stay out.
        span = min((jump - fit) // 2, g.loss.shape[1] - 1 - jump)
        norm.append(np.log(g.norm[k, jump] / g.norm[k, fit]))
        alignment.append(g.alignment[k, jump] - g.alignment[k, fit])
        falls.append(_falls(g.loss[k], jump, span))
        test_falls.append(_falls(g.test_loss[k], jump, span))
        rises.append(_rises(g.test[k], jump, span))
    growth = mapped(mean(norm, "mean log over splits"), np.exp)
    aligned = mean(alignment, "mean over splits")
    before, after = np.array(falls).T
    faster = ratio_of_means(after, before, "ratio of means over splits")
    test_before, test_after = np.array(test_falls).T
    test_faster = mean(test_after - test_before, "mean over splits")
    earlier, around = np.array(rises).T
    to_the_rule = ratio_of_means(around, earlier, "ratio of means over splits")
    ruling = judge(
        [
            above("weight norm at the jump over that at the fit", growth, 1.0),
            above("alignment at the jump less that at the fit", aligned, 0.0),
            above("fall of log training loss after the jump over that before", faster, 2.0),
        ],
        fair=[
            above("weight norm at the jump over that at the fit", growth, 1.0),
            above("alignment at the jump less that at the fit", aligned, 0.0),
            above("rise of test accuracy around the jump over that before", to_the_rule, 2.0),
        ],
        corrected=[
            above("weight norm at the jump over that at the fit", growth, 1.0),
            above("alignment at the jump less that at the fit", aligned, 0.0),
            below("fall of log training loss after the jump over that before", faster, 2.0),
            below("rise of test accuracy around the jump over that before", to_the_rule, 2.0),
        ],
    )

    def draw(ax: Any) -> None:
        steps = EVERY * np.arange(g.test.shape[1])
        k = runs[0]
        for values, name, colour in (
            (g.test[k], "test accuracy", "#0072B2"),
            (g.alignment[k] / g.alignment.max(), "alignment (of its largest)", OTHER[0]),
            (g.norm[k] / g.norm.max(), "weight norm (of its largest)", OTHER[1]),
        ):
            ax.plot(steps, values, label=name, color=colour)
        ax.axvline(EVERY * max(g.jump(k), 0), **GUIDE)
        finish(ax, "step", "", "Before and after the jump, one of the trainings")

    return Finding(
        {
            "weight norm, jump over fit": growth,
            "alignment, jump less fit": aligned,
            "fall of log training loss, after over before": faster,
            "fall of log test loss, after less before": test_faster,
            "rise of test accuracy, around the jump over before": to_the_rule,
        },
        ruling,
        "a weight norm that grows up to the jump, and a training loss that falls twice as far after it as "
        "before",
        f"{len(runs)} splits with weights of their own",
        draw,
        "The weight norm grows and the hidden layer aligns with the labels before the jump, steadily from "
        "the fit on. Nothing accelerates twofold: the training loss falls after the jump about as fast as "
        "before it, and test accuracy rises around it some one and a half times as fast as before.",
    )


def _falls(loss: Array, jump: int, span: int) -> tuple[float, float]:
    """Falls of the log loss over `span` points before the jump and after it."""
    logs = np.log(loss)
    # Full-batch AdamW oscillates from step to step.
    first, here, last = (
        float(np.median(logs[max(k - 1, 0) : k + 2])) for k in (jump - span, jump, jump + span)
    )
    return first - here, here - last


def _rises(accuracy: Array, jump: int, span: int) -> tuple[float, float]:
    """Rises of the accuracy over `span` points before the stretch around the jump, and over that stretch."""
    first, middle, last = jump - span - span // 2, jump - span // 2, jump - span // 2 + span
    means = [
        float(np.mean(accuracy[max(k - 1, 0) : min(k, accuracy.size - 2) + 2])) for k in (first, middle, last)
    ]
    return means[1] - means[0], means[2] - means[1]


@claim(
    "C79",
    "9.1",
    claim="While a network memorises, gradient updates do not point toward the general rule; they turn "
    "toward it as it is found.",
    test="The same trainings: cosine of the gradient of the training pairs with that of all other pairs, "
    "from the fit to half the delay before the jump, and over as long a stretch around it.",
    basis=MEASURED,
    quotation="Gradient updates do not consistently point toward the general rule",
    since="2026-11-30",
    shares="phenomena of real networks",
)
def toward_the_rule(lab: Lab) -> Finding:
    """Do not point: a cosine below 0.1 on average; turn: a higher cosine around the jump than before."""
    g = grokked(lab)
    before, around, first = [], [], g.toward[:, 0]
    for k in range(len(g.test)):
        fit, jump = g.fitted(k), max(g.jump(k), g.fitted(k) + 4)
        half = (jump - fit) // 2
        before.append(g.toward[k, fit : fit + half].mean())
        around.append(g.toward[k, jump - half // 2 : jump - half // 2 + half].mean())
    early, late = (mean(v, "mean over splits", CORRELATION) for v in (before, around))
    turned = mean(np.subtract(around, before), "mean over splits")
    start = mean(first, "mean over splits", CORRELATION)
    ruling = judge(
        [
            below("cosine, fit to half the delay", early, 0.1),
            above("cosine around the jump less that before", turned, 0.0),
        ]
    )

    def draw(ax: Any) -> None:
        steps = EVERY * np.arange(g.test.shape[1])
        ax.plot(steps, g.toward.T, color="#0072B2", linewidth=0.7)
        ax.plot([], color="#0072B2", label="cos(∇ train, ∇ test)")
        ax.plot(steps, np.median(g.test, axis=0), color=OTHER[1], label="test accuracy, median")
        ax.axhline(0, **GUIDE)
        finish(ax, "step", "", "Where the gradient points while the rule is found")

    return Finding(
        {
            "cosine at the start": start,
            "cosine from the fit to half the delay": early,
            "cosine around the jump": late,
            "cosine around the jump less that before": turned,
        },
        ruling,
        "a cosine that is no higher around the jump, or of more than 0.1 before it",
        f"{len(g.test)} splits with weights of their own",
        draw,
        "Between the fit and the jump the gradient of the training pairs points, if anywhere, away from what "
        "lowers the loss of the other pairs; that fades as the rule is found.",
    )
