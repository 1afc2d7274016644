"""Whether an optimizer's SDE is a fair model of it, from runs with amplified noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.comparison.equivalence import check_margin
from sdesim.comparison.statistics import t_quantile
from sdesim.errors import RunError
from sdesim.estimate import Estimate
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import level_of
from sdesim.kinds.spelling import short
from sdesim.runs.schema import check_run

Array = NDArray[np.float64]
QUANTITIES = ("loss", "test_loss", "train_accuracy", "test_accuracy", "weight_norm")
# The mean over this share of the saved points, at the end, is what is compared.
_END = 0.1


@dataclass(frozen=True)
class SdeLimit:
    """How far an optimizer lies from its SDE, in spreads of its own seeds.

    Attributes:
        gaps: by quantity b/s of the means a + b/l over the factors l: the optimizer (l = 1) less its SDE (l →
            ∞). Intervals hold together at `level`.
        margin: δ, within which the SDE counts as fair.
        level: of all intervals together.
    """

    gaps: Mapping[str, Estimate]
    margin: float
    level: float

    @property
    def verdict(self) -> str:
        """ "fair within δ", "not fair" where a gap is larger than δ for certain, else "undecided"."""
        least = [max(g.low, -g.high, 0.0) for g in self.gaps.values()]
        most = [max(-g.low, g.high) for g in self.gaps.values()]
        if any(value > self.margin for value in least):
            return "not fair"
        return f"fair within {self.margin:g}" if all(m <= self.margin for m in most) else "undecided"

    @property
    def summary(self) -> str:
        """The verdict and the largest gap, in one sentence."""
        name, gap = max(self.gaps.items(), key=lambda item: abs(item[1].value))
        return (
            f"the SDE limit is {self.verdict}: the largest gap is that of {name}, {gap.value:.2f} "
            f"[{gap.low:.2f}, {gap.high:.2f}] spreads of seeds"
        )


@refusing(RunError)
def sde_limit(
    runs: Mapping[int, Any], quantities: Sequence[str] | None = None, *, margin: float = 1.0,
    level: float = 0.95,
) -> SdeLimit:  # fmt: skip
    """Judge the SDE limit of an optimizer by its family of amplified runs.

    With the noise amplified by l, means of smooth quantities are a + b/l up to higher orders: b is what the
    optimizer has beside its SDE. It is fitted by least squares, its interval by Welch and Satterthwaite, in
    units of the standard deviation s between the seeds of l = 1 (s counts as known), at Bonferroni's level.

    Args:
        runs: factor l → run, as `training.svag` gives them; l = 1 and one more at least.
        quantities: names of variables of the runs along step, compared by their mean over the last tenth of
            the saved points; default those of loss, accuracy and weight norm that all runs have.
        margin: δ in spreads. level: of all intervals together.

    Returns:
        The gaps; flagged `not_linear` where three or more factors do not lie on a line in 1/l.

    Raises:
        RunError: too few factors or seeds, a seed that diverged, or no such quantity.

    Source: Z. Li, S. Malladi & S. Arora, NeurIPS (2021), arXiv 2102.12470.
    """
    check_margin(margin)
    level = level_of(level, error=RunError)
    for factor, run in runs.items():
        check_run(run, f"runs[{short(factor)}]")
    factors = sorted(runs)
    if len(factors) < 2 or factors[0] != 1:
        raise RunError(f"the SDE limit needs runs at the factor 1 and at larger ones, got {factors}")
    chosen = quantities or [q for q in QUANTITIES if all(q in runs[k] for k in factors)]
    each = 1.0 - (1.0 - level) / max(1, len(chosen))
    found: dict[str, Estimate] = {}
    for name in chosen:
        gap = _gap(name, [_ends(runs[k], name, k) for k in factors], factors, each)
        if gap is not None:
            found[name] = gap
    if not found:
        raise RunError("the SDE limit needs a quantity in which seeds differ: give quantities of the runs")
    return SdeLimit(found, margin, level)


def _ends(run: Any, name: str, factor: int) -> Array:
    """The quantity at the end of every trajectory (K,)."""
    if name not in run or tuple(run[name].dims) != ("trajectory", "step"):
        raise RunError(f"the run at the factor {factor} has no {name} along its steps")
    values = np.asarray(run[name].values, dtype=np.float64)
    values = values[:, -max(1, round(_END * values.shape[1])) :]
    if len(values) < 2:
        raise RunError(f"the SDE limit needs two seeds or more, the run at the factor {factor} has one")
    if not np.isfinite(values).all():
        raise RunError(f"{name} is not finite at the factor {factor}: a seed diverged")
    return np.asarray(values.mean(axis=1))


def _gap(name: str, ends: Sequence[Array], factors: Sequence[int], level: float) -> Estimate | None:
    """b/s; None where no seed differs."""
    s = float(ends[0].std(ddof=1))
    parts = np.array([values.var(ddof=1) / len(values) for values in ends])
    if s <= 1e-12 * float(np.abs(ends[0]).mean()) or not parts.any():
        return None
    design = np.stack([np.ones(len(factors)), 1.0 / np.asarray(factors)], axis=1)
    inverse = np.linalg.pinv(design)
    means = np.array([values.mean() for values in ends])
    value, half = _combined(inverse[1], means, parts, ends, level)
    flags = []
    if len(factors) > 2:
        # What is left of the means beside the line, one contrast a factor.
        for row in np.eye(len(factors)) - design @ inverse:
            left, room = _combined(row, means, parts, ends, 1.0 - (1.0 - level) / len(factors))
            flags += ["not_linear"] if abs(left) > room else []
    details = {"spread": s, "factors": tuple(factors), "means": means.tolist()}
    return Estimate(
        value / s, (value - half) / s, (value + half) / s, level, "amplified noise", sum(map(len, ends)),
        tuple(dict.fromkeys(flags)), details,
    )  # fmt: skip


def _combined(
    weights: Array, means: Array, parts: Array, ends: Sequence[Array], level: float
) -> tuple[float, float]:
    """Σ_l w_l mean_l and half of its interval."""
    shares = weights**2 * parts
    total = float(shares.sum())
    df = total**2 / float(sum(p**2 / (len(v) - 1) for p, v in zip(shares, ends, strict=True)))
    return float(weights @ means), t_quantile(level, df) * total**0.5
