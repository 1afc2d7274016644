"""C64–C65: in which directions signal and noise of the gradient lie (§6.2, §8.3)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import rankdata

from .estimates import Array, mean
from .images import path, reader, sgd
from .lab import Lab
from .ledger import MEASURED, Finding, claim
from .plots import CLAIMED, GUIDE, OTHER, finish
from .rules import above, below, judge, together


@claim(
    "C64",
    "8.3",
    claim="Flat directions of a minimum are those in which gradients are consistent.",
    test="Digits networks at the end of training, images and start drawn anew: C of one example in each "
    "eigendirection of the Hessian, averaged over 20 states near the end, against the eigenvalue: rank "
    "correlation, and flat half against the sharpest.",
    basis=MEASURED,
    quotation="in directions where gradients are *consistent* (low noise, high signal)",
    since="2026-11-25",
)
def flat_directions(lab: Lab) -> Finding:
    """C_k = ⟨(v_k·μ)²⟩/⟨Var v_k·g⟩ along the eigenvector v_k."""
    minima, rng = lab.size(160, 3), lab.rng("C64")
    steps, hidden = lab.size(3000, 600), lab.size(10, 4)
    ranks, top_over_flat, curves = [], [], []
    for k in range(minima):
        net = reader(300, [hidden], int(rng.integers(2**31))).net
        theta = sgd(net, net.start, 0.2, (8, 32)[k % 2], steps, rng)
        values, vectors = np.linalg.eigh(_hessian(net, theta))
        states = path(net, theta, 0.2, 32, 400, rng, 20)[1:]
        signal, noise = np.zeros((2, net.dim))
        for state in states:
            along = net.example_gradients(state) @ vectors
            signal += along.mean(axis=0) ** 2
            noise += along.var(axis=0)
        # Directions that no example reaches have neither signal nor noise.
        kept = noise > 1e-12 * noise.max()
        size, c = np.abs(values[kept]), signal[kept] / noise[kept]
        ranks.append(float(np.corrcoef(rankdata(size), rankdata(c))[0, 1]))
        order = np.argsort(size)
        flat, sharp = order[: size.size // 2], order[-10:]
        pooled = [float(signal[kept][j].sum() / noise[kept][j].sum()) for j in (sharp, flat)]
        top_over_flat.append(float(np.log(pooled[0] / pooled[1])))
        curves.append((size[order], c[order]))
    rank = mean(ranks, "mean over minima")
    excess = mean(top_over_flat, "mean over minima")
    half_width = (excess.high - excess.low) / 2
    ruling = judge(
        [
            below("rank correlation of |λ| and C", rank, 0.0),
            below("log C of the ten sharpest directions less that of the flat half", excess, 0.0),
        ],
    )

    def draw(ax: Any) -> None:
        for size, c in curves[:4]:
            groups = np.array_split(np.arange(size.size), 25)
            ax.loglog(
                [np.median(size[g]) for g in groups],
                [np.mean(c[g]) for g in groups],
                "o-",
                markersize=3,
                linewidth=0.8,
            )
        finish(ax, "|eigenvalue|", "C of one example along it", "Signal against curvature, four minima")

    return Finding(
        {"rank correlation of |λ| and C": rank, "log C, sharpest ten less flat half": excess},
        ruling,
        "a rank correlation of the other sign",
        f"{minima} minima, {net.dim} eigendirections each, 20 states of each; a weak tendency: C along the "
        f"ten sharpest is {np.exp(excess.value):.2f} times that of the flat half, known to a factor of "
        f"{np.exp(half_width):.2f}",
        draw,
        "Gradients are not more consistent along the flat directions of these minima.",
    )


def _hessian(net: Any, theta: Array) -> Array:
    """∇²L (d, d), symmetrised."""
    full = np.asarray(net.hvp(np.tile(theta, (net.dim, 1)), np.eye(net.dim)))
    return (full + full.T) / 2


@claim(
    "C65",
    "6.2",
    claim="Most of the gradient's variance lies in a few principal directions.",
    test="Spectrum of the covariance of the examples' gradients, tanh and ReLU networks on digits, at the "
    "start, amid and at the end of training: share of the ten largest, and directions for 90%, against "
    "white noise.",
    basis=MEASURED,
    quotation="Most gradient variance is concentrated in a few principal directions",
    since="2026-11-25",
)
def principal_directions(lab: Lab) -> Finding:
    """White noise of n examples in d dimensions spreads evenly over n − 1 directions."""
    seeds, n, rng = lab.size(8, 3), lab.size(500, 200), lab.rng("C65")
    moments = (0, 100, lab.size(3000, 600))
    shares: dict[str, list[float]] = {}
    counts: dict[str, list[int]] = {}
    spectra = {}
    for activation in ("tanh", "relu"):
        for k in range(seeds):
            net = reader(n, [16], lab.seed + k, activation).net
            theta, at = net.start, 0
            for moment, stage in zip(moments, ("start", "amid", "end"), strict=True):
                theta = sgd(net, theta, 0.2, 16, moment - at, rng) if moment > at else theta
                at, name = moment, f"{activation}, {stage}"
                s = _spectrum(net.example_gradients(theta))
                shares.setdefault(name, []).append(float(s[:10].sum()))
                counts.setdefault(name, []).append(int(np.searchsorted(np.cumsum(s), 0.9)) + 1)
                spectra[name] = s
    null = [_spectrum(rng.standard_normal((n, net.dim))) for _ in range(seeds)]
    white = mean([s[:10].sum() for s in null], "mean over draws")
    top = {k: mean(v, "mean over seeds") for k, v in shares.items()}
    ninety = {k: mean(v, "mean over seeds") for k, v in counts.items()}
    ruling = judge(
        [
            together("share of the ten largest > ½", [above(k, e, 0.5) for k, e in top.items()]),
            together(
                "directions for 90% < 5% of d", [below(k, e, 0.05 * net.dim) for k, e in ninety.items()]
            ),
        ],
    )

    def draw(ax: Any) -> None:
        colours = ("#0072B2", *OTHER, "#D55E00")
        for (name, s), colour in zip(spectra.items(), colours, strict=False):
            ax.semilogx(np.arange(1, s.size + 1), np.cumsum(s), label=name, color=colour, linewidth=1)
        ax.semilogx(np.arange(1, n + 1), np.cumsum(null[0]), label="white noise", **GUIDE)
        ax.axhline(0.5, **CLAIMED)
        finish(ax, "directions", "share of the variance", f"A few directions of {net.dim} hold much of it")

    return Finding(
        {f"share of the ten largest, {k}": e for k, e in top.items()}
        | {f"directions for 90%, {k}": e for k, e in ninety.items()}
        | {"share of the ten largest, white noise": white},
        ruling,
        "less than half of the variance in ten directions at some stage, or 90% spread over more than 5% "
        "of d",
        f"{seeds} seeds of 2 networks, 3 moments each, {n} examples, d = {net.dim}",
        draw,
        "Ten directions don't hold half of the variance at every stage.",
    )


def _spectrum(gradients: Array) -> Array:
    """Eigenvalues of the covariance over their sum, from the largest."""
    centred = gradients - gradients.mean(axis=0)
    values = np.linalg.eigvalsh(centred @ centred.T)[::-1]
    return np.maximum(values, 0) / values.sum()
