"""Estimates out of what a study has measured: exact numbers, means, shares, slopes, bootstrap statistics."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from sdesim.estimators import Estimate
from sdesim.estimators.core.power import PROBABILITY, interval_power
from sdesim.estimators.core.support import mean_estimate
from sdesim.support import ANYTHING, Support

Array = NDArray[np.float64]
# 69 verdicts are drawn from one ledger, so single intervals are wider than usual.
LEVEL = 0.99


def c_one(gradients: ArrayLike) -> float:
    """C of one example drawn from those given, (n, d): |μ|² over the trace of the population covariance."""
    g = np.asarray(gradients, dtype=np.float64)
    mu = g.mean(axis=0)
    return float(mu @ mu / g.var(axis=0).sum())


def correlation(
    x: ArrayLike, y: ArrayLike, rng: np.random.Generator, given: Sequence[ArrayLike] = (), *,
    within: bool = True, draws: int = 2000, level: float = LEVEL,
) -> Estimate:  # fmt: skip
    """Pearson's r of what trainings came to, x and y (splits, cells), each split with data of its own.

    A training that came to nothing is NaN. With Fisher's z = artanh r and its standard deviation s over
    bootstrap draws, in each of which splits and cells are drawn anew, independently of each other, the ends
    are tanh(z ± t s), t the quantile of Student's law with min(splits, cells) − 1 degrees of freedom. So the
    interval holds both how splits differ and that cells of one setting say nothing new of settings.

    Args:
        given: others (splits, cells) of which a linear fit is taken out of x and y.
        within: whether r is that between trainings of one split, their mean taken out of all; else that
            between any two, with what a split does to all of its trainings.

    Returns:
        r with its interval, n the smaller of the numbers of splits and cells; flag `few_splits` below 10
        splits. NaN where nothing varies.

    Source: two-way (pigeonhole) bootstrap, A. Owen, Ann. Appl. Stat. 1 (2007), which errs on the wide side.
    """
    table = np.stack([np.asarray(q, dtype=np.float64) for q in (x, y, *given)], axis=-1)
    known = np.isfinite(table).all(axis=-1)
    table = np.where(known[..., None], table, np.nan)
    spread = np.nanstd(table, axis=(0, 1))
    # Of numbers near 1, so that sums of squares lose no digits.
    unit = np.where(
        known[..., None], (table - np.nanmean(table, axis=(0, 1))) / np.where(spread > 0, spread, 1), 0
    )
    splits, cells = known.shape
    value = float(_correlations(unit, known, np.ones((1, splits)), np.ones((1, cells)), within)[0])
    of_splits, of_cells = (
        rng.multinomial(k, np.full(k, 1 / k), draws).astype(float) for k in (splits, cells)
    )
    found = _correlations(unit, known, of_splits, of_cells, within)
    found = np.arctanh(found[np.abs(found) < 1])
    half = float(stdtrit(min(splits, cells) - 1, 0.5 + level / 2)) * (
        found.std() if found.size > 1 else math.nan
    )
    low, high = (
        math.tanh(math.atanh(value) + side * half) if abs(value) < 1 else math.nan for side in (-1, 1)
    )
    flags = ("few_splits",) if splits < 10 else ()
    method = f"two-way bootstrap over {splits} splits and {cells} cells"
    return Estimate(value, low, high, level, method, min(splits, cells), flags)


def single(x: ArrayLike, y: ArrayLike) -> Array:
    """Pearson's r in each split alone (splits,): what a study of one split would have reported; NaN of fewer
    than three trainings, or where nothing varies."""
    found = []
    for pair in np.stack([x, y], axis=1):
        kept = pair[:, np.isfinite(pair).all(axis=0)]
        varies = kept.shape[1] > 2 and bool((np.ptp(kept, axis=1) > 0).all())
        found.append(np.corrcoef(kept)[0, 1] if varies else math.nan)
    return np.array(found)


def relation(name: str, of: str, r: Estimate) -> str:
    """What the interval of a correlation says in words."""
    shown = f"(r = {r.value:.2f}, {r.low:.2f} to {r.high:.2f})"
    if not r.low * r.high > 0:
        return f"whether {name} goes with {of} stays open {shown}"
    return f"{name} {'rises' if r.value > 0 else 'falls'} with {of} {shown}"


def _correlations(table: Array, known: NDArray[np.bool_], splits: Array, cells: Array, within: bool) -> Array:
    """r of the first two columns of table (splits, cells, q), 0 where not known, what the others tell of them
    taken out: (draws,), for so many copies of each split (draws, splits) and cell (draws, cells)."""
    count = cells @ known.T
    sums = np.einsum("dk,skq->dsq", cells, table)
    squares = np.einsum("dk,skqp->dsqp", cells, table[..., :, None] * table[..., None, :])
    if not within:
        count, sums, squares = (
            np.einsum("ds,ds...->d...", splits, q)[:, None] for q in (count, sums, squares)
        )
        splits = np.ones((len(splits), 1))
    middle = sums / np.maximum(count, 1)[..., None]
    moments = np.einsum("ds,dsqp->dqp", splits, squares - middle[..., :, None] * sums[..., None, :])
    cross = moments[:, :2, 2:]
    left = moments[:, :2, :2] - cross @ np.linalg.pinv(moments[:, 2:, 2:], hermitian=True) @ cross.swapaxes(
        1, 2
    )
    scale = np.sqrt(np.maximum(left[:, 0, 0] * left[:, 1, 1], 0))
    # What rounding leaves of a column that the others explain is nothing.
    least = 1e-9 * np.sqrt(np.maximum(moments[:, 0, 0] * moments[:, 1, 1], 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(scale > least, left[:, 0, 1] / scale, np.nan))


def thirds(of: ArrayLike, by: ArrayLike) -> tuple[Array, Array]:
    """Means of a quantity over the third of each split that has the least, and the most, of another.

    Both quantities are (splits, cells), NaN where a training came to nothing; both means are (splits,).

    Raises:
        ValueError: a split in which no training came to anything.
    """
    found = []
    for values, order in zip(np.asarray(of), np.argsort(by, axis=1), strict=True):
        # NaN comes last.
        order = order[: int(np.isfinite(values).sum())]
        if not order.size:
            raise ValueError("a split without any training has no thirds")
        third = max(order.size // 3, 1)
        found.append((values[order[:third]].mean(), values[order[-third:]].mean()))
    least, most = np.array(found).T
    return least, most


def exact(value: float, method: str = "closed form") -> Estimate:
    """A number without chance in it."""
    return Estimate(float(value), float(value), float(value), LEVEL, method, 1)


def mapped(e: Estimate, f: Callable[[float], float], method: str = "") -> Estimate:
    """f of the value and of its interval, f monotone."""
    low, high = sorted((float(f(e.low)), float(f(e.high))))
    return Estimate(float(f(e.value)), low, high, e.level, method or e.method, e.n, e.flags)


def mean(draws: ArrayLike, method: str = "mean over draws", support: Support = ANYTHING) -> Estimate:
    """Mean of independent draws (n,), with Student's interval on the scale of what they can be."""
    return mean_estimate(draws, support, LEVEL, method)


