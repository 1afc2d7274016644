"""C60: what happens before and after the jump of grokking (§9.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sdesim.surfaces import MLP

from .estimates import Array, c_one, mapped, mean, ratio_of_means
from .lab import Lab, shared
from .ledger import Finding, claim
from .plots import GUIDE, OTHER, finish
from .rules import above, below, judge

_EVERY = 20


@dataclass(frozen=True)
class Grokking:
    """Courses of networks that learn addition, (seeds, points), a point each 20 steps.

    Attributes:
        train, test: accuracies.
        loss, test_loss: mean squared errors.
        norm: |θ|.
        alignment: cosine of the centred kernel of the hidden layer with that of the labels,
            on test pairs.
        c_one: C of one example around the jump, log mean over five points; NaN where there is none, (seeds,).
    """

    train: Array
    test: Array
    loss: Array
    test_loss: Array
    norm: Array
    alignment: Array
    c_one: Array

    def fitted(self, seed: int) -> int:
        """First point at which the training pairs are known."""
        return int(np.argmax(self.train[seed] > 0.99))

    def jump(self, seed: int) -> int:
        """First point with test accuracy above ½; −1 where there is none."""
        above_half = self.test[seed] > 0.5
        return int(np.argmax(above_half)) if above_half.any() else -1


@shared
def grokked(lab: Lab) -> Grokking:
    """Addition mod 37, 40% of the pairs, quadratic network of width 128, full-batch AdamW, weight decay 1."""
    import torch

    from sdesim.data import modular_addition
    from sdesim.training import mlp, one_hot_mse, record

    p, width = lab.size(37, 11), lab.size(128, 48)
    data = modular_addition(p, 0.4, seed=lab.seed)
    run = record(
        mlp([2 * p, width, p], "quadratic", seed=lab.seed, bias=False, init="normal"),
        one_hot_mse, data, None,
        lambda params: torch.optim.AdamW(params, lr=5e-3, weight_decay=1.0), steps=lab.size(1500, 160),
        seed=lab.seed, trajectories=lab.size(5, 2), init="fresh", save_every=_EVERY, progress=False,
    )  # fmt: skip
    thetas = run["theta"].values
    chosen = lab.rng("grokking").permutation(len(data.x_test))[:300]
    x, labels = data.x_test[chosen], data.y_test[chosen]
    same = _centred((labels[:, None] == labels).astype(float))
    alignment = np.array(
        [[_cosine(_hidden_kernel(t[: 2 * p * width], x, width), same) for t in course] for course in thetas]
    )
    names = ("train_accuracy", "test_accuracy", "loss", "test_loss", "weight_norm")
    made = Grokking(*(run[name].values for name in names), alignment, np.full(len(thetas), np.nan))
    surface = MLP([2 * p, width, p], data.x_train, np.eye(p)[data.y_train], activation="quadratic")
    for k in range(len(thetas)):
        at = made.jump(k)
        if at >= 0:
            logs = [np.log(_c_of(surface, t, width, p)) for t in thetas[k, max(at - 2, 0) : at + 3]]
            made.c_one[k] = np.exp(np.mean(logs))
    return made


def _centred(kernel: Array) -> Array:
    return kernel - kernel.mean(axis=0) - kernel.mean(axis=1)[:, None] + kernel.mean()


def _cosine(a: Array, b: Array) -> float:
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


def _hidden_kernel(first: Array, x: Array, width: int) -> Array:
    hidden = (x @ first.reshape(width, -1).T) ** 2
    return _centred(hidden @ hidden.T)


def _c_of(surface: MLP, theta: Array, width: int, p: int) -> float:
    """C of one training pair; the surface's biases, which the network lacks, are 0 and left out."""
    inner = 2 * p * width
    whole = np.concatenate([theta[:inner], np.zeros(width), theta[inner:], np.zeros(p)])
    gradients = surface.example_gradients(whole)
    kept = np.r_[0:inner, inner + width : whole.size - p]
    return c_one(gradients[:, kept])


