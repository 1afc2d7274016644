"""C41–C47: double descent, lottery tickets, the edge of stability, flat minima (§9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sdesim import estimators as est
from sdesim.surfaces import MLP

from .estimates import Array, c_one, exact, mapped, mean
from .lab import Lab, shared
from .ledger import Finding, claim
from .networks import regression_network
from .plots import CLAIMED, CORRECTED, GUIDE, OTHER, finish, points
from .rules import above, below, judge, near, outside, together

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
    """ReLU features of 15 inputs, 100 noisy examples; full-batch descent at η = 1/λ_max from 0."""
    repeats, steps, d, rng = lab.size(12, 4), lab.size(3000, 600), 15, lab.rng("random features")
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
    test="Random-feature regression with 100 examples, widths 20 to 1,500: p at B = 10 during and after "
    "training, at the width of the peak and beside it.",
    shares="random features",
)
def peak_and_p(lab: Lab) -> Finding:
    """The peak comes from the smallest singular value of the features, which C doesn't know."""
    f = random_features(lab)
    errors = np.median(f.test, axis=1)
    peak = int(np.argmax(errors))
    during, end = [_p(c) for c in f.after], [_p(c) for c in f.late]
    width = exact(float(f.widths[peak]), "width of the largest median error")
    ruling = judge(
        [
            near("p at the peak, after 30 steps", during[peak], 0.5, 0.1),
            near("p at the peak, at the end", end[peak], 0.5, 0.1),
        ],
        corrected=[
            near("width of the peak, against the number of examples", width, _EXAMPLES, 25),
            together(
                "p after 30 steps below 0.1 at every width",
                [below(f"width {w}", e, 0.1) for w, e in zip(f.widths, during, strict=True)],
            ),
        ],
    )

    def draw(ax: Any) -> None:
        ax.loglog(f.widths, errors, "o-", label="test error (median)", color="#0072B2")
        ax.loglog(f.widths, [e.value for e in during], "s-", label="p after 30 steps", color=OTHER[0])
        ax.loglog(f.widths, [e.value for e in end], "^-", label="p at the end", color=OTHER[1])
        ax.axhline(0.5, label="claimed at the peak: ½", **CLAIMED)
        ax.axvline(_EXAMPLES, **GUIDE)
        finish(ax, "width", "", "The error peaks, p doesn't")

    return Finding(
        {
            "width of the peak": width,
            "p at the peak, after 30 steps": during[peak],
            "p at the peak, at the end": end[peak],
            "test error at the peak over that of the widest": exact(float(errors[peak] / errors[-1])),
        },
        ruling,
        "p of 0.4 to 0.6 at the width of the largest error",
        f"{f.test.shape[1]} repeats of {f.widths.size} widths, {_EXAMPLES} examples",
        draw,
        "The peak lies where the width meets the number of examples and comes from the smallest singular "
        "value of the features; p passes it without a peak or a crossing of ½.",
    )


