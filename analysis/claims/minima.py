"""C56: dimension of the path and the accuracy gap, over trainings of many settings (§8.2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdesim import estimators as est

from .estimates import Array, bootstrap, c_one, correlation, mean
from .images import path, reader, sgd
from .lab import Lab, shared
from .ledger import Finding, claim
from .plots import GUIDE, OTHER, finish
from .rules import above, judge

# Columns of `fitted`: the cell of (η, B), log η, log B, the loss then and what it was looked at for.
CELL, ETA, BATCH, LOSS, GAP, CORRELATION, PARTICIPATION, SHARPNESS, C_ONE = range(9)


@shared
def fitted(lab: Lab) -> Array:
    """Networks on 200 digits of which a tenth are mislabelled, trained until the loss is low: (runs, 9).

    Dimensions are those of the next 512 steps, gap, λ_max and C of one example are means over the last states
    of these.
    """
    etas = (0.05, 0.1, 0.2)[lab.size(0, 1) :]
    batches = (4, 8, 16, 64)[lab.size(0, 1) : lab.size(4, 3)]
    seeds, target, rng = lab.size(5, 2), (0.05 if not lab.quick else 0.5), lab.rng("fitted")
    rows = []
    for k in range(seeds):
        # One set of images: what another set does to the gap would hide the rest.
        read = reader(200, [24], lab.seed, label_noise=0.1, weights=lab.seed + k)
        net = read.net
        for i, eta in enumerate(etas):
            for j, batch in enumerate(batches):
                theta, steps = net.start, 0
                while net.loss(theta) > target and steps < 40_000:
                    theta, steps = sgd(net, theta, eta, batch, 100, rng), steps + 100
                after = path(net, theta, eta, batch, 512, rng)
                late = after[::64]
                rows.append(
                    (
                        i * len(batches) + j, np.log(eta), np.log(batch),
                        np.log(np.mean([net.loss(t) for t in late])),
                        np.mean([read.gap(t) for t in late]),
                        est.trajectory_dimension(after[1:]).value,
                        est.trajectory_dimension(after[1:], method="participation").value,
                        np.mean([read.lambda_max(t) for t in late[::4]]),
                        np.exp(np.mean([np.log(c_one(net.example_gradients(t))) for t in late])),
                    )
                )  # fmt: skip
    return np.array(rows)


def _with_gap(
    rows: Array, column: int, given: tuple[int, ...], rng: np.random.Generator, draws: int
) -> est.Estimate:
    """Correlation of a column with the gap, with `given` taken out of both by least squares.

    The interval resamples cells: runs of one cell share what the setting does.
    """
    cells = np.unique(rows[:, CELL])
    by_cell = [rows[rows[:, CELL] == c] for c in cells]

    def statistic(chosen: Array) -> float:
        part = np.concatenate([by_cell[int(c)] for c in chosen])
        return correlation(part[:, column], part[:, GAP], part[:, list(given)])

    return bootstrap(statistic, np.arange(cells.size), rng, draws, "bootstrap over cells")


@claim(
    "C56",
    "8.2",
    claim="The collapse of the path's dimension goes with generalisation.",
    test="Trainings to one loss over learning rates, batch sizes and seeds: correlation of the path's "
    "dimension (correlation sum; participation ratio) with the accuracy gap, plain and given log η, log B "
    "and log loss.",
    shares="phenomena of real networks",
)
def dimension_and_gap(lab: Lab) -> Finding:
    """A smaller dimension at a smaller gap is a positive correlation."""
    rows, rng = fitted(lab), lab.rng("C56")
    given = (ETA, BATCH, LOSS)
    found = {
        f"{name}, {kind}": _with_gap(rows, column, known, rng, lab.size(1000, 100))
        for name, column in (
            ("dimension", CORRELATION),
            ("participation ratio", PARTICIPATION),
            ("λ_max", SHARPNESS),
        )
        for kind, known in (("plain", ()), ("given η, B and loss", given))
    }
    plain = found["dimension, plain"]
    ruling = judge(
        [
            above("correlation of dimension and gap", found["dimension, plain"], 0.0),
            above("the same given η, B and loss", found["dimension, given η, B and loss"], 0.0),
        ],
        corrected=[above("correlation of λ_max and gap", found["λ_max, plain"], 0.0)],
    )

    def draw(ax: Any) -> None:
        batches = np.exp(rows[:, BATCH]).round()
        for batch, colour in zip(np.unique(batches), ("#0072B2", *OTHER), strict=False):
            at = batches == batch
            ax.plot(
                rows[at, CORRELATION], rows[at, GAP], "o", color=colour, markersize=4, label=f"B = {batch:g}"
            )
        ax.axvline(2.0, **GUIDE)
        finish(ax, "dimension of the path (correlation sum)", "accuracy gap", "Trainings to one loss")

    return Finding(
        {f"correlation with the gap: {k}": e for k, e in found.items()}
        | {"mean dimension": mean(rows[:, CORRELATION], "mean over trainings")},
        ruling,
        "a correlation of the other sign, or none",
        f"{len(rows)} trainings in {np.unique(rows[:, CELL]).size} cells of (η, B): a correlation is "
        f"known to ± {(plain.high - plain.low) / 2:.2f}",
        draw,
        "A smaller dimension of the path doesn't go with a smaller gap here, or only with the settings that "
        "set both.",
    )
