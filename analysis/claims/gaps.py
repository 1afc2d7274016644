"""C46: whether p tells flat minima, and how far they generalise (§9.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sdesim import estimators as est
from sdesim.surfaces import MLP

from .crowd import Crowd, Descent, batches, crowd, one_hot, tensor
from .estimates import Array, bootstrap, correlation, exact, mean
from .lab import Lab
from .ledger import Finding, claim
from .plots import CLAIMED, OTHER, finish
from .rules import above, below, judge, near

if TYPE_CHECKING:
    from sdesim.data import Dataset

_WIDTHS = (64, 64, 10)


@dataclass(frozen=True)
class Minima:
    """Networks trained to one loss, (cells, seeds): a cell is a batch size with a rate.

    Attributes:
        batch, rate: of the training.
        gap: training accuracy − test accuracy.
        c_end, c_mean: C₁ at the end, and averaged over the training.
        sharpness: λ_max.
        arrived: whether the loss came down to 0.05.
    """

    batch: Array
    rate: Array
    gap: Array
    c_end: Array
    c_mean: Array
    sharpness: Array
    arrived: Array

    def rows(self, of: Array) -> Array:
        """(cells, seeds, 4): a quantity, the gap, log B, log η; not a number where it did not arrive."""
        columns = np.stack([of, self.gap, np.log(self.batch), np.log(self.rate)], axis=-1)
        return np.asarray(np.where(self.arrived[..., None], columns, np.nan))


@claim(
    "C46",
    "9.5",
    claim="Flat minima have p of about 0.75, sharp ones 0.52, and r(p, −gap) = −0.87: p explains 76% of it.",
    test="Digits with 10% wrong labels, trained to a loss of 0.05 at several batch sizes and rates: p at the "
    "run's own B against the gap of the accuracies, and p in the flattest and the sharpest third.",
)
def flat_and_sharp(lab: Lab) -> Finding:
    """B stands in p = BC₁/(1 + BC₁), and hides in it what C₁ tells."""
    runs, rng = _minima(lab), lab.rng("C46 bootstrap")
    p = runs.batch * runs.c_mean / (1 + runs.batch * runs.c_mean)
    p_end = runs.batch * runs.c_end / (1 + runs.batch * runs.c_end)
    draws = lab.size(2000, 100)

    def link(of: Array, statistic: Callable[[Array], float] = _correlation) -> est.Estimate:
        return bootstrap(statistic, runs.rows(of), rng, draws, "bootstrap over cells of (B, η)")

    r, r_end, r_one = link(p), link(p_end), link(np.log(runs.c_mean))
    r_sharp, rest = link(np.log(runs.sharpness)), link(p, _partial)
    order = np.argsort(np.where(runs.arrived, runs.sharpness, np.nan).ravel())[: int(runs.arrived.sum())]
    third = len(order) // 3
    flat, sharp = (mean(p.ravel()[part], "mean over runs") for part in (order[:third], order[-third:]))
    ruling = judge(
        [
            near("p in the flattest third", flat, 0.75, 0.1),
            near("p in the sharpest third", sharp, 0.52, 0.1),
            near("r(p, −gap)", r, -0.87, 0.1),
        ],
        corrected=[
            below("p of the flattest third", flat, 0.5),
            above("r(log C₁, −gap)", r_one, 0.0),
            below("r(log λ_max, −gap)", r_sharp, 0.0),
        ],
    )

    def draw(ax: Any) -> None:
        for k, b in enumerate(np.unique(runs.batch)):
            chosen = (runs.batch == b) & runs.arrived
            colour = ("#0072B2", *OTHER)[k % 5]
            ax.plot(p[chosen], runs.gap[chosen], "o", markersize=4, color=colour, label=f"B = {b:.0f}")
        for value in (0.75, 0.52):
            ax.axvline(value, label="claimed, flat and sharp" if value == 0.52 else None, **CLAIMED)
        ax.set_xlim(0, 0.8)
        finish(ax, "p at the run's own B, mean over training", "gap of the accuracies", "B stands behind p")

    return Finding(
        {
            "r(p, −gap), p averaged over training": r,
            "r(p, −gap), p at the end": r_end,
            "the same without log B and log η, p averaged": rest,
            "r(log C₁, −gap)": r_one,
            "r(log λ_max, −gap)": r_sharp,
            "p in the flattest third": flat,
            "p in the sharpest third": sharp,
            "largest p": exact(float(p[runs.arrived].max()), "maximum"),
        },
        ruling,
        "r(p, −gap) of −0.77 to −0.97 with p near 0.75 in flat and 0.52 in sharp minima",
        f"{int(runs.arrived.sum())} of {runs.gap.size} runs that came to the loss of 0.05: "
        f"{len(runs.gap)} cells of batch size and rate, {runs.gap.shape[1]} seeds",
        draw,
        "p at a run's own B stays below ½ in flat and sharp minima alike and doesn't tell how large the gap "
        "is; C₁ of one example and λ_max do go with it, among networks of one shape. (−0.87)² is 0.76, but "
        "the sign says that a higher p goes with a larger gap, against the text.",
    )


def _arrived(rows: Array) -> Array:
    """The runs that arrived, (n, 4), out of (cells, seeds, 4)."""
    flat = rows.reshape(-1, 4)
    return flat[np.isfinite(flat).all(axis=1)]


def _correlation(rows: Array) -> float:
    """r of a quantity with −gap, over the runs that arrived."""
    kept = _arrived(rows)
    return correlation(kept[:, 0], -kept[:, 1])


def _partial(rows: Array) -> float:
    """The same between what log B and log η leave of both."""
    kept = _arrived(rows)
    return correlation(kept[:, 0], -kept[:, 1], kept[:, 2:])


def _minima(lab: Lab) -> Minima:
    """SGD of 64-64-10 tanh networks from several starts, in cells of batch size and rate."""
    from sdesim.data import digits
    from sdesim.training.loop.one_seed import isolated_torch

    seeds = lab.size(3, 2)
    rates, sizes = np.array([0.1, 0.2, 0.4])[: lab.size(3, 2)], (8, 16, 64, 256)[: lab.size(4, 2)]
    data = digits(600, 1000, seed=lab.seed, label_noise=0.1)
    parts = []
    with isolated_torch():
        for size in sizes:
            parts.append(_cells(lab, data, size, np.repeat(rates, seeds)))
    stacked = [np.stack(q).reshape(-1, seeds) for q in zip(*parts, strict=True)]
    batch = np.repeat(sizes, rates.size)[:, None] + np.zeros((1, seeds))
    rate = np.tile(rates, len(sizes))[:, None] + np.zeros((1, seeds))
    return Minima(batch, rate, *stacked[:4], stacked[4] > 0)


def _cells(lab: Lab, data: Dataset, size: int, rates: Array) -> tuple[Array, ...]:
    """Gap, C₁ at the end and averaged, λ_max, and 1 where the loss was reached, (R,), at one batch size."""
    import torch

    x, y, rng = tensor(data.x_train), one_hot(data.y_train, 10), lab.rng(f"C46 {size}")
    nets, runs = crowd(_WIDTHS, rates.size, rng, "tanh"), rates.size
    rate = tensor(rates)[:, None, None]
    descent, order = Descent(nets, rate), batches(len(x), size, runs, rng)
    target = lab.size(50, 1500) / 1000
    going, seen, total, last = np.ones(runs, dtype=bool), np.zeros(runs), np.zeros(runs), np.zeros(runs)
    for step in range(lab.size(24_000, 400)):
        if step % 50 == 0:
            c = nets.c_one(x, y)
            last, total, seen = np.where(going, c, last), total + going * c, seen + going
            going = going & (nets.losses(x, y) > target)
            if not going.any():
                break
            # Runs that have arrived stand still.
            descent.rate = rate * torch.from_numpy(going)[:, None, None]
        rows = next(order)
        descent.step(x[rows], y[rows])
    gap = nets.accuracies(x, y) - nets.accuracies(tensor(data.x_test), one_hot(data.y_test, 10))
    return gap, last, total / seen, _sharpness(nets, data), np.where(going, 0.0, 1.0)


def _sharpness(nets: Crowd, data: Dataset) -> Array:
    """λ_max of each network (R,)."""
    surface = MLP(_WIDTHS, data.x_train, data.y_train, loss="cross_entropy")
    found = []
    for k in range(len(nets.weights[0])):
        layers = zip(nets.weights, nets.biases, strict=True)
        theta = [part for w, b in layers for part in (w[k].T.numpy().ravel(), b[k, 0].numpy())]
        at = np.concatenate(theta).astype(np.float64)
        found.append(est.lanczos_edges(lambda v, at=at: surface.hvp(at, v), surface.dim)[1])
    return np.array(found)
