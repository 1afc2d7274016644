"""Predicted against measured critical batches over the cells, and the criterion, fixed beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from scipy.stats import spearmanr

from .measure import fit
from .predictors import NAMES

Array = NDArray[np.float64]
# The criterion (README): share of cells within this factor, at least; fewest seeds that make a cell.
FACTOR, SHARE, SEEDS_NEEDED = 2.0, 0.75, 3
DRAWS = 2000
# From the one that costs nothing to the dearest.
ORDER = ("simple", "metric", "sign", "hessian", "metric_hessian", "edge")


@dataclass(frozen=True)
class Numbers:
    """Base-2 logarithms by cell and seed, (cells, seeds): of what was measured, and of each predictor."""

    problems: list[str]
    measured: Array
    predicted: dict[str, Array]


def measured_steps(cell: dict[str, Any], h: int) -> Array:
    """Steps (batches, seeds) to a cell's target h; NaN at a batch where a chosen rate ends its grid."""
    shape = len(cell["batches"]), len(cell["horizons"])
    steps = np.array(cell["steps"], dtype=np.float64).reshape(*shape, len(cell["loss"]))[:, h]
    steps[np.array(cell["edges"]).reshape(shape)[:, h] > 0] = np.nan
    return steps


def numbers(cells: Sequence[dict[str, Any]], horizon: int, knee: bool = False) -> Numbers:
    """Those of the target after so many noiseless steps, by the fit or by the knee."""
    rows = []
    for cell in cells:
        h = list(cell["horizons"]).index(horizon)
        batches = np.array(cell["batches"], dtype=np.float64)
        steps = measured_steps(cell, h)
        found = [fit(batches, steps[:, k], float(horizon)) for k in range(steps.shape[1])]
        rows.append([f.knee if knee else f.critical for f in found])
    predicted = {
        name: np.log2(np.array([[seed[0] for seed in c["scales"][name]] for c in cells], dtype=np.float64))
        for name in NAMES
    }
    return Numbers([c["problem"] for c in cells], np.log2(np.array(rows)), predicted)


def pooled(logs: Array) -> Array:
    """Mean over seeds (…, cells, seeds) → (…, cells) of what is known; NaN for fewer than SEEDS_NEEDED."""
    known = np.isfinite(logs)
    count = known.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count >= SEEDS_NEEDED, np.where(known, logs, 0.0).sum(axis=-1) / count, np.nan)


def interval(logs: Array) -> tuple[float, float, float]:
    """Geometric mean over seeds (seeds,) of base-2 logarithms, with Student's interval at 0.95."""
    known = logs[np.isfinite(logs)]
    if len(known) < SEEDS_NEEDED:
        return (float("nan"),) * 3
    half = float(stdtrit(len(known) - 1, 0.975) * known.std(ddof=1) / len(known) ** 0.5)
    middle = float(known.mean())
    return 2**middle, 2 ** (middle - half), 2 ** (middle + half)


@dataclass(frozen=True)
class Score:
    """How a predictor does: share of cells within FACTOR, geometric mean of predicted/measured, rank
    correlation, root-mean-square log₂ ratio, that of the constant, each with the ends of 95% of bootstrap
    draws; the factor that holds 90% of cells; the share of draws in which it beats the constant; the share
    within FACTOR once one factor, of the other problems, is divided out; and the word."""

    cells: int
    within: tuple[float, float, float]
    bias: tuple[float, float, float]
    rank: tuple[float, float, float]
    error: tuple[float, float, float]
    constant: float
    factor_of_most: float
    beats_constant: float
    within_scaled: float
    word: str


def _without_own(problems: NDArray[np.intp], values: Array) -> Array:
    """Mean over the cells of all other problems, for each cell."""
    made = np.full(len(values), np.nan)
    for p in np.unique(problems):
        others = values[problems != p]
        made[problems == p] = others.mean() if len(others) else np.nan
    return made


def _statistics(problems: NDArray[np.intp], measured: Array, predicted: Array) -> Array:
    """within, bias, rank, error, the constant's error, within once scaled."""
    known = np.isfinite(measured) & np.isfinite(predicted)
    m, q, p = measured[known], predicted[known], problems[known]
    if len(m) < 3 or len(np.unique(p)) < 2:
        return np.full(6, np.nan)
    off = q - m
    scaled = off - _without_own(p, off)
    with np.errstate(invalid="ignore", divide="ignore"):
        rank = spearmanr(m, q).statistic if np.ptp(m) > 0 and np.ptp(q) > 0 else np.nan
    return np.array([
        (np.abs(off) <= np.log2(FACTOR)).mean(), off.mean(), rank, np.sqrt((off**2).mean()),
        np.sqrt(((_without_own(p, m) - m) ** 2).mean()), (np.abs(scaled) <= np.log2(FACTOR)).mean(),
    ])  # fmt: skip


def score(found: Numbers, name: str, draws: int = DRAWS) -> Score:
    """Of one predictor; the bootstrap draws problems, with all their checkpoints, and seeds."""
    index = np.unique(found.problems, return_inverse=True)[1]
    measured, predicted = found.measured, found.predicted[name]
    point = _statistics(index, pooled(measured), pooled(predicted))
    rng, made = np.random.default_rng(5), []
    count, seeds = index.max() + 1, measured.shape[1]
    for _ in range(draws):
        rows = np.concatenate([np.flatnonzero(index == p) for p in rng.integers(count, size=count)])
        at = rng.integers(seeds, size=seeds)
        made.append(_statistics(index[rows], pooled(measured[rows][:, at]), pooled(predicted[rows][:, at])))
    drawn = np.array(made)
    low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
    beats = float(np.nanmean(np.where(np.isnan(drawn[:, 3]), np.nan, drawn[:, 3] < drawn[:, 4])))
    off = np.abs(pooled(predicted) - pooled(measured))
    off = off[np.isfinite(off)]
    tells = low[2] > 0 and beats >= 0.95
    close, scaled = point[0] >= SHARE, point[5] >= SHARE
    word = "survives" if close and tells else "up to a factor" if scaled and low[2] > 0 else "fails"

    def three(k: int, of: Any = float) -> tuple[float, float, float]:
        return of(point[k]), of(low[k]), of(high[k])

    return Score(
        len(off), three(0), three(1, lambda x: float(2**x)), three(2), three(3), float(point[4]),
        float(2 ** np.quantile(off, 0.9, method="inverted_cdf")), beats, float(point[5]), word,
    )  # fmt: skip


def chosen(scores: dict[str, Score]) -> str | None:
    """What the advice should use: the cheapest that survives, else the cheapest that does up to a factor."""
    for word in ("survives", "up to a factor"):
        for name in ORDER:
            if scores[name].word == word:
                return name
    return None
