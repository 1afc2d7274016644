"""C62: what the weights are made of that pruning removes (§9.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .estimates import Array, c_one, mapped, mean
from .images import Reader, reader
from .lab import Lab, shared
from .ledger import MEASURED, Finding, claim
from .plots import GUIDE, finish, rows
from .rules import above, below, judge

_ETA, _BATCH, SPARSITY = 0.2, 16, 0.9


@dataclass(frozen=True)
class Tickets:
    """Prunings of dense networks, one row for each seed.

    Attributes:
        pruned_over_kept: C of the removed weights over C of those kept, in the dense training.
        removed: C of one example on the removed weights.
        errors: test errors after training the rest alone, by arm.
        c_one: C of one example of the ticket and of the random mask after 50 steps, (2, seeds).
    """

    pruned_over_kept: Array
    removed: Array
    errors: dict[str, Array]
    c_one: Array


@shared
def tickets(lab: Lab) -> Tickets:
    """64-32-10 networks on 300 digits; a tenth of the weights stay, rewound to the start."""
    seeds, steps, rng = lab.size(10, 3), lab.size(2000, 150), lab.rng("tickets")
    ratios, removed, early = [], [], np.empty((2, seeds))
    errors: dict[str, list[float]] = {}
    for k in range(seeds):
        read = reader(300, [32], lab.seed + k)
        weights = _weights(read)
        everything = np.ones(read.net.dim)
        signal, noise, theta = np.zeros((3, read.net.dim))
        theta = read.net.start
        for _ in range(10):
            theta = _train(read, theta, everything, steps // 10, rng)
            g = read.net.example_gradients(theta)
            signal += g.mean(axis=0) ** 2
            noise += g.var(axis=0)
        scores = {
            "magnitude": np.abs(theta),
            "C": signal / np.maximum(noise, 1e-300) * (noise > 0),
            "random": rng.random(theta.size),
        }
        masks = {name: _largest(score, weights) for name, score in scores.items()}
        kept = masks["magnitude"] * weights
        gone = weights * (1 - kept)
        c_gone, c_kept = (float(signal @ part / (noise @ part)) for part in (gone, kept))
        ratios.append(np.log(c_gone / c_kept))
        removed.append(c_gone)
        for name, mask in masks.items():
            end = _train(read, read.net.start * mask, mask, steps, rng)
            errors.setdefault(name, []).append(read.test_error(end))
        for j, name in enumerate(("magnitude", "random")):
            mask = masks[name]
            state = _train(read, read.net.start * mask, mask, 50, rng)
            early[j, k] = c_one(read.net.example_gradients(state) * mask)
    return Tickets(np.array(ratios), np.array(removed), {k: np.array(v) for k, v in errors.items()}, early)


def _weights(read: Reader) -> Array:
    """1 where a parameter is a weight and not a bias."""
    parts = []
    for a, b in zip(read.net.widths[:-1], read.net.widths[1:], strict=True):
        parts += [np.ones(a * b), np.zeros(b)]
    return np.concatenate(parts)


def _largest(score: Array, weights: Array) -> Array:
    """The mask of the biases and the tenth of the weights with the largest scores."""
    places = np.flatnonzero(weights)
    mask = 1 - weights
    mask[places[np.argsort(-score[places])[: round((1 - SPARSITY) * places.size)]]] = 1.0
    return mask


def _train(read: Reader, theta: Array, mask: Array, steps: int, rng: np.random.Generator) -> Array:
    """SGD of the weights under the mask; the others stay 0."""
    n = read.net.examples
    for _ in range(steps):
        counts = np.bincount(rng.integers(n, size=_BATCH), minlength=n)
        theta = theta - _ETA * mask * read.net.weighted_gradient(theta, counts / _BATCH)
    return theta


@claim(
    "C62",
    "9.3",
    claim="The weights that pruning removes carry noise alone (C near 0).",
    test="Dense trainings on digits: C of the 90% of weights smallest at the end over C of the rest, over "
    "the training; and test errors of the tenth kept by magnitude, by C of each weight, or at random, "
    "trained anew.",
    basis=MEASURED,
    quotation="Pruning eliminates parameters that are **noise-only contributors**",
    since="2026-11-25",
    shares="phenomena of real networks",
)
def pruned_weights(lab: Lab) -> Finding:
    """C_S = Σ_S μ_i²/Σ_S Var g_i of one example, sums over 10 states of the training."""
    found = tickets(lab)
    ratio = mapped(mean(found.pruned_over_kept, "mean log over seeds"), np.exp)
    gone = mapped(mean(np.log(found.removed), "mean log over seeds"), np.exp)
    error = {name: mean(e, "mean over seeds") for name, e in found.errors.items()}
    by_c = mean(found.errors["C"] - found.errors["magnitude"], "mean over seeds")
    by_chance = mean(found.errors["random"] - found.errors["magnitude"], "mean over seeds")
    ruling = judge(
        [
            below("C of the removed weights over C of the kept", ratio, 0.1),
            below("test error kept by C less that kept by magnitude", by_c, 0.01),
        ],
        corrected=[
            above("C of the removed weights over C of the kept", ratio, 0.1),
            above("test error kept at random less that kept by magnitude", by_chance, 0.0),
        ],
    )

    def draw(ax: Any) -> None:
        rows(ax, {f"kept by {k}" if k != "random" else "kept at random": e for k, e in error.items()})
        ax.axvline(error["magnitude"].value, **GUIDE)
        finish(ax, "test error", "", "Pruning by C loses to pruning by size")

    return Finding(
        {
            "C of the removed weights over C of the kept": ratio,
            "C of one example, removed weights": gone,
            **{f"test error, kept by {k}": e for k, e in error.items()},
            "error by C less by magnitude": by_c,
            "error at random less by magnitude": by_chance,
        },
        ruling,
        "removed weights of less than a tenth of the C of the others, and a pruning by C that does as well",
        f"{found.removed.size} seeds, sparsity {SPARSITY}",
        draw,
        "The weights that magnitude removes have a C of the order of that of the others. They matter little "
        "because they are small, not because their gradients are noise.",
    )