def share(hits: ArrayLike, method: str = "share of draws") -> Estimate:
    """Share of True in independent draws (n,), with Wilson's interval."""
    x = np.asarray(hits, dtype=bool)
    n, k, z = x.size, float(x.mean()), float(ndtri(0.5 + LEVEL / 2))
    centre = (k + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(k * (1 - k) / n + z**2 / (4 * n**2))
    # Of none or of all of them the interval ends there, which rounding may miss.
    low, high = (
        k if k in (0.0, 1.0) and abs(end - k) < 1e-12 else end for end in (centre - half, centre + half)
    )
    return Estimate(k, low, high, LEVEL, method, n)


def ratio_of_means(top: ArrayLike, bottom: ArrayLike, method: str = "ratio of means") -> Estimate:
    """mean(top)/mean(bottom) of paired independent draws (n,), with the delta method's interval."""
    a, b = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    value = float(a.mean() / b.mean())
    spread = float((a - value * b).std(ddof=1)) / math.sqrt(a.size) / abs(float(b.mean()))
    half = float(stdtrit(a.size - 1, 0.5 + LEVEL / 2)) * spread
    return Estimate(value, value - half, value + half, LEVEL, method, a.size)


def ratio(top: Estimate, bottom: Estimate, method: str = "ratio") -> Estimate:
    """top/bottom of independent positive estimates, the widths of their logarithms added in squares."""
    half = math.hypot(*(math.log(e.high / e.low) / 2 for e in (top, bottom)))
    value, n = top.value / bottom.value, min(top.n, bottom.n)
    return Estimate(value, value * math.exp(-half), value * math.exp(half), top.level, method, n)


def seen(e: Estimate, bound: float, samples: str = "samples") -> str:
    """The power of a test in words: how far from a bound the value had to lie to be told from it."""
    power = interval_power(e.value, e.low, e.high, bound, e.n, e.level, samples=samples)
    text = power.why or f"{power.difference:.2g} would have been seen"
    return f"beside {bound:.4g} {text} with probability {PROBABILITY:g}"


def slope(x: ArrayLike, y: ArrayLike, method: str = "least-squares slope") -> Estimate:
    """Slope of y over x: of one line y (n,), or of independent lines y (r, n), mean over the lines.

    A single line has the interval of least squares with independent errors of equal variance.
    """
    t, values = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    centred = t - t.mean()
    slopes = values @ centred / (centred @ centred)
    if values.ndim == 2:
        return mean(slopes, f"{method}, mean over lines")
    rest = values - values.mean() - slopes * centred
    spread = math.sqrt(float(rest @ rest) / (t.size - 2) / float(centred @ centred))
    half = float(stdtrit(t.size - 2, 0.5 + LEVEL / 2)) * spread
    return Estimate(float(slopes), float(slopes) - half, float(slopes) + half, LEVEL, method, t.size)


def bootstrap(
    statistic: Callable[[Array], float], rows: ArrayLike, rng: np.random.Generator, draws: int = 1000,
    method: str = "bootstrap over rows", level: float = LEVEL,
) -> Estimate:  # fmt: skip
    """statistic(rows) with the percentile interval over resampled rows (n, …); NaN among them is left out."""
    x = np.asarray(rows, dtype=np.float64)
    found = [statistic(x[rng.integers(0, len(x), len(x))]) for _ in range(draws)]
    low, high = np.nanquantile(found, [0.5 - level / 2, 0.5 + level / 2])
    return Estimate(float(statistic(x)), float(low), float(high), level, method, len(x))
