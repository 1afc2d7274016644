"""One quantity of two arms: mean curves, distance and its null, test, effect, and the verdict in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from sdesim.comparison import statistics as stats
from sdesim.comparison.align import Aligned, Array
from sdesim.comparison.equivalence import MARGIN, Equivalence, within
from sdesim.estimators.core.power import Power, unknown
from sdesim.estimators.core.support import mean_interval, median_interval
from sdesim.runs.quantities import support_of
from sdesim.support import ANYTHING, Support

Outcome = Literal["indistinguishable", "differs", "undecided"]


@dataclass(frozen=True)
class Curve:
    """Mean over trajectories with its interval at each aligned time, all (T,); `n` trajectories.

    `source` is "trajectories" (interval of their mean, within the support of the quantity) or "estimator" (a
    single trajectory's own interval).
    """

    mean: Array
    low: Array
    high: Array
    n: int
    source: str

    def __repr__(self) -> str:
        return f"<Curve of {len(self.mean)} times, n = {self.n}, interval of {self.source}>"


@dataclass(frozen=True)
class QuantityComparison:
    """One quantity, simulated against real, over aligned times (T,).

    `distance` = mean over times of |mean_sim − mean_real| / s_t with s_t the real seeds' spread.
    `null_distance` is what further real seeds would show on average; `null_high` their upper limit at the
    level for this quantity alone, `null_limit` at the level shared out over all quantities compared.
    `effect` is the ratio of geometric means (kind "ratio") or the difference of means over time
    ("difference"), Welch interval. `standardised` is (mean_sim − mean_real)/s_t. `power` says of what is not
    told apart which difference would have been, in spreads (`comparison.power`); None where it differs.
    `equivalence` says within which margin the arms are equal (`comparison.equivalence`); None without a
    yardstick. `paired`: whether all of it is of the differences of paired trajectories (`comparison.design`).
    """

    name: str
    times: Array
    simulated: Curve
    real: Curve
    standardised: Array
    distance: float
    null_distance: float
    null_high: float
    null_limit: float
    p_value: float
    p_smallest: float
    p_holm: float
    effect: tuple[float, float, float]
    effect_kind: Literal["ratio", "difference"]
    first_seen: float | None
    dropped: int
    basis: Literal["permutation test", "distance against its null", "none"] = "none"
    outcome: Outcome = "undecided"
    verdict: str = ""
    power: Power | None = None
    paired: bool = False
    equivalence: Equivalence | None = None

    @property
    def equal(self) -> bool:
        """Whether it is shown to be equal within the margin, and no difference was found."""
        return self.outcome != "differs" and self.equivalence is not None and self.equivalence.shown

    def __repr__(self) -> str:
        return f"<{self.name}: {self.verdict or self.outcome}>"


def curve(
    values: Array,
    interval: tuple[Array, Array],
    level: float,
    support: Support = ANYTHING,
    infinite: bool = False,
) -> Curve:
    """Mean and interval of values (n, T): over trajectories, within the support, by `mean_interval`; the
    estimator's own when n = 1. Where there is no mean (``infinite``), median and interval of it."""
    n = values.shape[0]
    if n == 1:
        return Curve(values.mean(axis=0), interval[0][0], interval[1][0], 1, "estimator")
    if infinite:
        return Curve(*median_interval(values, level), n, "trajectories, median")
    return Curve(*mean_interval(values, support, level), n, "trajectories")


def measure_difference(
    name: str, pair: Aligned, level: float, count: int, margin: float = MARGIN
) -> QuantityComparison:
    """All numbers of one quantity but Holm's correction and verdict; `count` quantities share the level."""
    sim, real, support, paired = pair.simulated, pair.real, support_of(name), pair.paired
    s = stats.spread(real)
    draws = stats.null_draws(real, sim.shape[0], s, sim - real if paired else None)
    alpha = 1 - level
    high, limit = (
        (float(np.quantile(draws, 1 - alpha)), float(np.quantile(draws, 1 - alpha / count)))
        if draws.size
        else (float("nan"), float("nan"))
    )
    positive = bool((sim > 0).all() and (real > 0).all())
    forward = np.log if positive else np.asarray
    effect = stats.difference_interval(forward(sim).mean(axis=1), forward(real).mean(axis=1), level, paired)
    if positive:
        effect = tuple(float(np.exp(np.clip(e, -700, 700))) for e in effect)  # type: ignore[assignment]
    several = sim.shape[0] + real.shape[0] > 2
    p, smallest = stats.permutation_test(sim, real, paired) if several else (float("nan"), float("nan"))
    first = stats.first_difference(sim, real, level, paired) if several else None
    gap = sim.mean(axis=0) - real.mean(axis=0)
    apart = stats.distance(sim, real, s)
    further = float(draws.mean()) if paired and draws.size else stats.null_distance(real, sim.shape[0], s)
    return QuantityComparison(
        name=name,
        times=pair.times,
        simulated=curve(sim, pair.simulated_interval, level, support),
        real=curve(real, pair.real_interval, level, support),
        standardised=np.divide(gap, s, out=np.full(s.shape, np.nan), where=s > 0),
        distance=apart,
        null_distance=further,
        null_high=high,
        null_limit=limit,
        p_value=p,
        p_smallest=smallest,
        p_holm=float("nan"),
        effect=effect,
        effect_kind="ratio" if positive else "difference",
        first_seen=None if first is None else float(pair.times[first]),
        dropped=pair.dropped,
        paired=paired,
        equivalence=within(sim, real, s, apart, margin, level, paired),
    )


def judge(q: QuantityComparison, p_holm: float, level: float, count: int) -> QuantityComparison:
    """Adds outcome and verdict.

    Where label permutations can reach significance after Holm's correction they decide; with too few seeds
    for that (4+4 seeds: p ≥ 1/35) the distance decides against `null_limit`. Either way at most 1 − level
    of comparisons of equal laws hold any "differs". Below three real seeds there is no verdict.
    """
    alpha = 1 - level
    n = f"n={q.real.n} pairs" if q.paired else f"n={q.simulated.n}+{q.real.n}"
    if not np.isfinite(q.null_distance):
        few = q.real.n < 3
        why = (
            f"too few real seeds to know their spread, {n}, at least 3 needed"
            if few
            else f"the real seeds do not differ from one another, so there is no yardstick, {n}"
        )
        size = f" (distance {q.distance:.3g})" if np.isfinite(q.distance) else ""
        need = (
            "3 real seeds are needed first" if few else "real seeds that differ are needed, not more of them"
        )
        verdict = f"undecided: {why}; simulated is {describe(q)}{size}"
        return replace(q, p_holm=p_holm, verdict=verdict, power=unknown(need, "seeds"))

    reachable = q.p_smallest * count <= alpha
    far = p_holm <= alpha if reachable else q.distance > q.null_limit
    near = q.distance <= q.null_high and not (reachable and q.p_value <= alpha)
    null = f"distance {q.distance:.2g}, null {q.null_distance:.2g} up to {q.null_high:.2g}, {n}"
    test = (
        f"p={p_holm:.2g} after Holm"
        if reachable
        else f"permutations can't go below p={q.p_smallest:.2g} for {count} quantities, judged by distance"
    )
    outcome: Outcome
    if far:
        seen = "" if q.first_seen is None else f", first seen at t={q.first_seen:.3g}"
        near_enough = q.equivalence is not None and q.equivalence.shown
        yet = f", yet {q.equivalence.text}" if q.equivalence is not None and near_enough else ""
        outcome, text = "differs", f"differs: simulated is {describe(q)}{seen}{yet} ({null}; {test})"
    elif near:
        outcome, text = "indistinguishable", f"indistinguishable at this sample size ({null})"
    else:
        outcome = "undecided"
        where = f"beyond one quantity's null, within that of {count}"
        text = f"undecided: simulated is {describe(q)}, {where} ({null})"
    if outcome != "differs" and q.equivalence is not None:
        text = f"{q.equivalence.text}; {text}" if q.equivalence.shown else f"{text}; {q.equivalence.text}"
    basis: Any = "permutation test" if reachable else "distance against its null"
    return replace(q, p_holm=p_holm, basis=basis, outcome=outcome, verdict=text)


def with_power(q: QuantityComparison, power: Power | None) -> QuantityComparison:
    """Adds to what is not told apart the difference that would have been, and the seeds to settle it."""
    if q.outcome == "differs" or power is None or q.power is not None:
        return q
    return replace(q, power=power, verdict=f"{q.verdict}; {power.text}")


def describe(q: QuantityComparison) -> str:
    """The effect in words, e.g. "2.3 [1.8, 2.9] times higher"; says so where its sign is not settled."""
    value, low, high = q.effect
    neutral = 1.0 if q.effect_kind == "ratio" else 0.0
    if not np.isfinite(low) or low <= neutral <= high:
        bounds = f" [{low:.3g}, {high:.3g}]" if np.isfinite(low) else ""
        if q.effect_kind == "ratio":
            return f"{value:.3g}{bounds} times the real value on average over time"
        return f"{value:+.3g}{bounds} from the real value on average over time"
    if q.effect_kind == "difference":
        word = "higher" if value > 0 else "lower"
        low, high = (low, high) if value > 0 else (-high, -low)
        return f"{word} by {abs(value):.3g} [{low:.3g}, {high:.3g}]"
    if value >= 1:
        return f"{value:.3g} [{low:.3g}, {high:.3g}] times higher"
    return f"{1 / value:.3g} [{1 / high:.3g}, {1 / low:.3g}] times lower"