@claim(
    "C42",
    "9.2",
    claim="Overparametrised models have p > ½.",
    test="The same regressions at two and more times as many features as examples: p at B = 10 during and at "
    "the end of training.",
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
    test="White noise with 60% of the signal on 10 of 100 coordinates, and the tenth of a network's weights "
    "largest in magnitude or drawn at random: C of the part over C of all against the formula, d_H = 1.5.",
    shares="regression network",
)
def ticket_ratio(lab: Lab) -> Finding:
    """C_S/C = (|μ_S|²/|μ|²)(Tr Σ/Tr Σ_S), from the definition."""
    d, kept, d_h, n, rng = 100, 10, 1.5, lab.size(40_000, 6000), lab.rng("C43")
    mu = np.sqrt(np.repeat([0.6 / kept, 0.4 / (d - kept)], [kept, d - kept]) * d)
    white = mu + rng.standard_normal((n, d))
    gain = est.subnetwork_gain(white, np.arange(kept), level=0.99)
    formula = est.subnetwork_gain(white, np.arange(kept), method="literal", d_h=d_h).value
    moments = [m for m in regression_network(lab).moments if m.step > 0]
    log_ratio, log_random, stated = [], [], []
    for m in moments:
        size = m.theta.size // 10
        for mask, out in (
            (np.argsort(-np.abs(m.theta))[:size], log_ratio),
            (rng.choice(m.theta.size, size, replace=False), log_random),
        ):
            part = m.gradients[:, mask]
            signal = part.mean(axis=0)
            ratio = float(signal @ signal / part.var(axis=0).sum()) / m.c_one
            out.append(np.log(ratio))
            if out is log_ratio:
                stated.append(
                    np.log(m.theta.size / d_h * float(m.mu @ m.mu) / float(signal @ signal)) - out[-1]
                )
    network, random = (mapped(mean(x, "mean log over moments"), np.exp) for x in (log_ratio, log_random))
    excess = mapped(mean(stated, "mean log over moments"), np.exp)
    ruling = judge(
        [
            near("white noise: C_S/C against the formula", gain, formula, 0.2 * formula),
            near("network, largest weights: formula over measured", excess, 1.0, 0.2),
        ],
        corrected=[near("white noise: C_S/C against (|μ_S|²/|μ|²)(Tr Σ/Tr Σ_S)", gain, 6.0, 0.5)],
    )

    def draw(ax: Any) -> None:
        places = np.arange(len(moments))
        ax.semilogy(places, np.exp(log_ratio), "o", label="largest weights", color="#0072B2")
        ax.semilogy(places, np.exp(log_random), "s", label="random weights", color=OTHER[1])
        ax.semilogy(places, np.exp(np.add(log_ratio, stated)), label="formula, largest", **CLAIMED)
        finish(ax, "moment of training", "C of the part over C", "The formula has the signal upside down")

    return Finding(
        {
            "white noise: C_S/C": gain,
            "white noise: formula": exact(formula),
            "network, largest weights: C_S/C": network,
            "network, random weights: C_S/C": random,
            "network: formula over measured": excess,
        },
        ruling,
        "ratios within 20% of the formula",
        f"{n} white gradients; {len(moments)} moments of a network's training",
        draw,
        "C_S/C = (|μ_S|²/|μ|²)·(Tr Σ/Tr Σ_S): the share of the signal kept over the share of the noise kept.",
    )


@claim(
    "C45",
    "9.4",
    claim="At λ_max near 2/η training proceeds, because heavy-tailed noise keeps it from diverging.",
    test="Full-batch descent, which has no noise at all, of a tanh network: λ_max·η/2 late in training and "
    "the loss; and an unstable linear map with heavy-tailed noise.",
)
def edge_of_stability(lab: Lab) -> Finding:
    """Descent at the edge needs no noise: curvature falls along the oscillation."""
    repeats, steps, rng = lab.size(5, 3), lab.size(3000, 700), lab.rng("C45")
    sharpness, losses = [], []
    eta = 0.4
    for k in range(repeats):
        x = rng.standard_normal((50, 5))
        y = np.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3]
        net = MLP([5, 20, 1], x, y, seed=lab.seed + k)
        theta, seen, path = net.start.copy(), [], []
        for t in range(steps):
            theta = theta - eta * net.grad(theta)
            path.append(float(net.loss(theta)))
            if t >= steps * 3 // 4 and t % (steps // 20) == 0:
                seen.append(est.lanczos_edges(lambda v, at=theta, of=net: of.hvp(at, v), net.dim)[1])
        sharpness.append(eta * float(np.mean(seen)) / 2)
        losses.append(path)
    edge = mean(sharpness, "mean over networks")
    descent = mean([p[-1] / p[0] for p in losses], "mean over networks")
    noisy = np.zeros(4000)
    for _ in range(200):
        noisy = -1.1 * noisy + 0.01 * np.tan(rng.uniform(-np.pi / 2, np.pi / 2, noisy.size))
    wide = exact(float(np.median(np.abs(noisy))), "median")
    ruling = judge(
        [
            near("without noise: λ_max·η/2", edge, 1.0, 0.1),
            below("without noise: loss at the end over that at the start", descent, 0.5),
            below("unstable map with Cauchy noise: median after 200 steps over the scale", wide, 1.0),
        ],
        corrected=[
            near("λ_max·η/2 without any noise", edge, 1.0, 0.1),
            below("loss over its start without any noise", descent, 0.5),
        ],
    )

    def draw(ax: Any) -> None:
        for path in losses:
            ax.semilogy(path, color="#0072B2", linewidth=0.8)
        finish(ax, "step", "training loss", f"No noise; λ_max·η/2 = {edge.value:.2f} at the end")

    return Finding(
        {
            "λ_max·η/2, no noise": edge,
            "loss at the end over start, no noise": descent,
            "unstable map with Cauchy noise: median |x|": wide,
        },
        ruling,
        "divergence without noise, or an unstable map that noise keeps bounded",
        f"{repeats} networks of {steps} full-batch steps; 4000 runs of 200 steps of the map",
        draw,
        "λ_max hovers at 2/η and training proceeds, without any noise: the curvature falls along the "
        "oscillation. Noise doesn't keep an unstable linear map bounded.",
    )


