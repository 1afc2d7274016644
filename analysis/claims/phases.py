"""C15–C19: is C = 1 a line between two phases, and what does it say of stability (§5, §7.3, §8.2)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim import estimators as est
from sdesim.noise import sample_stable

from .estimates import Array, exact, mapped, mean, slope
from .lab import Lab
from .ledger import Finding, claim
from .plots import CLAIMED, CORRECTED, GUIDE, finish, points
from .rules import above, below, consistent, judge, near, together


@claim(
    "C15",
    "5",
    claim="The passage from C < 1 to C > 1 is not smooth but a phase transition with a sharp threshold.",
    test="White gradients at C from 1/4 to 4, d = 20 and 200: the change of slope over log C at C = 1 (the "
    "kink of a fitted cubic) of the mean cosine with μ and of the best decrease of a quadratic loss.",
)
def sharpness(lab: Lab) -> Finding:
    """E cos(g, μ) ≈ √p and the best decrease p are analytic in C."""
    sets, n, rng = lab.size(60, 12), lab.size(2000, 500), lab.rng("C15")
    logs = np.linspace(-math.log(4), math.log(4), 17)
    curves: dict[str, Array] = {}
    for d in (20, 200):
        cosine, decrease = np.empty((2, sets, logs.size))
        for k, c in enumerate(np.exp(logs)):
            g1 = math.sqrt(c * d) + rng.standard_normal((sets, n))
            norm2 = g1**2 + rng.chisquare(d - 1, (sets, n))
            cosine[:, k] = (g1 / np.sqrt(norm2)).mean(axis=1)
            p = c / (1 + c)
            after = c * d - 2 * p * math.sqrt(c * d) * g1 + p**2 * norm2
            decrease[:, k] = 1 - after.mean(axis=1) / (c * d)
        curves |= {f"mean cosine, d = {d}": cosine, f"best decrease, d = {d}": decrease}
    kinks = {name: mean(_kinks(logs, y), "kink of a cubic, mean over scans") for name, y in curves.items()}
    ruling = judge(
        [together("change of slope at C = 1 > 0.05", [above(k, e, 0.05) for k, e in kinks.items()])],
        corrected=[
            together("change of slope 0 ± 0.02", [near(k, e, 0.0, 0.02) for k, e in kinks.items()]),
        ],
    )

    def draw(ax: Any) -> None:
        p = 1 / (1 + np.exp(-logs))
        for (name, y), truth, look in zip(
            [(k, v) for k, v in curves.items() if "200" in k],
            (np.sqrt(p), p),
            ({}, {"color": "#CC79A7", "marker": "s"}),
            strict=True,
        ):
            points(ax, np.exp(logs), [mean(column) for column in y.T], name, **look)
            ax.plot(np.exp(logs), truth, **CORRECTED)
        ax.axvline(1.0, label="claimed threshold", **CLAIMED)
        ax.set_xscale("log")
        finish(ax, "C", "", "Smooth through C = 1 (lines: √p and p)")

    return Finding(
        {f"change of slope at C = 1: {name}": e for name, e in kinks.items()},
        ruling,
        "a change of slope at C = 1 of more than 0.05 in each quantity",
        f"{sets} scans of {n} gradients at each of {logs.size} values of C and 2 dimensions",
        draw,
        "Cosine and best decrease are smooth functions of C, √p and p, with no kink or jump at C = 1 in any "
        "dimension.",
    )


def _kinks(x: Array, y: Array) -> Array:
    """Coefficient of max(x, 0) beside a cubic, for each line of y (r, n)."""
    design = np.column_stack([x**k for k in range(6)] + [np.maximum(x, 0.0)])
    return np.asarray(np.linalg.lstsq(design, y.T, rcond=None)[0][-1])


@claim(
    "C16",
    "8.2",
    claim="As C crosses 1 the dimension of the trajectory collapses from about d to α ≈ 1.5.",
    test="Long paths of steps g = μ + noise in d = 10 with C of a step at 0, 0.001, 0.1 and 10, Gaussian and "
    "1.5-stable noise: their correlation dimension.",
)
def collapse(lab: Lab) -> Finding:
    """A Brownian path has dimension 2 for every d ≥ 2, a stable one min(d, α), a straight one 1."""
    d, alpha, steps, paths = 10, 1.5, lab.size(1000, 300), lab.size(60, 4)
    rng, cs = lab.rng("C16"), (0.0, 0.001, 0.1, 10.0)
    found: dict[str, list[est.Estimate]] = {"Gaussian": [], "1.5-stable": []}
    for kind, column in found.items():
        for c in cs:
            dims = []
            for _ in range(paths):
                noise = (
                    rng.standard_normal((steps, d))
                    if kind == "Gaussian"
                    else sample_stable(alpha, 0.0, size=(steps, d), seed=int(rng.integers(2**31)))
                )
                noise[:, 0] += math.sqrt(c * d)
                dims.append(est.trajectory_dimension(np.cumsum(noise, axis=0)).value)
            column.append(mean(dims, "correlation dimension, mean over paths"))
    deduced = est.effective_dimension(d, alpha, method="literal").value
    low, high = found["Gaussian"][1], found["Gaussian"][-1]
    ruling = judge(
        [
            near("dimension at C = 0.001, Gaussian", low, d, 0.3 * d),
            near("dimension at C = 10, Gaussian", high, alpha, 0.2),
            near("min(d, α), which holds no C, below C = 1", exact(deduced), d, 0.3 * d),
        ],
        corrected=[
            together(
                "dimension < 2.2",
                [below(f"C = {c:g}", e, 2.2) for c, e in zip(cs, found["Gaussian"], strict=True)],
            ),
            near("dimension without signal, Gaussian", found["Gaussian"][0], 2.0, 0.3),
            near("the same, 1.5-stable", found["1.5-stable"][0], alpha, 0.3),
            near("dimension at C = 10, Gaussian", high, 1.0, 0.15),
        ],
    )

    def draw(ax: Any) -> None:
        x = np.arange(len(cs))
        points(ax, x - 0.05, found["Gaussian"], "Gaussian noise")
        points(ax, x + 0.05, found["1.5-stable"], "1.5-stable noise", color="#CC79A7", marker="s")
        ax.plot(x, [d, d, d, alpha], label="claimed", **CLAIMED)
        ax.axhline(2.0, label="2: Brownian path", **GUIDE)
        ax.set_xticks(x, [f"{c:g}" for c in cs])
        finish(ax, "C of a step", "dimension", f"A path never fills d = {d} dimensions")

    return Finding(
        {f"{kind}, C = {c:g}": e for kind, column in found.items() for c, e in zip(cs, column, strict=True)},
        ruling,
        f"a dimension of 7 or more of {d} below C = 1, and of 1.3 to 1.7 above",
        f"{paths} paths of {steps} steps for each kind of noise and each of {len(cs)} values of C",
        draw,
        "A path of Gaussian noise has dimension 2 in any d ≥ 2, of α-stable noise min(d, α). It falls "
        "towards 1, a straight line, once drift rules over the whole path, long before a single step has "
        "C = 1; it is never about d.",
    )


@claim(
    "C17",
    "8.2",
    claim="Once C has crossed 1 the collapse is irreversible under continued training.",
    test="SGD on a quadratic far from its minimum at B = 256 has C > 1: C after one further step with B = 8, "
    "and after 200 further steps with nothing changed.",
)
def irreversibility(lab: Lab) -> Finding:
    """C_B = B·C₁ moves at once with B, and training itself ends at C = r/(2 − r)."""
    d, r, runs, rng = 50, 0.1, lab.size(2000, 200), lab.rng("C17")
    batch, small, steps = 256, 8, 220
    theta = np.full((runs, d), 0.5)
    cs = np.empty((steps + 1, runs))
    for k in range(steps + 1):
        # λ = 1 and one example has unit variance a coordinate: C = B|θ|²/d.
        cs[k] = batch * (theta**2).mean(axis=1)
        theta = theta - r * (theta + rng.standard_normal((runs, d)) / math.sqrt(batch))
        if k == 19:
            switched = theta.copy()
    after = small * (switched**2).mean(axis=1)
    before, late = mean(cs[19], "mean over runs"), mean(cs[-1], "mean over runs")
    drop, target = mean(cs[20] / after), r / (2 - r)
    ruling = judge(
        [
            above("C after the switch to B = 8", mean(after), 1.0),
            above(f"C after {steps - 20} further steps", late, 1.0),
        ],
        corrected=[
            near("C at B = 256 over C at B = 8", drop, batch / small, 0.01),
            consistent("C at the end, against r/(2 − r)", late, target),
        ],
    )

    def draw(ax: Any) -> None:
        ax.semilogy(cs.mean(axis=1), label="B = 256 throughout", color="#0072B2")
        ax.plot([19, 20], [before.value, after.mean()], "o-", color="#CC79A7", label="switched to B = 8")
        ax.axhline(1.0, label="C = 1", **CLAIMED)
        ax.axhline(target, label="r/(2 − r)", **CORRECTED)
        finish(ax, "step", "C", "C falls back below 1 in plain training")

    return Finding(
        {
            "C after 19 steps, B = 256": before,
            "C one step later, B = 8": mean(after, "mean over runs"),
            f"C after {steps} steps, B = 256": late,
        },
        ruling,
        "C staying above 1 to the end of training",
        f"{runs} runs of {steps} steps in {d} dimensions, ηλ = {r}",
        draw,
        "C = B·C₁ follows the batch size at once, and with nothing changed it falls back to r/(2 − r), "
        "r = ηλ, as training converges.",
    )


@claim(
    "C18",
    "7.3",
    claim="Training is Lyapunov stable (the loss falls on average) exactly where C > 1, that is p > ½.",
    test="One SGD step on an isotropic quadratic at several ηλ and C: the mean relative change of the loss, "
    "in particular at ηλ = 0.1, C = 0.1 and at ηλ = 1.9, C = 2.",
)
def lyapunov_threshold(lab: Lab) -> Finding:
    """E L⁺/L − 1 = −2r + r²(1 + 1/C): below 0 exactly for C > r/(2 − r)."""
    d, n, rng = 20, lab.size(200_000, 30_000), lab.rng("C18")
    rs = (0.1, 0.5, 1.0, 1.5, 1.9)
    quiet = _loss_change(0.1, 0.1, d, n, rng)
    loud = _loss_change(1.9, 2.0, d, n, rng)
    under = [_loss_change(r, 0.8 * r / (2 - r), d, n, rng) for r in rs]
    over = [_loss_change(r, 1.25 * r / (2 - r), d, n, rng) for r in rs]
    ruling = judge(
        [
            above("mean change at ηλ = 0.1, C = 0.1", quiet, 0.0),
            below("mean change at ηλ = 1.9, C = 2", loud, 0.0),
        ],
        corrected=[
            together("0.8·C*: rises", [above(f"ηλ = {r}", e, 0.0) for r, e in zip(rs, under, strict=True)]),
            together("1.25·C*: falls", [below(f"ηλ = {r}", e, 0.0) for r, e in zip(rs, over, strict=True)]),
            consistent("mean change at ηλ = 0.1, C = 0.1", quiet, -0.2 + 0.01 * 11),
            consistent("mean change at ηλ = 1.9, C = 2", loud, -3.8 + 3.61 * 1.5),
        ],
    )

    def draw(ax: Any) -> None:
        r = np.linspace(0.02, 1.95, 200)
        ax.semilogy(r, r / (2 - r), label="C* = r/(2 − r)", **CORRECTED)
        ax.axhline(1.0, label="claimed: C = 1", **CLAIMED)
        ax.plot(rs, [1.25 * x / (2 - x) for x in rs], "v", color="#0072B2", label="loss falls")
        ax.plot(rs, [0.8 * x / (2 - x) for x in rs], "^", color="#CC79A7", label="loss rises")
        ax.plot([0.1], [0.1], "v", color="#0072B2")
        ax.plot([1.9], [2.0], "^", color="#CC79A7")
        finish(ax, "r = ηλ", "C", "The line of stability is C*, not 1")

    return Finding(
        {
            "mean change of the loss at ηλ = 0.1, C = 0.1": quiet,
            "mean change of the loss at ηλ = 1.9, C = 2": loud,
        },
        ruling,
        "a loss that rises at ηλ = 0.1, C = 0.1 and falls at ηλ = 1.9, C = 2",
        f"{n} steps in {d} dimensions at each of 12 pairs (ηλ, C)",
        draw,
        "The drift of the loss is −|∇L|² + Tr(D∇²L) + J; with D = (η/2)Σ it is negative where C > ηλ/2, for "
        "discrete steps where C > C* = ηλ/(2 − ηλ), a matter of the step size. C > 1 is neither needed nor "
        "enough.",
    )


def _loss_change(r: float, c: float, d: int, n: int, rng: np.random.Generator) -> est.Estimate:
    """Mean of L⁺/L − 1 on L = λ|θ|²/2; in units of the noise, λθ has length √(dC)."""
    first = (1 - r) * math.sqrt(c * d) - r * rng.standard_normal(n)
    rest = r**2 * rng.chisquare(d - 1, n)
    return mean((first**2 + rest) / (c * d) - 1, "mean over steps")


@claim(
    "C19",
    "7.3",
    claim="ℒV = −|μ|² + Tr D describes the drift of the loss under Lévy noise as well.",
    test="1.5-stable jumps ζ: does the mean of ζ², which the drift of a quadratic loss needs, settle as n "
    "grows (slope 0 of its logarithm over log n)? Does that of V = log(1 + x²)?",
)
def levy_drift(lab: Lab) -> Finding:
    """E V(x + ζ) = ∞ for quadratic V and α < 2; the jump part of log(1 + x²) is 2Γ(α)σ^α at 0."""
    alpha, lines, dt, rng = 1.5, lab.size(1000, 100), 0.001, lab.rng("C19")
    sizes = np.array([100, 1000, 10_000])
    squares, logs = np.empty((2, lines, sizes.size))
    for i in range(lines):
        z2 = sample_stable(alpha, 0.0, size=int(sizes[-1]), seed=int(rng.integers(2**31))) ** 2
        # A jump over the time dt is dt^{1/α} times one of unit scale.
        log_v = np.log1p(dt ** (2 / alpha) * z2) / dt
        squares[i] = [math.log(z2[:m].mean()) for m in sizes]
        logs[i] = [log_v[:m].mean() for m in sizes]
    growth = slope(np.log(sizes), squares, "slope in log n")
    drift = mean(logs[:, -1], "mean over lines")
    closed = est.log_jump_term(0.0, alpha, 1.0)
    ruling = judge(
        [near("slope of log mean ζ² over log n", growth, 0.0, 0.05)],
        corrected=[
            near("the same slope, against 2/α − 1", growth, 2 / alpha - 1, 0.06),
            near("drift of log(1 + x²) at 0, against 2Γ(α)σ^α", drift, closed, 0.05 * closed),
        ],
    )

    def draw(ax: Any) -> None:
        by_size = [mapped(mean(column), math.exp) for column in squares.T]
        points(ax, sizes, by_size, "mean of ζ²")
        points(ax, sizes, [mean(c) for c in logs.T], "drift of log(1 + x²)", color="#009E73", marker="s")
        ax.axhline(by_size[0].value, label="claimed: settles", **CLAIMED)
        ax.plot(sizes, by_size[0].value * (sizes / 100) ** (2 / alpha - 1), label="n^(2/α − 1)", **GUIDE)
        ax.set_xscale("log")
        ax.set_yscale("log")
        finish(ax, "jumps n", "", "A quadratic loss has no mean drift under Lévy noise")

    return Finding(
        {"slope of log mean ζ² over log n": growth, "drift of log(1 + x²) at 0": drift},
        ruling,
        "a mean of ζ² that settles as n grows",
        f"{lines} series of {sizes[-1]} jumps, α = {alpha}",
        draw,
        "For α < 2 the jump part of ℒV is +∞ for a quadratic loss, which the formula leaves out. A function "
        "that grows slowly has one: for log(1 + x²) it is 2Γ(α)σ^α at 0. Cut jumps have one too.",
    )