@claim(
    "C60",
    "9.1",
    claim="In grokking the weight norm grows and representations align before the jump, and convergence then "
    "accelerates dramatically.",
    test="Addition mod 37, 5 seeds: weight norm and alignment of the hidden layer with the labels between "
    "the fit of the training pairs and test accuracy ½; rate of log training loss and log test loss before "
    "and after it.",
    shares="phenomena of real networks",
)
def before_and_after(lab: Lab) -> Finding:
    """Dramatic: at least twice as fast over equal stretches on both sides of the jump."""
    g = grokked(lab)
    seeds = [k for k in range(len(g.test)) if g.jump(k) > g.fitted(k) + 2]
    if len(seeds) < 3:
        seeds = list(range(len(g.test)))
    norm, alignment, falls, test_falls = [], [], [], []
    for k in seeds:
        fit, jump = g.fitted(k), max(g.jump(k), g.fitted(k) + 4)
        # Half of the delay on each side: the fit itself and the end of the run stay out.
        span = min((jump - fit) // 2, g.loss.shape[1] - 1 - jump)
        norm.append(np.log(g.norm[k, jump] / g.norm[k, fit]))
        alignment.append(g.alignment[k, jump] - g.alignment[k, fit])
        falls.append(_falls(g.loss[k], jump, span))
        test_falls.append(_falls(g.test_loss[k], jump, span))
    growth = mapped(mean(norm, "mean log over seeds"), np.exp)
    aligned = mean(alignment, "mean over seeds")
    before, after = np.array(falls).T
    faster = ratio_of_means(after, before, "ratio of means over seeds")
    test_before, test_after = np.array(test_falls).T
    test_faster = mean(test_after - test_before, "mean over seeds")
    ruling = judge(
        [
            above("weight norm at the jump over that at the fit", growth, 1.0),
            above("alignment at the jump less that at the fit", aligned, 0.0),
            above("fall of log training loss after the jump over that before", faster, 2.0),
        ],
        corrected=[
            above("weight norm at the jump over that at the fit", growth, 1.0),
            above("alignment at the jump less that at the fit", aligned, 0.0),
            below("fall of log training loss after the jump over that before", faster, 2.0),
        ],
    )

    def draw(ax: Any) -> None:
        steps = _EVERY * np.arange(g.test.shape[1])
        k = seeds[0]
        for values, name, colour in (
            (g.test[k], "test accuracy", "#0072B2"),
            (g.alignment[k] / g.alignment.max(), "alignment (of its largest)", OTHER[0]),
            (g.norm[k] / g.norm.max(), "weight norm (of its largest)", OTHER[1]),
        ):
            ax.plot(steps, values, label=name, color=colour)
        ax.axvline(_EVERY * max(g.jump(k), 0), **GUIDE)
        finish(ax, "step", "", "Before and after the jump, one seed")

    return Finding(
        {
            "weight norm, jump over fit": growth,
            "alignment, jump less fit": aligned,
            "fall of log training loss, after over before": faster,
            "fall of log test loss, after less before": test_faster,
        },
        ruling,
        "a weight norm that grows up to the jump, and a training loss that falls twice as far after it as "
        "before",
        f"{len(seeds)} seeds of one split",
        draw,
        "The weight norm grows and the hidden layer aligns with the labels before the jump, steadily from "
        "the fit on; the training loss falls after the jump about as fast as before it.",
    )


def _falls(loss: Array, jump: int, span: int) -> tuple[float, float]:
    """Falls of the log loss over `span` points before the jump and after it."""
    logs = np.log(loss)
    # Full-batch AdamW oscillates from step to step.
    first, here, last = (
        float(np.median(logs[max(k - 1, 0) : k + 2])) for k in (jump - span, jump, jump + span)
    )
    return first - here, here - last
