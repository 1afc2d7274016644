"""C41–C43: double descent and lottery tickets (§9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sdesim import estimators as est

from .estimates import Array, bootstrap, c_one, exact, mapped, mean
from .images import path, reader
from .lab import Lab, shared
from .ledger import COUNTER_EXAMPLE, DEDUCED, MEASURED, Finding, claim
from .plots import CLAIMED, GUIDE, OTHER, finish, points
from .rules import above, below, judge, near, proved, together

_BATCH, _EXAMPLES = 10, 100


@dataclass(frozen=True)
class Features:
    """Random-feature regressions of several widths: test errors and C_B, (widths, repeats).

    `after` holds C at B = 10 after 30 steps of descent, `late` after the last, `residual` the training loss
    then.
    """

    widths: Array
    test: Array
    after: Array
    late: Array
    residual: Array


@shared
def random_features(lab: Lab) -> Features:
    """ReLU features of 15 inputs, 100 noisy examples; full-batch descent at η = 1/λ_max from 0.

    Every repeat draws teacher, examples and features anew.
    """
    repeats, steps, d, rng = lab.size(60, 4), lab.size(3000, 600), 15, lab.rng("random features")
    widths = np.array([20, 50, 80, 100, 125, 200, 500, 1500][: lab.size(8, 7)])
    test, after, late, residual = np.empty((4, widths.size, repeats))
    for k in range(repeats):
        x, fresh = rng.standard_normal((_EXAMPLES, d)), rng.standard_normal((2000, d))
        teacher = rng.standard_normal(d) / np.sqrt(d)
        y = x @ teacher + 0.3 * rng.standard_normal(_EXAMPLES)
        for j, m in enumerate(widths):
            inner = rng.standard_normal((d, m)) / np.sqrt(d)
            a, b = (np.maximum(z @ inner, 0) / np.sqrt(m) for z in (x, fresh))
            u, s, vt = np.linalg.svd(a, full_matrices=False)
            kept = s > 1e-10 * s[0]
            solution = vt[kept].T @ ((u.T @ y)[kept] / s[kept])
            test[j, k] = np.mean((b @ solution - fresh @ teacher) ** 2)
            # Descent from 0 in closed form: the residual along u_i shrinks by 1 − s_i²/s_1² a step.
            for at, out in ((30, after), (steps, late)):
                left = (1 - (s / s[0]) ** 2) ** at
                r = -(y - u @ (u.T @ y)) - u @ (left * (u.T @ y))
                g = a * r[:, None]
                out[j, k] = _BATCH * c_one(g)
            residual[j, k] = float(np.mean(r**2))
    return Features(widths, test, after, late, residual)


def _p(c: Array) -> est.Estimate:
    return mean(c / (1 + c), "mean over repeats")


@claim(
    "C41",
    "9.2",
    claim="The peak of the test error at interpolation is where p is about ½.",
    test="Random-feature regression with 100 examples, widths 20 to 1,500, all drawn anew in each repeat: "
    "p at B = 10 during and after training, at the width of the peak and beside it.",
    basis=MEASURED,
    quotation="The peak of test error occurs at $p \\approx 0.5$",
    since="2026-11-25",
    shares="random features",
)
def peak_and_p(lab: Lab) -> Finding:
    """NC₁/(1 + C₁) = ⟨s²⟩/a, a the mean |a_i|² of the features weighted by r_i², and ⟨s²⟩ that of the squared
    singular values weighted by what is left of the residual along each: at a given step no one of them
    decides, and only at the end the smallest.
    """
    f, rng = random_features(lab), lab.rng("C41")
    errors = np.median(f.test, axis=1)
    during, end = [_p(c) for c in f.after], [_p(c) for c in f.late]
    at = int(np.flatnonzero(f.widths == _EXAMPLES)[0])

    def largest(of: Array, middle: Any) -> est.Estimate:
        return bootstrap(
            lambda rows: float(f.widths[np.argmax(middle(rows, axis=0))]), of.T, rng, lab.size(2000, 100),
            "bootstrap over repeats",
        )  # fmt: skip

    width, highest = largest(f.test, np.median), largest(f.after, np.mean)
    p = f.after / (1 + f.after)
    bump = mean(p[at] - (p[at - 1] + p[at + 1]) / 2, "mean over repeats")
    rise = [mean(b - a, "mean over repeats") for a, b in zip(f.late, f.late[1:], strict=False)]
    ruling = judge(
        [
            near("p at the peak, after 30 steps", during[at], 0.5, 0.1),
            near("p at the peak, at the end", end[at], 0.5, 0.1),
        ],
        corrected=[
            near("width of the peak, against the number of examples", width, _EXAMPLES, 25),
            near("p after 30 steps: at the peak less the mean of its neighbours", bump, 0.0, 0.005),
            above("width of the largest C after 30 steps", highest, _EXAMPLES),
            together(
                "C at the end grows from each width to the next",
                [above(f"width {w}", e, 0.0) for w, e in zip(f.widths[1:], rise, strict=True)],
            ),
        ],
    )

    def draw(ax: Any) -> None:
        ax.loglog(f.widths, errors, "o-", label="test error (median)", color="#0072B2")
        ax.loglog(f.widths, [e.value for e in during], "s-", label="p after 30 steps", color=OTHER[0])
        ax.loglog(f.widths, [e.value for e in end], "^-", label="p at the end", color=OTHER[1])
        ax.axhline(0.5, label="claimed at the peak: ½", **CLAIMED)
        ax.axvline(_EXAMPLES, **GUIDE)
        ax.set_ylim(bottom=1e-7)
        finish(ax, "width", "", "The error peaks, p doesn't")

    return Finding(
        {
            "width of the peak": width,
            "p at the peak, after 30 steps": during[at],
            "p at the peak, at the end": end[at],
            "p after 30 steps, at the peak less its neighbours": bump,
            "width of the largest C after 30 steps": highest,
            "test error at the peak over that of the widest": exact(float(errors[at] / errors[-1])),
        },
        ruling,
        "p of 0.4 to 0.6 at the width of the largest error",
        f"{f.test.shape[1]} repeats of {f.widths.size} widths, {_EXAMPLES} examples",
        draw,
        "The error peaks where the width meets the number of examples, from the smallest singular value of "
        "the features. C takes no notice: at a given step it grows with the width and levels off, its "
        "largest value among the wide; B sets whether p is near ½. Along a training it falls from the mean "
        "of the squared singular values, weighted by the targets, towards the smallest.",
    )


@claim(
    "C42",
    "9.2",
    claim="Overparametrised models have p > ½.",
    test="The same regressions at two and more times as many features as examples: p at B = 10 during and at "
    "the end of training.",
    basis=COUNTER_EXAMPLE,
    quotation="the optimizer finds solutions with high $C_\\alpha$",
    since="2026-11-25",
    shares="random features",
)
def overparametrised(lab: Lab) -> Finding:
    """Towards interpolation every example's gradient vanishes, signal and noise together."""
    f = random_features(lab)
    wide = f.widths >= 2 * _EXAMPLES
    during, end = [_p(c) for c in f.after], [_p(c) for c in f.late]
    cases = [(int(w), a, b) for w, a, b, over in zip(f.widths, during, end, wide, strict=True) if over]
    fits = exact(float(f.residual[wide].max() / f.residual[0].mean()), "largest ratio")
    ruling = judge(
        [
            together("after 30 steps p > ½", [above(f"width {w}", a, 0.5) for w, a, _ in cases]),
            together("at the end p > ½", [above(f"width {w}", b, 0.5) for w, _, b in cases]),
        ],
        corrected=[
            together(
                "at the end p below p after 30 steps", [below(f"width {w}", b, a.value) for w, a, b in cases]
            ),
            below("training loss of the wide over that of the narrowest", fits, 1.0),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, f.widths, during, "after 30 steps")
        points(ax, f.widths, end, "at the end", color=OTHER[0], marker="s")
        ax.axhline(0.5, label="claimed beyond 200: above ½", **CLAIMED)
        ax.axvline(2 * _EXAMPLES, **GUIDE)
        ax.set_xscale("log")
        finish(ax, "width", "p at B = 10", "Wide models don't have p > ½")

    return Finding(
        {
            **{f"width {w}: p after 30 steps": a for w, a, _ in cases},
            f"width {cases[-1][0]}: p at the end": cases[-1][2],
            "training loss of the wide over that of the narrowest": fits,
        },
        ruling,
        "p above ½ at the widths from 200 on",
        f"{f.test.shape[1]} repeats of {len(cases)} widths, {_EXAMPLES} examples",
        draw,
        "p is a matter of the batch size and the stage of training, not of width; towards interpolation "
        "signal and noise vanish together and C becomes 0/0.",
    )


@claim(
    "C43",
    "9.3",
    claim="Pruning changes C by the factor (d/d_H)·|μ|²/|μ_sub|².",
    test="C_S/C from the definition against the formula, d_H = 1.5: nothing pruned, and white noise with 60% "
    "of the signal on 10 of 100 coordinates. Beside it, networks on digits, images and start drawn anew: the "
    "tenth of the weights largest in magnitude and a tenth drawn at random.",
    basis=DEDUCED,
    quotation="The ratio of consolidated vs. full network signal quality is",
    since="2026-11-30",
    changed="The checks of the formula are arithmetic, no longer draws, for it contradicts the definition; "
    "the networks, 18 moments of one data set before, are drawn anew and moved beside the verdict.",
)
def ticket_ratio(lab: Lab) -> Finding:
    """C_S/C = (|μ_S|²/|μ|²)(Tr Σ/Tr Σ_S), from the definition."""
    d, kept, share, d_h = 100, 10, 0.6, 1.5
    n, rng = lab.size(40_000, 6000), lab.rng("C43")
    formula, truth = d / d_h / share, share * d / kept
    mu = np.sqrt(np.repeat([share / kept, (1 - share) / (d - kept)], [kept, d - kept]) * d)
    white = mu + rng.standard_normal((n, d))
    gain = est.subnetwork_gain(white, np.arange(kept), level=0.99)
    found = _parts(lab, rng)
    network, random, excess = (
        mapped(mean(found[:, :, j].mean(axis=1), "mean log over splits"), np.exp) for j in range(3)
    )
    against = mapped(mean((found[:, :, 0] - found[:, :, 1]).mean(axis=1), "mean log over splits"), np.exp)
    ruling = judge(
        [
            proved(
                f"nothing pruned: ratio 1, by the formula d/d_H = {d / d_h:.3g} for d = {d}", d / d_h == 1.0
            ),
            proved(
                f"white noise: ratio {truth:.3g}, by the formula {formula:.4g}",
                abs(formula - truth) < 0.2 * truth,
            ),
        ],
        corrected=[
            near("white noise: C_S/C against (|μ_S|²/|μ|²)(Tr Σ/Tr Σ_S)", gain, truth, 0.5),
            above("networks, largest weights: formula over measured", excess, 10.0),
        ],
    )

    def draw(ax: Any) -> None:
        places = np.arange(len(found))
        for j, (label, mark, colour) in enumerate(
            (("largest weights", "o", "#0072B2"), ("random weights", "s", OTHER[1]))
        ):
            ax.semilogy(places, np.exp(found[:, -1, j]), mark, label=label, color=colour)
        ax.semilogy(places, np.exp(found[:, -1, 0] + found[:, -1, 2]), label="formula, largest", **CLAIMED)
        finish(ax, "split", "C of the part over C, at the end", "The formula has the signal upside down")

    return Finding(
        {
            "white noise: C_S/C": gain,
            "white noise: formula": exact(formula),
            "networks, largest weights: C_S/C": network,
            "networks, random weights: C_S/C": random,
            "networks, C_S of the largest weights over that of random ones": against,
            "networks: formula over measured": excess,
        },
        ruling,
        "another definition of C: with this one no data can",
        f"arithmetic; {n} white gradients; {len(found)} splits with a network each, {found.shape[1]} moments "
        "of each training",
        draw,
        "C_S/C = (|μ_S|²/|μ|²)·(Tr Σ/Tr Σ_S): the share of the signal kept over the share of the noise "
        f"kept. In the networks it is {network.value:.2g} [{network.low:.2g}, {network.high:.2g}] for the "
        f"tenth of the weights largest in magnitude, {random.value:.2g} [{random.low:.2g}, "
        f"{random.high:.2g}] for a random tenth.",
    )


def _parts(lab: Lab, rng: np.random.Generator) -> Array:
    """Logarithms of C_S/C, largest and random weights, and of the formula (d_H = 1.5) over the first.

    (splits, moments, 3): images and starting weights are of a split's own.
    """
    moments = (100, 1000, 3000)[: lab.size(3, 1)]
    found = np.empty((lab.size(16, 3), len(moments), 3))
    for k in range(len(found)):
        net = reader(300, [16], int(rng.integers(2**31))).net
        walk = path(net, net.start, 0.2, 32, moments[-1], rng, 100)
        for j, moment in enumerate(moments):
            theta = walk[moment // 100]
            size, gradients = theta.size // 10, net.example_gradients(theta)
            masks = np.argsort(-np.abs(theta))[:size], rng.choice(theta.size, size, replace=False)
            logs = [np.log(c_one(gradients[:, mask]) / c_one(gradients)) for mask in masks]
            mu = gradients.mean(axis=0)
            formula = theta.size / 1.5 * float(mu @ mu) / float(mu[masks[0]] @ mu[masks[0]])
            found[k, j] = (*logs, np.log(formula) - logs[0])
    return found
