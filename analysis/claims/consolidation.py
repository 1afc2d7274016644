"""C1–C7: what the ratio C = |E g|² / Tr Cov g is, what it is invariant under, how to estimate it (§2, §3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdesim import estimators as est
from sdesim.noise import sample_stable
from sdesim.surfaces import MLP

from .estimates import c_one, exact, mapped, mean, slope
from .lab import Lab
from .ledger import Finding, claim
from .plots import CLAIMED, CORRECTED, GUIDE, finish, points
from .rules import above, consistent, judge, near, together


@claim(
    "C1",
    "3.1",
    claim="C is the isotropic approximation of the optimal signal-to-noise ratio μᵀΣ⁻¹μ.",
    test="White Gaussian gradients at C = 1 and several d: the slope of log(μᵀΣ⁻¹μ/C) over log d is 0 if C "
    "approximates it, 1 if it is d times C.",
)
def mahalanobis(lab: Lab) -> Finding:
    """With Σ = s²I, μᵀΣ⁻¹μ = |μ|²/s² = d·C."""
    dims, n, sets = np.array([4, 8, 16, 32, 64]), 400, lab.size(40, 8)
    rng = lab.rng("C1")
    ratios = np.empty((sets, dims.size))
    for k, d in enumerate(dims):
        # |μ|² = d at s = 1: C = 1.
        for i in range(sets):
            g = 1.0 + rng.standard_normal((n, d))
            ratios[i, k] = est.mahalanobis_snr(g).value / est.consolidation_ratio(g).value
    growth = slope(np.log(dims), np.log(ratios), "slope in log d")
    at = [mean(column, "mean over sets") for column in ratios.T]
    ruling = judge(
        [near("slope of log(μᵀΣ⁻¹μ/C) over log d", growth, 0.0, 0.1)],
        corrected=[
            near("the same slope", growth, 1.0, 0.03),
            near("(μᵀΣ⁻¹μ/C)/d at d = 64", mapped(at[-1], lambda r: r / 64), 1.0, 0.08),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, dims, at, "measured")
        ax.loglog(dims, np.ones(dims.size), label="claimed: 1", **CLAIMED)
        ax.loglog(dims, dims, label="d", **CORRECTED)
        ax.set_xticks(dims, [str(d) for d in dims])
        finish(ax, "number of coordinates d", "μᵀΣ⁻¹μ / C", "The optimal ratio is d times C")

    return Finding(
        {"slope in log d": growth, "ratio at d = 64": at[-1]},
        ruling,
        "a slope within 0.1 of 0",
        f"{sets} sets of {n} gradients at each of {dims.size} dimensions",
        draw,
        "For white noise μᵀΣ⁻¹μ = d·C: C is the signal-to-noise ratio per coordinate, and the optimal ratio "
        "reaches 1 at C = 1/d.",
    )


@claim(
    "C2",
    "3.3",
    claim="C does not change under a smooth change of coordinates.",
    test="A ReLU network with its first layer times k and its second over k is the same function: is its C "
    "the same? White gradients under random linear maps: is C, is μᵀΣ⁻¹μ?",
)
def reparametrisation(lab: Lab) -> Finding:
    """A gradient is a covector, g′ = J⁻ᵀg: |g′|² and Tr Cov g′ scale differently unless J is conformal."""
    rng = lab.rng("C2")
    x = rng.standard_normal((512, 10))
    y = np.sin(x @ rng.standard_normal((10, 1)))
    surface = MLP([10, 32, 1], x, y, activation="relu", seed=lab.seed)
    scales = np.geomspace(0.1, 10.0, lab.size(13, 5))
    moved = [_rescaled(surface.start, k) for k in scales]
    apart = max(float(np.abs(surface.outputs(t) - surface.outputs(surface.start)).max()) for t in moved)
    ratios = np.array([c_one(surface.example_gradients(t)) for t in moved])
    ratios /= c_one(surface.example_gradients(surface.start))
    g = 0.3 + rng.standard_normal((400, 8))
    maps = [np.linalg.inv(rng.standard_normal((8, 8))).T for _ in range(lab.size(200, 40))]
    c_change = mean([np.abs(np.log(c_one(g @ j.T) / c_one(g))) for j in maps], "mean |log ratio| over maps")
    optimal = est.mahalanobis_snr(g).value
    snr_change = max(abs(est.mahalanobis_snr(g @ j.T).value / optimal - 1) for j in maps)
    turn = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    widest = exact(ratios.max() / ratios.min(), "largest over smallest C, exact over the examples")
    same = exact(c_one(3 * g @ turn.T) / c_one(g), "ratio of C before and after")
    ruling = judge(
        [near("largest over smallest C of one function", widest, 1.0, 1e-6)],
        corrected=[
            near("largest difference of the outputs", exact(apart), 0.0, 1e-10),
            above("mean |log C′/C| over random linear maps", c_change, 0.01),
            near("C′/C under a rotation times 3", same, 1.0, 1e-9),
            near("largest |ratio − 1| of μᵀΣ⁻¹μ over the maps", exact(snr_change), 0.0, 1e-6),
        ],
    )

    def draw(ax: Any) -> None:
        ax.semilogx(scales, ratios, marker="o", markersize=4, label="measured", color="#0072B2")
        ax.axhline(1.0, label="claimed: 1", **CLAIMED)
        finish(ax, "k (first layer × k, second ÷ k)", "C′ / C", "One function, many values of C")

    return Finding(
        {
            "largest over smallest C of one function": widest,
            "mean |log C′/C| over random linear maps": c_change,
            "largest |ratio − 1| of μᵀΣ⁻¹μ": exact(snr_change),
        },
        ruling,
        "C equal to 1 part in a million for every k",
        f"512 examples, {scales.size} values of k; {len(maps)} linear maps of 400 gradients",
        draw,
        "C is invariant under rotations times a number only; under a map J it can change by any factor up to "
        "cond(J)². μᵀΣ⁻¹μ is invariant under every linear map.",
    )


def _rescaled(theta: Any, k: float) -> Any:
    """θ of a 10-32-1 ReLU network with its first layer times k and its last weights over k."""
    moved = theta.copy()
    moved[:352] *= k
    moved[352:384] /= k
    return moved


@claim(
    "C3",
    "3.1, 7.2",
    claim="The summed variance is the natural measure of the noise, of heavy-tailed gradients too.",
    test="Gradients with 1.5-stable noise and a fixed mean: does the measured C settle at a value as the "
    "number of samples n grows (slope 0 of log C over log n)?",
)
def heavy_tails(lab: Lab) -> Finding:
    """The sample variance grows as n^{2/α − 1}, so C falls as n^{1 − 2/α}: slope −1/3 at α = 1.5."""
    # The mean is far above its own error at every n, so that C moves with the variance alone.
    alpha, d, signal, lines = 1.5, 10, 5.0, lab.size(1000, 48)
    sizes = np.array([100, 316, 1000, 3162, 10_000])[: lab.size(5, 4)]
    rng = lab.rng("C3")
    found = np.full((2, lines, sizes.size), np.nan)
    for i in range(lines):
        draw_seed = int(rng.integers(2**31))
        g = signal + sample_stable(alpha, 0.0, size=(int(sizes[-1]), d), seed=draw_seed)
        for k, n in enumerate(sizes):
            part = g[:n]
            found[0, i, k] = np.log(est.consolidation_ratio(part, method="literal").value)
            # It hardly varies, and costs more.
            if i < lines // 16:
                found[1, i, k] = np.log(est.consolidation_ratio(part, method="scale").value)
    series = [found[0], found[1, : lines // 16]]
    literal, robust = (slope(np.log(sizes), y, "slope in log n") for y in series)
    by_size = [[mapped(mean(column), np.exp) for column in y.T] for y in series]
    ruling = judge(
        [near("slope of log C over log n", literal, 0.0, 0.05)],
        corrected=[
            near("the same slope, against 1 − 2/α", literal, 1 - 2 / alpha, 0.06),
            near("slope of the C of scales", robust, 0.0, 0.05),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, sizes, by_size[0], "C of variances")
        points(ax, sizes, by_size[1], "C of stable scales", color="#009E73", marker="s")
        top = by_size[0][0].value
        ax.plot(sizes, top * (sizes / sizes[0]) ** (1 - 2 / alpha), label="n^(1 − 2/α)", **GUIDE)
        ax.set_xscale("log")
        ax.set_yscale("log")
        finish(ax, "gradients n", "C", "With α = 1.5 the variance never settles")

    return Finding(
        {"slope of C over n": literal, "slope of the C of scales over n": robust},
        ruling,
        "a slope within 0.05 of 0",
        f"{lines} independent series of {sizes[-1]} gradients in {d} dimensions",
        draw,
        "For α < 2 the variance is infinite and the measured C falls as n^(1 − 2/α) whatever the signal; a "
        "scale that exists (quartiles) in place of the variance gives a C that settles.",
    )


@claim(
    "C4",
    "11.1",
    claim="The given code (squared mean of 20 mini-batch gradients over the summed variances) estimates C.",
    test="White Gaussian gradients of known C: is the mean error of the code 0, and that of C − 1/n?",
)
def bias_of_the_code(lab: Lab) -> Finding:
    """E C_lit = (C + 1/n) ν/(ν − 2) with ν = d(n − 1)."""
    d, n, sets = 50, 20, lab.size(8000, 1000)
    nu = d * (n - 1)
    rng = lab.rng("C4")
    truths = np.array([0.0, 0.01, 0.05, 0.2, 1.0])
    literal, debiased = [], []
    for c in truths:
        g = rng.standard_normal((sets, n, d)) + np.sqrt(c)
        gbar, trace = g.mean(axis=1), g.var(axis=1, ddof=1).sum(axis=1)
        raw = (gbar**2).sum(axis=1) / (trace + 1e-10)
        literal.append(mean(raw - c, "mean error over sets"))
        debiased.append(mean(raw - 1 / n - c, "mean error over sets"))
    predicted = (truths + 1 / n) * nu / (nu - 2) - truths
    ruling = judge(
        [
            together(
                "mean error of the code 0 ± 0.01",
                [near(f"at C = {c:g}, it", e, 0.0, 0.01) for c, e in zip(truths, literal, strict=True)],
            )
        ],
        corrected=[
            together(
                "mean error (C + 1/n)ν/(ν − 2) − C",
                [
                    consistent(f"at C = {c:g}, it", e, p)
                    for c, e, p in zip(truths, literal, predicted, strict=True)
                ],
            ),
            together(
                "mean error of C − 1/n 0 ± 0.01",
                [near(f"at C = {c:g}, it", e, 0.0, 0.01) for c, e in zip(truths, debiased, strict=True)],
            ),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, truths, literal, "the code")
        points(ax, truths, debiased, "less 1/n", color="#009E73", marker="s")
        ax.axhline(0.0, label="claimed: 0", **CLAIMED)
        ax.set_xscale("symlog", linthresh=0.01)
        ax.set_xlim(-0.002, 1.5)
        finish(ax, "true C", "mean error of Ĉ", "The code reads 1/n too much")

    return Finding(
        {
            **{f"error of the code at C = {c:g}": e for c, e in zip(truths, literal, strict=True)},
            "error at C = 0, debiased": debiased[0],
        },
        ruling,
        "mean errors within 0.01 of 0 at every C",
        f"{sets} sets of {n} gradients in {d} dimensions at each of {truths.size} values of C",
        draw,
        "The code reads (C + 1/n)·ν/(ν − 2), ν = d(n − 1): with 20 batches and no signal it reads 0.05. "
        "C − 1/n is free of it.",
    )
