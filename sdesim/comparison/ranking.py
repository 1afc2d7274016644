"""Which of several simulations imitates a real run best, over many quantities at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.comparison import statistics as stats
from sdesim.comparison.align import Aligned, align, series
from sdesim.errors import RunError
from sdesim.estimators.core.power import Power, interval_power
from sdesim.io.html import html_table
from sdesim.io.text import for_terminal
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import level_of
from sdesim.runs.quantities import names, smooths
from sdesim.runs.schema import check_run

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ranked:
    """One simulation in the order.

    Attributes:
        name: of the arm.
        score: exp(mean over quantities of log(1 + distance/null)) − 1: 1 is what further real seeds show.
        low, high: interval of the score, by the jackknife over seeds of both arms (Student t).
        behind: 1 + score over that of the best arm, with interval; (1, 1, 1) for the best itself.
        tied: whether the interval of `behind` reaches 1.
        power: of what is tied, how far behind it had to be to be told from the best, as the logarithm of
            `behind`, and the seeds at which what was measured would be; None of others.
    """

    name: str
    score: float
    low: float
    high: float
    behind: tuple[float, float, float] = (1.0, 1.0, 1.0)
    tied: bool = True
    power: Power | None = None

    def __repr__(self) -> str:
        tied = ", not told from the best" if self.tied and self.behind[0] != 1.0 else ""
        name, score = for_terminal(self.name), f"{self.score:.3g} [{self.low:.3g}, {self.high:.3g}]"
        return f"<{name}: {score} of the null{tied}>"


@dataclass(frozen=True)
class Ranking:
    """Simulations from the best to the worst, the quantities they were held against, and those left out."""

    order: tuple[Ranked, ...]
    quantities: tuple[str, ...]
    level: float
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        lines = [f"  {place}. {arm!r}" for place, arm in enumerate(self.order, 1)]
        return "\n".join([f"<Ranking over {len(self.quantities)} quantities>", *lines])

    def _repr_html_(self) -> str:
        rows = [
            (r.name, f"{r.score:.3g} [{r.low:.3g}, {r.high:.3g}]", "yes" if r.tied and k else "")
            for k, r in enumerate(self.order)
        ]
        head = ("simulation", "distance over what further real seeds show", "not told from the best")
        over = f"Over {', '.join(self.quantities)}."
        return html_table(head, rows, "Closest first", " ".join([over, *self.notes]))

    def to_table(self) -> Any:
        """A pandas DataFrame, the best simulation first: score, low, high, behind with its interval, tied."""
        import pandas as pd

        rows = [
            {
                "name": r.name, "score": r.score, "low": r.low, "high": r.high, "behind": r.behind[0],
                "behind_low": r.behind[1], "behind_high": r.behind[2], "tied": r.tied,
            }
            for r in self.order
        ]  # fmt: skip
        return pd.DataFrame(rows)

    @property
    def verdict(self) -> str:
        """One line: the best, and which arms can't be told from it."""
        best, *others = self.order
        tied = [_tied(r) for r in others if r.tied]
        name = for_terminal(best.name)
        told = f"{name} is closest: {best.score:.3g} [{best.low:.3g}, {best.high:.3g}] of the null"
        if tied:
            return f"{told}; not told from it: {', '.join(tied)}"
        return told + (f"; next is {for_terminal(others[0].name)}: {others[0].score:.3g}" if others else "")


@refusing(RunError)
def rank(
    arms: Mapping[str, Any], real: Any, quantities: Sequence[str] | None = None, level: float = 0.95, *,
    measured: Mapping[str, Any] | None = None, measured_real: Any = None,
) -> Ranking:  # fmt: skip
    """Order simulations of one real run by their distance from it.

    For every quantity the distance of `compare` (mean over time of the gap between means in units of the real
    seeds' spread) is divided by what further real seeds would show. The score is a mean of these ratios x
    over the quantities, exp(mean log(1 + x)) − 1: like the geometric mean, but a distance that happens to be
    near 0 does not pull it down. Intervals are jackknife ones of log(1 + score); differences between arms
    share the real seeds.

    Args:
        arms: name → simulated Run. real: the real Run, at least three seeds.
        quantities: names; default what the table of quantities marks as ranked, as far as every run holds it.
        level: of the intervals, each for itself.
        measured: their measurements by name, and measured_real, so that they need not be made again.

    Raises:
        RunError: no arms, level outside (0, 1), fewer than three seeds in an arm, no quantity common to all,
            or a quantity named that an arm does not hold.
    """
    if not arms:
        raise RunError("rank needs at least one simulated run")
    for name, run in {**arms, "real": real}.items():
        check_run(run, name)
    level = level_of(level, error=RunError)
    chosen = quantities or names(lambda row: row.ranked)
    smooth = smooths(chosen)
    measures = {name: _measured(run, (measured or {}).get(name), smooth) for name, run in arms.items()}
    pairs = _pairs(arms, real, chosen, measures, _measured(real, measured_real, smooth))
    shared = [q for q in chosen if all(q in pairs[name] for name in arms)]
    if quantities is not None and len(shared) < len(quantities):
        lacking = next(q for q in quantities if q not in shared)
        arm = next(name for name in arms if lacking not in pairs[name])
        raise RunError(f"{arm} and the real run have no {lacking!r} over a common time")
    if not shared:
        raise RunError("the runs have no quantity in common over a common time")
    scores = {name: _Score.of([pairs[name][q] for q in shared], name) for name in arms}
    rows = sorted((_row(name, s, level) for name, s in scores.items()), key=lambda r: r.score)
    best = rows[0].name
    order = tuple(r if r.name == best else _behind(r, scores[r.name], scores[best], level) for r in rows)
    left = [q for q in chosen if q not in shared] if quantities is None else []
    notes = (f"Not held by all runs: {', '.join(left)}.",) if left else ()
    return Ranking(order, tuple(shared), level, notes)


