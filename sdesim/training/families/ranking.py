"""Families of noises in the order in which they foretell held-out paths, and how sure the order is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.io.html import html_table
from sdesim.training.families.correlation import epoch_gain
from sdesim.training.families.marginal import marginal_scores
from sdesim.training.families.samples import gradients_of

Array = NDArray[np.float64]
WITH, WITHOUT, UNKNOWN = "with replacement", "without replacement", "not told"
_RESAMPLES = 2000
_FEW_SEEDS = 5


@dataclass(frozen=True)
class Family:
    """One family of noises and how well it foretold what it was not fitted to.

    Attributes:
        covariance: "none", "isotropic", "diagonal" or "full" (minibatch).
        tail: "gaussian", "stable" or "truncated"; "" of none.
        correlation: "with replacement", "without replacement", or "not told" where the run can't say.
        score: log density of held-out gradients, nats per gradient and axis; −∞ for "none", under which
            gradients that vary can't be.
        behind: nats per gradient and axis that it lies behind the best one, with interval.
        first: share of the resamples in which it came first.
        tied: whether the interval of `behind` reaches 0.
        alpha: tail index fitted; 2 for Gaussian.
    """

    covariance: str
    tail: str
    correlation: str
    score: float
    behind: tuple[float, float, float]
    first: float
    tied: bool
    alpha: float

    @property
    def name(self) -> str:
        """Its parts in a row."""
        told = [part for part in (self.covariance, self.tail, self.correlation) if part not in ("", UNKNOWN)]
        return ", ".join(told)

    def __repr__(self) -> str:
        behind, low, high = self.behind
        return f"<{self.name}: {behind:.3g} [{low:.3g}, {high:.3g}] nats behind, first in {self.first:.0%}>"


@dataclass(frozen=True)
class FamilyRanking:
    """Families of noises, the closest first.

    Attributes:
        order: the families.
        level: of the intervals, each for itself.
        n: held-out gradients. places: groups of them that were fitted apart.
        source: "steps" or "draws", where the gradients come from.
        flags: `few_seeds` below 5 seeds: a bootstrap over so few is too narrow. `epochs_hidden` where the
            closest draws with replacement, though the run says that it shuffled.
        notes: what could not be told, and why.
    """

    order: tuple[Family, ...]
    level: float
    n: int
    places: int
    source: str
    flags: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def best(self) -> Family:
        """The closest."""
        return self.order[0]

    @property
    def verdict(self) -> str:
        """One line: the closest, and which can't be told from it."""
        tied = [f.name for f in self.order[1:] if f.tied]
        told = f"{self.best.name} is closest, first in {self.best.first:.0%} of resamples"
        if tied:
            return f"{told}; not told from it: {'; '.join(tied)}"
        return f"{told}; next is {self.order[1].name}, {self.order[1].behind[0]:.3g} nats behind"

    def __repr__(self) -> str:
        lines = [f"  {place}. {family!r}" for place, family in enumerate(self.order, 1)]
        return "\n".join([f"<Families of noise by {self.n:,} held-out gradients>", *lines])

    def _repr_html_(self) -> str:
        rows = [
            (f.name, f"{f.score:.4g}", "{:.3g} [{:.3g}, {:.3g}]".format(*f.behind), f"{f.first:.0%}")
            for f in self.order
        ]
        head = ("family", "nats per gradient and axis", "behind", "first")
        return html_table(head, rows, "Closest first", " ".join(self.notes))

    def to_table(self) -> Any:
        """A pandas DataFrame, the closest first: the fields of `Family`."""
        import pandas as pd

        rows = [
            {
                "covariance": f.covariance, "tail": f.tail, "correlation": f.correlation, "score": f.score,
                "behind": f.behind[0], "behind_low": f.behind[1], "behind_high": f.behind[2],
                "first": f.first, "tied": f.tied, "alpha": f.alpha,
            }
            for f in self.order
        ]  # fmt: skip
        return pd.DataFrame(rows)


