"""C40: whether C marks the moment of grokking (§9.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sdesim.support import SHARE

from .crowd import Crowd, crowd, one_hot, tensor
from .estimates import Array, mapped, mean
from .lab import Lab
from .ledger import MEASURED, Finding, claim
from .plots import CLAIMED, GUIDE, OTHER, finish
from .rules import above, below, judge, near, together, whether

if TYPE_CHECKING:
    from torch import Tensor

# Probes that a running median takes in: full-batch AdamW oscillates, C₁ jumps tenfold between probes.
_SMOOTHED, _EVERY = 9, 25


@dataclass(frozen=True)
class Learning:
    """C₁ and accuracies (runs, probes) of networks that learn addition mod p, each with its own split."""

    steps: Array
    c: Array
    train: Array
    test: Array
    examples: int

    def reach(self, accuracy: Array, level: float) -> Array:
        """First step at which an accuracy reaches the level, the last step where it doesn't (runs,)."""
        return self._first(accuracy >= level)

    def crossing(self, batch: int) -> Array:
        """First step, after the training pairs are learnt, whose median of B·C₁ is above 1 (runs,)."""
        learnt = self.steps >= self.reach(self.train, 0.99)[:, None]
        return self._first(learnt & (batch * self.smooth > 1))

    @property
    def smooth(self) -> Array:
        """Running median of C₁ over the probes around each."""
        half = _SMOOTHED // 2
        padded = np.pad(self.c, ((0, 0), (half, half)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, _SMOOTHED, axis=1)
        return np.asarray(np.median(windows, axis=-1))

    def _first(self, there: Array) -> Array:
        return np.asarray(np.where(there.any(axis=1), self.steps[there.argmax(axis=1)], self.steps[-1]))


@claim(
    "C40",
    "9.1",
    claim="Test accuracy jumps when C crosses 1: grokking is a transition of C.",
    test="Addition mod 59 by AdamW with weight decay 1 and, as a control that never generalises, without: "
    "the step at which the running median of C at several B passes 1, against that of 50% test accuracy.",
    basis=MEASURED,
    quotation="jump in test accuracy is the *observed signature* of the underlying phase transition",
    since="2026-11-25",
)
def grokking(lab: Lab) -> Finding:
    """C₁ rises twice: after the pairs are learnt, in the control too, and after the rule is."""
    run, control = (_learn(lab, decay, lab.size(seeds, 2)) for decay, seeds in ((1.0, 5), (0.0, 3)))
    rule, last = run.reach(run.test, 0.5), float(run.steps[-1])
    sizes = (16, 32, 64, 128, run.examples)
    lag = {b: mean((run.crossing(b) - rule) / last, "mean over seeds") for b in sizes}
    # Without the first probes, where nothing is learnt yet and C is high.
    highest = np.log(control.smooth[:, 5:].max(axis=1))
    top = {b: mapped(mean(np.log(b) + highest, "mean log over seeds"), math.exp) for b in (32, run.examples)}
    knows = mean(control.test[:, -1], "mean over seeds", SHARE)
    end = mean(run.test[:, -1], "mean over seeds", SHARE)
    rows = np.arange(len(run.c))
    at_rule = run.smooth[rows, np.searchsorted(run.steps, rule)]
    settled = np.log(run.smooth[:, -20:]).mean(axis=1)
    rise = mapped(mean(settled - np.log(at_rule), "mean log over seeds"), math.exp)
    stated = [whether("every run finds the rule", None)]
    if (run.test.max(axis=1) >= 0.5).all():
        stated = [
            together(
                "crossing within a tenth of the run of 50% test accuracy",
                [near(f"B = {b}: lag", lag[b], 0.0, 0.1) for b in (32, run.examples)],
            ),
            together(
                "control: largest running median of C < 1",
                [below(f"B = {b}", e, 1.0) for b, e in top.items()],
            ),
        ]
    ruling = judge(
        stated,
        corrected=[
            below(f"lag at B = {run.examples}, all examples", lag[run.examples], -0.1),
            above("lag at B = 32", lag[32], 0.0),
            above("C₁ in the last 500 steps over that at 50% test accuracy", rise, 1.0),
            below("control: test accuracy at the end", knows, 0.5),
        ],
    )

    def draw(ax: Any) -> None:
        ax.semilogy(run.steps, 32 * run.smooth.T, color="#0072B2", linewidth=0.9)
        ax.semilogy(control.steps, 32 * control.smooth.T, color=OTHER[1], linewidth=0.9, linestyle=":")
        for k, step in enumerate(rule):
            ax.axvline(step, **GUIDE, label="50% test accuracy" if k == 0 else None)
        ax.plot([], color="#0072B2", label="weight decay 1")
        ax.plot([], color=OTHER[1], linestyle=":", label="control without")
        ax.axhline(1.0, label="claimed crossing", **CLAIMED)
        finish(ax, "step", "C at B = 32, running median", "C doesn't say when the rule is found")

    return Finding(
        {
            "step of 50% test accuracy": mean(rule, "mean over seeds"),
            "test accuracy at the end": end,
            **{f"lag of the crossing at B = {b}, of the run": e for b, e in lag.items()},
            "C₁ in the last 500 steps over that at 50% test accuracy": rise,
            **{f"control: largest running median of C at B = {b}": e for b, e in top.items()},
            "control: test accuracy at the end": knows,
        },
        ruling,
        "crossings at B = 32 and at full batch within a tenth of the run of 50% accuracy, and in no control",
        f"{len(run.c)} seeds and {len(control.c)} controls, {last:.0f} steps, C exact over {run.examples} "
        "pairs; what never comes counts as the last step",
        draw,
        "C₁ rises long before the rule is found, and again after it; which rise passes 1 depends on the "
        "batch size. At full batch C passes 1 soon after the pairs are learnt, in networks that never find "
        "the rule too; only a batch size chosen afterwards makes the crossing meet the jump.",
    )


def _learn(lab: Lab, decay: float, runs: int) -> Learning:
    """Networks with the activation z², full-batch AdamW (η = 0.005) on three tenths of the pairs."""
    from sdesim.data import modular_addition
    from sdesim.training.loop.one_seed import isolated_torch

    p, width, steps = lab.size(59, 13), lab.size(256, 24), lab.size(2600, 200)
    rng = lab.rng("C40")
    sets = [modular_addition(p, 0.3, lab.seed + k) for k in range(runs)]
    found: tuple[list[Array], ...] = ([], [], [])
    with isolated_torch():
        x, test_x = (tensor(np.stack([getattr(s, name) for s in sets])) for name in ("x_train", "x_test"))
        y, test_y = (one_hot(np.stack([getattr(s, n) for s in sets]), p) for n in ("y_train", "y_test"))
        nets = crowd([2 * p, width, p], runs, rng, "quadratic", "mse", law="normal", bias=False)
        moments = [(w * 0, w * 0) for w in nets.parameters]
        for t in range(steps + 1):
            if t % _EVERY == 0:
                values = nets.c_one(x, y), nets.accuracies(x, y), nets.accuracies(test_x, test_y)
                for into, value in zip(found, values, strict=True):
                    into.append(value)
            _adamw(nets, moments, nets.gradients(x, y), t + 1, decay)
    return Learning(np.arange(0, steps + 1, _EVERY), *(np.stack(f, axis=1) for f in found), x.shape[1])


def _adamw(
    nets: Crowd, moments: list[tuple[Tensor, Tensor]], gradients: list[Tensor], t: int, decay: float
) -> None:
    """Step t of AdamW with η = 0.005, β = (0.9, 0.999)."""
    eta = 5e-3
    for w, (m, v), g in zip(nets.parameters, moments, gradients, strict=True):
        m.mul_(0.9).add_(g, alpha=0.1)
        v.mul_(0.999).addcmul_(g, g, value=0.001)
        size = (v / (1 - 0.999**t)).sqrt_().add_(1e-8)
        w.mul_(1 - eta * decay).addcdiv_(m, size, value=-eta / (1 - 0.9**t))