@dataclass(frozen=True)
class _Score:
    """log(1 + score), and without each seed of the simulation (n_s,) and of the real run (n_r,)."""

    value: float
    without: Array
    without_real: Array

    @classmethod
    def of(cls, pairs: Sequence[Aligned], name: str) -> _Score:
        fewest = min(min(len(p.simulated), len(p.real)) for p in pairs)
        if fewest < 3:
            raise RunError(f"rank needs at least 3 seeds in each arm, {name} or the real run has {fewest}")
        counts = min(len(p.simulated) for p in pairs), min(len(p.real) for p in pairs)
        return cls(
            _log_score(pairs, None, None),
            np.array([_log_score(pairs, k, None) for k in range(counts[0])]),
            np.array([_log_score(pairs, None, k) for k in range(counts[1])]),
        )


def _log_score(pairs: Sequence[Aligned], leave: int | None, leave_real: int | None) -> float:
    total = 0.0
    for pair in pairs:
        sim = pair.simulated if leave is None else np.delete(pair.simulated, leave, axis=0)
        real = pair.real if leave_real is None else np.delete(pair.real, leave_real, axis=0)
        # The yardstick stays that of all seeds: its own sampling error is the same for every arm.
        s = stats.spread(pair.real)
        gap = stats.distance(sim, real, s) / stats.null_distance(pair.real, len(pair.simulated), s)
        total += math.log1p(gap)
    return total / len(pairs)


def _jackknife(without: Array) -> float:
    """Squared standard error from leave-one-out values."""
    n = len(without)
    return float((n - 1) / n * ((without - without.mean()) ** 2).sum())


def _row(name: str, score: _Score, level: float) -> Ranked:
    error = math.sqrt(_jackknife(score.without) + _jackknife(score.without_real))
    half = stats.t_quantile(level, min(len(score.without), len(score.without_real)) - 1) * error
    value = score.value
    return Ranked(name, math.expm1(value), max(0.0, math.expm1(value - half)), math.expm1(value + half))


def _behind(row: Ranked, score: _Score, best: _Score, level: float) -> Ranked:
    shared = min(len(score.without_real), len(best.without_real))
    real = _jackknife(score.without_real[:shared] - best.without_real[:shared])
    error = math.sqrt(_jackknife(score.without) + _jackknife(best.without) + real)
    n = min(len(score.without), len(best.without), shared)
    half = stats.t_quantile(level, n - 1) * error
    gap = score.value - best.value
    tied = gap - half <= 0
    power = interval_power(gap, gap - half, gap + half, 0.0, n, level, samples="seeds") if tied else None
    behind = (math.exp(gap), math.exp(gap - half), math.exp(gap + half))
    return replace(row, behind=behind, tied=tied, power=power)


def _tied(r: Ranked) -> str:
    """Name of what is tied, and what it would have taken to tell it from the best."""
    p = r.power
    if p is None or not math.isfinite(p.difference):
        return for_terminal(r.name)
    needed = f"{p.limit:,} seeds don't settle" if p.needed is None else f"{p.needed:,} seeds would tell"
    told = f"{math.exp(p.difference):.3g} times as far is told with probability {p.probability:g}"
    return f"{for_terminal(r.name)} ({told}; {needed} the {r.behind[0]:.3g} measured)"


def _measured(run: Any, given: Any, smooth: bool) -> Any | None:
    if given is not None or "probe" not in run.dims:
        return given
    from sdesim.runs import measure

    return measure(run, smooth=smooth)


def _pairs(
    arms: Mapping[str, Any], real: Any, wanted: Sequence[str], measures: Mapping[str, Any], measured_real: Any
) -> dict[str, dict[str, Aligned]]:
    found: dict[str, dict[str, Aligned]] = {name: {} for name in arms}
    for q in dict.fromkeys(wanted):
        b = series(real, measured_real, q)
        for name, run in arms.items():
            a = series(run, measures[name], q)
            pair = None if a is None or b is None else align(a, b)
            if pair is not None and (stats.spread(pair.real) > 0).any():
                found[name][q] = pair
    return found