@claim(
    "C47",
    "9.5, 8.3",
    claim="A small λ_max marks the flat minima that generalise.",
    test="ReLU networks with the first layer times k and the last over k, which are the same function: λ_max "
    "over k from 0.1 to 10.",
)
def flatness(lab: Lab) -> Finding:
    """Functions, and with them all test errors, stay; λ_max does not."""
    repeats, steps, rng = lab.size(6, 3), lab.size(800, 200), lab.rng("C47")
    scales = np.geomspace(0.1, 10.0, 9)
    curves, outputs = [], []
    for k in range(repeats):
        x = rng.standard_normal((128, 6))
        y = np.maximum(x @ rng.standard_normal((6, 4)), 0).sum(axis=1, keepdims=True) / 4
        net = MLP([6, 16, 1], x, y + 0.1 * rng.standard_normal(y.shape), activation="relu", seed=lab.seed + k)
        theta, fresh = net.start.copy(), rng.standard_normal((500, 6))
        for _ in range(steps):
            theta = theta - 0.05 * net.grad(theta)
        curve = []
        for s in scales:
            moved = theta.copy()
            # W₁ and b₁ of 6·16 + 16 entries, then W₂ of 16.
            moved[:112] *= s
            moved[112:128] /= s
            curve.append(est.lanczos_edges(lambda v, at=moved, of=net: of.hvp(at, v), net.dim)[1])
            outputs.append(float(np.abs(net.outputs(moved, fresh) - net.outputs(theta, fresh)).max()))
        curves.append(curve)
    found = np.array(curves)
    spread = mapped(mean(np.log(found.max(axis=1) / found.min(axis=1)), "mean log over networks"), np.exp)
    same = exact(max(outputs), "largest difference")
    ruling = judge(
        [near("λ_max of one function, largest over smallest", spread, 1.0, 0.5)],
        corrected=[
            below("largest change of the function", same, 1e-9),
            outside("λ_max, largest over smallest", spread, 1.0, 5.0),
        ],
    )

    def draw(ax: Any) -> None:
        for curve in curves:
            ax.loglog(scales, np.array(curve) / curve[4], "o-", markersize=3, color="#0072B2", linewidth=0.8)
        ax.axhline(1.0, label="the function and its test error", **CORRECTED)
        finish(
            ax, "k (first layer × k, last ÷ k)", "λ_max over that at k = 1", "One function, many sharpnesses"
        )

    return Finding(
        {"λ_max of one function, largest over smallest": spread, "largest change of the function": same},
        ruling,
        "λ_max of one function within a factor of 1.5",
        f"{repeats} networks, {scales.size} values of k",
        draw,
        "λ_max depends on the parametrisation: one function, with one test error, has sharpnesses that "
        "differ by large factors. It can be compared within one parametrisation and scale only.",
    )