def rank_families(run: xr.Dataset, level: float = 0.95) -> FamilyRanking:
    """Order covariance × tail × correlation in time by the log density of held-out parts of a recorded run.

    Covariance and tail are judged by gradients at nearly one place, a quarter of them foretold by the law
    fitted to the rest (`marginal_scores`); correlation in time by the saved path, each point foretold from
    those before it (`epoch_gain`). A family's score is the sum of both. Intervals are of the bootstrap
    (2,000): seeds, and within each its places and blocks, drawn with replacement.

    Args:
        run: with gradient probes, or with θ saved at every step of SGD; see `gradients_of`.
        level: of the intervals.

    Raises:
        RunError: too few gradients.
    """
    samples = gradients_of(run)
    scores, alphas = marginal_scores(samples)
    gain = epoch_gain(run)
    notes = ["Diagonal covariances show in θ saved at every step alone."] * (samples.axes == "directions")
    rng = np.random.default_rng(0)
    names = [(c, t, k) for c, t in scores for k in ((UNKNOWN,) if isinstance(gain, str) else (WITH, WITHOUT))]
    seeds = len(np.unique(samples.trajectory))
    drawn = _resampled([scores[key] for key in scores], samples.trajectory, rng)
    # The first row is of everything once.
    total = np.repeat(drawn, 1 if isinstance(gain, str) else 2, axis=0)
    if isinstance(gain, str):
        notes.append(f"Correlation in time is not told: {gain}.")
    else:
        owner = np.repeat(np.arange(len(gain)), gain.shape[1])
        total[1::2] += _resampled([gain.ravel()], owner, rng)[0]
        seeds = min(seeds, len(gain))
    first = np.bincount(total[:, 1:].argmax(axis=0), minlength=len(names)) / _RESAMPLES
    best = int(total[:, 0].argmax())
    rows = []
    for k, (covariance, tail, correlation) in enumerate(names):
        gap = total[best] - total[k]
        low, high = np.quantile(gap[1:], [(1 - level) / 2, (1 + level) / 2]) if k != best else (0.0, 0.0)
        rows.append(
            Family(
                covariance, tail, correlation, float(total[k, 0]), (float(gap[0]), float(low), float(high)),
                float(first[k]), bool(low <= 0.0), alphas[covariance, tail],
            )
        )  # fmt: skip
    rows.sort(key=lambda f: -f.score)
    # Where the gradients vary, nothing that happened can happen without noise.
    none = Family("none", "", UNKNOWN, -math.inf, (math.inf, math.inf, math.inf), 0.0, False, math.nan)
    flags: tuple[str, ...] = ("few_seeds",) if seeds < _FEW_SEEDS else ()
    if rows[0].correlation == WITH and run.attrs.get("sampling") == "epoch":
        flags += ("epochs_hidden",)
        notes.append("The run drew shuffled epochs: a path that turns within one hides them.")
    count = int(np.prod(samples.values.shape[:2]))
    return FamilyRanking(
        (*rows, none), level, count, len(samples.values), samples.source, flags, tuple(notes)
    )


def _resampled(columns: list[Array], owner: NDArray[np.int64], rng: np.random.Generator) -> Array:
    """Means over all places (columns, 1 + resamples): as they are, then of seeds and of places within
    each."""
    values = np.stack(columns)
    groups = [values[:, owner == k] for k in np.unique(owner)]
    # A seed of m places drawn anew has the weights of a multinomial law.
    seeds = rng.multinomial(len(groups), np.full(len(groups), 1 / len(groups)), size=_RESAMPLES)
    total, weight = np.zeros((len(values), _RESAMPLES)), np.zeros(_RESAMPLES)
    for k, group in enumerate(groups):
        m = group.shape[1]
        inner = rng.multinomial(m, np.full(m, 1 / m), size=_RESAMPLES)
        total += (group @ inner.T) * seeds[:, k]
        weight += m * seeds[:, k]
    return np.concatenate([values.mean(axis=1)[:, None], total / weight], axis=1)
