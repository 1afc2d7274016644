"""C30, C31, C33: the limit of SGD, gradient noise, and reading the tail index (§7.2, §11.5)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim import estimators as est
from sdesim.data import teacher_student
from sdesim.noise import sample_stable
from sdesim.surfaces import MLP

from .estimates import LEVEL, Array, mean, seen
from .images import path, reader
from .lab import Lab
from .ledger import COUNTER_EXAMPLE, MEASURED, Finding, claim
from .networks import BATCH, EXAMPLES, RATE, batch_gradients
from .plots import CLAIMED, CORRECTED, GUIDE, OTHER, finish, points
from .rules import above, below, judge, near, together


@claim(
    "C30",
    "7.1",
    claim="The continuous limit of SGD is a Langevin equation with Brownian and α-stable Lévy noise.",
    test="Least squares in one dimension, batches of one: the tail index of the sum of 1000 gradient noises "
    "for Gaussian data and for data with 1.5-stable errors; and the tails of the iterates over η.",
    basis=COUNTER_EXAMPLE,
    quotation="The continuous-time limit is a **Stochastic Differential Equation** of the Langevin type",
    fair="Where gradients themselves have infinite variance, the limit has an α-stable part.",
    since="2026-11-25",
)
def continuous_limit(lab: Lab) -> Finding:
    """Sums of light-tailed noise become Gaussian; x ← (1 − ηA)x + ηb has tails κ, E|1 − ηA|^κ = 1."""
    n, terms, rng = lab.size(10_000, 1000), 1000, lab.rng("C30")
    # The gradient noise at x = 1 with data a and errors e: a²x − 1 + a·e.
    light = _sums(n, terms, rng, heavy=False)
    heavy = _sums(n, terms, rng, heavy=True)
    sums = {name: est.tail_index(x, level=LEVEL) for name, x in (("Gaussian", light), ("1.5-stable", heavy))}
    etas = {0.4: 3.805616, 2 / 3: 2.0, 1.0: 1.0}
    lines = lab.size(40_000, 4000)
    tails = {eta: _tail_of_iterates(eta, lines, rng) for eta in etas}
    with_jumps = near("tail index of sums, 1.5-stable errors", sums["1.5-stable"], 1.5, 0.1)
    ruling = judge(
        [near("tail index of sums, Gaussian data", sums["Gaussian"], 1.5, 0.3), with_jumps],
        [with_jumps],
        [
            near("tail index of sums, Gaussian data", sums["Gaussian"], 2.0, 0.1),
            near("tail exponent of the iterates at η = 2/3, against 2", tails[2 / 3], 2.0, 0.5),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, list(tails), list(tails.values()), "tails of the iterates (Hill)")
        points(ax, [0.01], [sums["Gaussian"]], "sums, Gaussian data", color="#CC79A7", marker="s")
        points(ax, [0.01], [sums["1.5-stable"]], "sums, stable errors", color="#E69F00", marker="^")
        ax.plot(list(etas)[:2], list(etas.values())[:2], "x", label="κ", **CORRECTED)
        ax.axhline(2.0, **GUIDE)
        finish(ax, "η", "tail index", "A stable part only from infinite variance")

    return Finding(
        {f"tail index of sums, {k} errors": e for k, e in sums.items()}
        | {f"tail exponent of the iterates, η = {eta:.3g}": e for eta, e in tails.items()},
        ruling,
        "sums of light-tailed gradient noise that stay α-stable with α near 1.5",
        f"{n} sums of {terms} gradients of each kind; {lines} chains at each of {len(etas)} values of η",
        draw,
        "There is a stable part only where gradients have infinite variance; with light tails the limit for "
        "small η is Brownian, of diffusion (η/2)Σ(θ). At a finite η iterates have heavy tails all the same, "
        "from multiplication, with an exponent that η sets and that may exceed 2.",
    )


def _sums(n: int, terms: int, rng: np.random.Generator, heavy: bool) -> Array:
    """n sums of gradient noises a² − 1 + a·e, e Gaussian or 1.5-stable."""
    total = np.zeros(n)
    for _ in range(terms // 100):
        a = rng.standard_normal((100, n))
        e = (
            sample_stable(1.5, 0.0, size=(100, n), seed=int(rng.integers(2**31)))
            if heavy
            else rng.standard_normal((100, n))
        )
        total += (a**2 - 1 + a * e).sum(axis=0)
    return total


def _tail_of_iterates(eta: float, lines: int, rng: np.random.Generator) -> est.Estimate:
    """Hill's exponent of x after 200 steps of x ← x − η(a²x + a·e)."""
    x = np.zeros(lines)
    for _ in range(200):
        a, e = rng.standard_normal((2, lines))
        x = x - eta * (a**2 * x + a * e)
    return est.tail_index(x, method="hill", k=lines // 100, level=LEVEL)


@claim(
    "C31",
    "7.2",
    claim="Gradient noise in deep learning is α-stable with α ≈ 1.5.",
    test="Two kinds of networks, data and starting weights drawn anew for each of 12 trainings: tail index "
    "of the standardised coordinates of gradients at B = 1, 4, 32 and 256, at the start and the end. A "
    "stable law keeps it as B grows.",
    basis=MEASURED,
    quotation=r"find $\alpha \approx 1.5$ for typical deep learning tasks",
    fair="Single examples have gradients of a tail index well below 2, and small batches keep it.",
    since="2026-11-25",
    changed="2026-11-30: trainings with data and weights of their own took the place of two moments of one "
    "training; the bound 1.5 ± 0.2 is the same. The fair reading is new.",
)
def gradient_noise(lab: Lab) -> Finding:
    """Cumulants of order k of a mean over B fall as B^{1−k}: a stable law with α < 2 has none to fall."""
    splits, n, rng = lab.size(12, 2), lab.size(3000, 400), lab.rng("C31")
    cells = {f"{kind}, {when}": i for i, (kind, when) in enumerate(_PLACES)}
    alpha = np.empty((len(cells), len(_BATCHES), splits))
    kurtosis, beyond = np.empty((2, len(cells), splits))
    for k in range(splits):
        for i, gradients in enumerate(_trained(lab, rng)):
            noise = [batch_gradients(gradients, b, n, rng) - gradients.mean(axis=0) for b in _BATCHES]
            # Coordinates that no example moves have no noise to look at.
            moved = np.flatnonzero(gradients.std(axis=0) > 1e-9)
            columns = rng.choice(moved, 30, replace=False)
            alpha[i, :, k] = [est.tail_index(x[:, columns], level=LEVEL).value for x in noise]
            spread = gradients.std(axis=0)[columns] / math.sqrt(BATCH)
            # The fourth cumulant of a mean is known from the examples, without a draw.
            kurtosis[i, k] = _excess(gradients[:, columns]) / BATCH
            beyond[i, k] = np.mean(np.abs(noise[2][:, columns] / spread) > 4) / _BEYOND
    at = {
        f"{name}, B = {b}": mean(alpha[i, j], "mean over trainings")
        for name, i in cells.items()
        for j, b in enumerate(_BATCHES)
    }
    kept = {name: mean(alpha[i, 1] - alpha[i, 0], "mean over trainings") for name, i in cells.items()}
    rise = {name: mean(alpha[i, -1] - alpha[i, 2], "mean over trainings") for name, i in cells.items()}
    fourth = {name: mean(kurtosis[i], "mean over trainings") for name, i in cells.items()}
    far = {name: mean(beyond[i], "mean over trainings") for name, i in cells.items()}
    single, _, working, large = ({k: e for k, e in at.items() if k.endswith(f"B = {b}")} for b in _BATCHES)
    null = mean(
        [est.tail_index(rng.standard_normal((n, 30)), level=LEVEL).value for _ in range(splits)],
        "mean over Gaussian samples",
    )
    ruling = judge(
        [together(f"B = {BATCH}: α = 1.5 ± 0.2", [near(k, e, 1.5, 0.2) for k, e in working.items()])],
        [
            together("B = 1: α < 1.8", [below(k, e, 1.8) for k, e in single.items()]),
            together("α at B = 4 less that at 1 = 0 ± 0.1", [near(k, e, 0, 0.1) for k, e in kept.items()]),
        ],
        [
            together(
                f"α at B = 256 less that at {BATCH}, 0 for a stable law, > 0",
                [above(k, e, 0.0) for k, e in rise.items()],
            ),
            together("B = 256: α > 1.7", [above(k, e, 1.7) for k, e in large.items()]),
            together(
                f"B = {BATCH} is not Gaussian: excess kurtosis > 0",
                [above(k, e, 0.0) for k, e in fourth.items()],
            ),
            together(
                f"B = {BATCH}: share beyond 4 standard deviations over a Gaussian's > 1",
                [above(k, e, 1.0) for k, e in far.items()],
            ),
            near("Gaussian null", null, 2.0, 0.05),
        ],
    )

    def draw(ax: Any) -> None:
        for (name, i), colour, mark in zip(cells.items(), ("#0072B2", *OTHER), "os^D", strict=False):
            read = [at[f"{name}, B = {b}"] for b in _BATCHES]
            x = np.array(_BATCHES) * 1.05**i
            points(ax, x, read, name, color=colour, marker=mark, linestyle="-")
        ax.axhline(1.5, label="claimed", **CLAIMED)
        ax.axhline(2.0, **GUIDE)
        ax.set_xscale("log", base=2)
        ax.set_xticks(_BATCHES, [str(b) for b in _BATCHES])
        finish(ax, "batch size B", "tail index", "No stable law: the index rises with the batch")

    shown = ", ".join(f"{at[f'digits, end, B = {b}'].value:.2f} at B = {b}" for b in _BATCHES)
    weakest = max(working.values(), key=lambda e: e.high - e.low)
    return Finding(
        at
        | {f"excess kurtosis, {k}, B = {BATCH}": e for k, e in fourth.items()}
        | {f"beyond 4 standard deviations over Gaussian, {k}, B = {BATCH}": e for k, e in far.items()}
        | {"Gaussian null": null},
        ruling,
        "a tail index near 1.5 at B = 32 as at B = 1",
        f"{splits} trainings of each of 2 networks, data and weights drawn anew, {n} gradients at each of 2 "
        f"moments and {len(_BATCHES)} batch sizes, 30 coordinates; {seen(weakest, 1.7)}",
        draw,
        "Single examples have heavy-tailed gradients, but no stable ones: the fitted index rises with the "
        f"batch (digits at the end: {shown}), for cumulants exist and those of a mean fall with B: it nears "
        "a Gaussian, as no stable law does, and a reading of 1.5 is a point on the way. A batch of 32 is not "
        "Gaussian either: its excess kurtosis is that of one example over 32, and far draws are more "
        "frequent. Networks larger than these are outside this test.",
    )


_PLACES = tuple((kind, when) for kind in ("regression", "digits") for when in ("start", "end"))
_BATCHES = (1, 4, BATCH, 256)
# P(|z| > 4) of a Gaussian.
_BEYOND = 6.334248e-05


def _trained(lab: Lab, rng: np.random.Generator) -> list[Array]:
    """Gradients of all examples, (N, d), at each of `_PLACES` of two trainings on data drawn anew."""
    data = teacher_student(EXAMPLES, 0, features=10, hidden=10, noise=0.3, seed=int(rng.integers(2**31)))
    regression = MLP([10, 32, 1], data.x_train, data.y_train, seed=int(rng.integers(2**31)))
    digits = reader(300, [16], int(rng.integers(2**31))).net
    found = []
    for net, steps in ((regression, lab.size(3000, 300)), (digits, lab.size(1000, 200))):
        thetas = path(net, net.start, RATE, BATCH, steps, rng, steps)
        found += [net.example_gradients(theta) for theta in thetas]
    return found


def _excess(x: Array) -> float:
    """Mean excess kurtosis of the columns of x (N, k), each a law of its own."""
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    return float((z**4).mean() - 3)


@claim(
    "C33",
    "11.5",
    claim="The given code (Hill, 100 largest, clipped to [1, 2]) estimates the tail index α.",
    test="10,000 draws of stable laws, α = 0.8 to 2, and pooled Gaussian coordinates of log-normal scales: "
    "its mean reading, and that of the empirical characteristic function.",
    basis=COUNTER_EXAMPLE,
    quotation="Hill estimator for α-stable tail index.",
    since="2026-11-25",
)
def hill_of_the_code(lab: Lab) -> Finding:
    """Hill sees the tail of a stable law far out only; below 1 and above 2 the clip decides."""
    alphas, n, sets = np.array([0.8, 1.2, 1.5, 1.8, 1.9, 2.0]), 10_000, lab.size(100, 3)
    rng = lab.rng("C33")
    literal, ecf = [], []
    for alpha in alphas:
        readings = np.empty((2, sets))
        for i in range(sets):
            x = sample_stable(float(alpha), 0.0, size=n, seed=int(rng.integers(2**31)))
            readings[:, i] = (
                est.tail_index(x, method="hill-literal").value,
                est.tail_index(x[:2000]).value,
            )
        literal.append(mean(readings[0], "mean over sets"))
        ecf.append(mean(readings[1], "mean over sets"))
    pooled = mean([_pooled(1000, rng) for _ in range(10 * sets)], "mean over sets")
    checks = [near(f"α = {a:g}", e, float(a), 0.1) for a, e in zip(alphas, literal, strict=True)]
    ruling = judge(
        [
            together("mean reading α ± 0.1", checks),
            near("mean reading of Gaussian coordinates of unequal scale", pooled, 2.0, 0.1),
        ],
        corrected=[
            together(
                "mean reading of the characteristic function α ± 0.1",
                [near(f"α = {a:g}", e, float(a), 0.1) for a, e in zip(alphas, ecf, strict=True)],
            )
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, alphas, literal, "the code")
        points(ax, alphas, ecf, "characteristic function", color="#009E73", marker="s")
        points(ax, [2.0], [pooled], "the code, pooled Gaussian", color="#CC79A7", marker="^")
        ax.plot(alphas, alphas, label="claimed: α", **CLAIMED)
        ax.axhline(2.0, **GUIDE)
        finish(ax, "true α", "mean reading", "Read by the code: 1.8 as 2, 0.8 as 1")

    return Finding(
        {f"the code, α = {a:g}": e for a, e in zip(alphas, literal, strict=True)}
        | {"the code, pooled Gaussian coordinates": pooled, "characteristic function, α = 1.8": ecf[3]},
        ruling,
        "mean readings within 0.1 of α at every α",
        f"{sets} sets of {n} draws at each of {alphas.size} values of α",
        draw,
        "The code reads α well between 1 and about 1.5; above, it is clipped to 2, below to 1, and it finds "
        "heavy tails in Gaussian coordinates of unequal scale. Standardise each coordinate, fit the "
        "characteristic function, and hold it against a Gaussian.",
    )


def _pooled(n: int, rng: np.random.Generator) -> float:
    """The code's reading of n Gaussian draws, each of a coordinate with its own log-normal scale."""
    x = rng.standard_normal(n) * np.exp(rng.standard_normal(n))
    return est.tail_index(x, method="hill-literal").value
