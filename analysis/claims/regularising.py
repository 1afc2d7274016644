"""C61, C68: noise as a regulariser, the course of I, and C by layer (§9.2, §12.2, §12.3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdesim import estimators as est
from sdesim.surfaces import MLP

from .estimates import Array, c_one, mapped, mean, slope
from .images import Reader, path, reader, sgd
from .lab import Lab
from .ledger import MEASURED, Finding, claim
from .plots import GUIDE, OTHER, finish, points
from .rules import above, below, judge, near, together

_ETA = 0.2
# Half a point of test error: smaller differences count as none.
_MARGIN = 0.005


@claim(
    "C61",
    "9.2",
    claim="In overparametrised networks the noise of SGD acts as an implicit regulariser towards flat "
    "minima.",
    test="Networks of 2,410 weights on 100 digits (a tenth mislabelled), trained to one loss by full-batch "
    "descent, by SGD at B = 4, and with Gaussian noise of the same covariance: test error and λ_max, "
    "paired; images and weights drawn anew 600 times.",
    basis=MEASURED,
    quotation="noise in SGD acts as an implicit regularizer",
    fair="It leads to flatter minima.",
    since="2026-11-25",
    changed="The fair reading and the equivalence within ± 0.5 points were added, with 600 splits in place "
    "of 40, after the claim as stated had been seen to stay open: of 200 one seed in two saw it.",
)
def implicit_regulariser(lab: Lab) -> Finding:
    """Gaussian noise of covariance Σ/B: Σ_i (1/n + z_i/√(nB)) ∇ℓ_i with z white and centred."""
    seeds, twins, rng = lab.size(600, 3), lab.size(200, 3), lab.rng("C61")
    target = lab.size(2, 50) / 100
    arms = ("descent", "SGD", "Gaussian")
    error, sharp = np.full((2, len(arms), seeds), np.nan)
    for k in range(seeds):
        read = reader(100, [32], 1000 * lab.seed + k, label_noise=0.1)
        # What the noise does takes fewer splits to see than whether it helps.
        for j, arm in enumerate(arms if k < twins else arms[:2]):
            theta = _until(read.net, arm, target, rng)
            error[j, k], sharp[j, k] = read.test_error(theta), np.log(read.lambda_max(theta))
    better = mean(error[1] - error[0], "mean over splits")
    flatter = mapped(mean(sharp[1] - sharp[0], "mean log over splits"), np.exp)
    gauss_error = mean((error[2] - error[1])[:twins], "mean over splits")
    gauss_sharp = mapped(mean((sharp[2] - sharp[1])[:twins], "mean log over splits"), np.exp)
    ruling = judge(
        [
            below("test error of SGD less that of descent", better, 0.0),
            below("λ_max of SGD over that of descent", flatter, 1.0),
        ],
        fair=[below("λ_max of SGD over that of descent", flatter, 1.0)],
        corrected=[
            # Two one-sided tests at 0.5% each: the 99% interval lies within the margin.
            near("test error of SGD less that of descent, equivalence", better, 0.0, _MARGIN),
            near("λ_max of SGD over that of descent", flatter, 0.6, 0.1),
            near("λ_max under Gaussian noise over that of SGD", gauss_sharp, 1.0, 0.25),
        ],
    )

    def draw(ax: Any) -> None:
        for j, (arm, colour) in enumerate(zip(arms, ("#0072B2", *OTHER), strict=False)):
            ax.plot(np.exp(sharp[j]), error[j], "os^"[j], color=colour, markersize=4, label=arm)
        finish(ax, "λ_max", "test error", "Descent, SGD and its Gaussian twin at one loss")

    return Finding(
        {
            "test error, SGD less descent": better,
            "λ_max, SGD over descent": flatter,
            "test error, Gaussian less SGD": gauss_error,
            "λ_max, Gaussian over SGD": gauss_sharp,
            "test error of descent": mean(error[0], "mean over splits"),
        },
        ruling,
        "minima of SGD that are no flatter, or that read fresh images no better",
        f"{seeds} splits, {twins} of them with the Gaussian twin: a difference of test errors is known to "
        f"± {(better.high - better.low) / 2:.3f}",
        draw,
        "At equal loss SGD's minima are flatter, by about 40% in λ_max, and hardly better: test errors are "
        "equal within half a point. Gaussian noise of the same covariance does the same.",
    )


def _until(net: MLP, arm: str, target: float, rng: np.random.Generator) -> Array:
    """θ at the first multiple of 25 steps at which the loss of the whole training set is below the target."""
    theta, n, batch, steps = net.start, net.examples, 4, 0
    while net.loss(theta) > target and steps < 30_000:
        if arm == "SGD":
            theta = sgd(net, theta, _ETA, batch, 25, rng)
        else:
            for _ in range(25):
                z = rng.standard_normal(n) if arm == "Gaussian" else np.zeros(n)
                theta = theta - _ETA * net.weighted_gradient(
                    theta, 1 / n + (z - z.mean()) / np.sqrt(n * batch)
                )
        steps += 25
    return theta


@claim(
    "C68",
    "12.2, 12.3",
    claim="I rises in healthy training, and deeper layers show a higher C late.",
    test="Networks on digits, with true labels and with random ones, and at depths 2, 4 and 6: slope of I "
    "= pS/d_H in log step, with S = 2η − λ_max as stated and with S = 2 − ηλ_max; log C of the last "
    "layer less the first, late; images and weights drawn anew 40 times.",
    basis=MEASURED,
    quotation="overall health metric; should be increasing",
    since="2026-11-30",
    changed="First judged with S = 2 − ηλ_max, our correction; now with S as stated, beside the other, and "
    "with 40 splits in place of 8, for depth 6 had been left open.",
)
def course_of_i(lab: Lab) -> Finding:
    """p is that of B = 16, d_H = 2 (the noise of a batch is not heavy-tailed)."""
    seeds, rng = lab.size(40, 3), lab.rng("C68")
    moments = np.unique(np.geomspace(10, lab.size(2000, 200), lab.size(12, 5)).astype(int))
    courses: dict[str, list[Array]] = {"healthy": [], "random labels": []}
    for k in range(seeds):
        read = reader(300, [16], 1000 * lab.seed + k)
        mixed = MLP(
            read.net.widths,
            read.net.x,
            rng.permutation(read.net.y[:, 0]),
            loss="cross_entropy",
            seed=1000 * lab.seed + k,
        )
        courses["healthy"].append(_course(read, moments, rng))
        courses["random labels"].append(_course(Reader(mixed, read.x_test, read.y_test), moments, rng))
    log_steps = np.log(moments)
    slopes = {
        (name, form): slope(log_steps, np.array(c)[:, i], "slope in log step")
        for name, c in courses.items()
        for i, form in enumerate(("2 − ηλ", "2η − λ"))
    }
    layers = {f"depth {depth}": _last_less_first(depth, seeds, lab, rng) for depth in (2, 4, 6)}
    highest = mean(np.array(courses["healthy"])[:, 1].max(axis=1), "mean over splits")
    ruling = judge(
        [
            above("healthy: slope of I with S = 2η − λ", slopes["healthy", "2η − λ"], 0.0),
            below("random labels: slope of I with S = 2η − λ", slopes["random labels", "2η − λ"], 0.0),
            together("log C, last layer less first > 0", [above(k, e, 0.0) for k, e in layers.items()]),
        ],
        corrected=[
            below("healthy: slope of I with S = 2 − ηλ", slopes["healthy", "2 − ηλ"], 0.0),
            above("random labels: slope of I with S = 2 − ηλ", slopes["random labels", "2 − ηλ"], 0.0),
            below("healthy: largest I with S = 2η − λ, mean", highest, 0.0),
        ],
    )

    def draw(ax: Any) -> None:
        for (name, c), colour in zip(courses.items(), ("#0072B2", OTHER[1]), strict=True):
            for values, form, style in zip(
                np.array(c).transpose(1, 2, 0), ("2 − ηλ", "2η − λ, as stated"), ("-", ":"), strict=True
            ):
                means = [mean(v, "mean") for v in values]
                points(ax, moments, means, f"{name}, {form}", color=colour, linestyle=style)
        ax.axhline(0, **GUIDE)
        ax.set_xscale("log")
        finish(ax, "step", "I", "The course of I with two margins S")

    return Finding(
        {f"slope of I, S = {form}, {name}": e for (name, form), e in slopes.items()}
        | {"largest I of a healthy training, S = 2η − λ": highest}
        | {f"log C, last layer less first, {k}": e for k, e in layers.items()},
        ruling,
        "an I that rises in healthy runs, and a C that rises with the layer at every depth",
        f"{seeds} splits, {moments.size} moments, depths 2, 4 and 6",
        draw,
        "With S as stated I is negative throughout, by its own table a divergence, and rises in healthy "
        "training because p falls to 0 in it. With the margin 2 − ηλ, positive where stable, I falls in "
        "healthy training and rises where labels are random and nothing general can be learnt.",
    )


def _course(read: Reader, moments: Array, rng: np.random.Generator) -> Array:
    """I with the margin and with the literal S at each of the moments: (2, moments)."""
    theta, at, out = read.net.start, 0, np.empty((2, moments.size))
    for j, moment in enumerate(moments):
        theta, at = sgd(read.net, theta, _ETA, 16, int(moment) - at, rng), int(moment)
        c, lam = 16 * c_one(read.net.example_gradients(theta)), read.lambda_max(theta)
        p = c / (1 + c)
        out[0, j] = est.intelligence(p, 2 - _ETA * lam, 2.0, method="corrected").value
        out[1, j] = p * (2 * _ETA - lam) / 2
    return out


def _last_less_first(depth: int, seeds: int, lab: Lab, rng: np.random.Generator) -> est.Estimate:
    """log C of one example in the last layer less that in the first, over five late states."""
    found = []
    for k in range(seeds):
        net = reader(300, [16] * (depth - 1), 1000 * lab.seed + k).net
        steps = lab.size(2000, 200)
        late = path(net, sgd(net, net.start, _ETA, 16, steps, rng), _ETA, 16, 100, rng, 25)
        parts = list(net.groups.values())
        logs = []
        for theta in late:
            g = net.example_gradients(theta)
            logs.append(np.log(c_one(g[:, parts[-1]])) - np.log(c_one(g[:, parts[0]])))
        found.append(float(np.mean(logs)))
    return mean(found, "mean over splits")
