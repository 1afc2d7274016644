"""Learning rates that follow a monitor: bands of p (§11.3), and a warm-up that p releases (§12.2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from sdesim.errors import RunError
from sdesim.estimators import critical_sharpness
from sdesim.kinds.numbers import one_of
from sdesim.kinds.spelling import short
from sdesim.training.monitor.measurement import Measurement
from sdesim.training.tools.trust import descends, doubts

Bands = Sequence[tuple[float, float]]
# The source's half-open bands, §11.3: below this p the rate is base·factor.
LITERAL_BANDS: tuple[tuple[float, float], ...] = (
    (0.40, 0.1), (0.50, 0.5), (0.60, 1.0), (0.75, 1.5), (math.inf, 2.0),
)  # fmt: skip
CEILINGS = ("sharpness", "gradient")
METHODS = ("corrected", "literal")
# Least S = 2(1 − λ/λ_crit) that a raised rate may leave.
LEAST_MARGIN = 0.2
_TARGET = 0.5


class Watched(Protocol):
    """What schedules need of a `Monitor`: the measurements so far, oldest first."""

    @property
    def history(self) -> Sequence[Measurement]:
        """All measurements so far."""
        ...


def band_factor(p: float, bands: Bands = LITERAL_BANDS) -> float:
    """Factor of the first band (upper end, factor) with p < upper end, else of the last one (§11.3)."""
    for below, factor in bands:
        if p < below:
            return float(factor)
    return float(bands[-1][1])


class PhaseLR(LRScheduler):
    """Learning rate from the phase that a monitor sees; call `.step()` after each `monitor.step()`.

    Every group's rate is base·f, with one factor f for all.

    - "corrected": η = scale·p̄·η_max, the rate of steepest expected descent (p/λ on an isotropic quadratic).
      p̄ is the exponential mean of debiased p over about `memory` evaluations, 0 where it is negative;
      f changes by at most the factor `slew` per evaluation, but is cut at once to where S = 0.2, and never
      falls below `floor`. η is that of the first group.
    - "literal": the source's bands of p (§11.3), read from literal p, no memory.
    - a list of (upper end, factor), ends rising: the same with own bands, read from debiased p.

    Where a measurement lacks what the rule reads, or flags it as not that of the training, f stays as it is;
    "corrected" never raises f where measured progress raises the loss. The one-step optimum is short-sighted:
    it shrinks the rate with p earlier than the best schedule does (Wu et al., arXiv 1803.02021).

    Args:
        optimizer: any torch optimizer.
        monitor: a `Monitor`, or anything with its `history`.
        bands: as above.
        ceiling: η_max of "corrected": "sharpness", 1/λ_max, in the metric of an optimizer that adapts;
            "gradient", E|g|²/E gᵀHg = (η/2)(1 + C)/C*, which is |μ|²/μᵀHμ without noise. With heavy-ball
            momentum β (dampening t) it is (1 − β)/(1 − t) times that.
        scale: multiple of that optimum.
        memory: evaluations in the mean of p.
        slew: largest factor between two evaluations, above 1.
        floor: least f, in (0, 1].
        last_epoch: as in torch.

    Raises:
        RunError: a name or number out of range, in the user's words.
    """

    def __init__(
        self, optimizer: Optimizer, monitor: Watched, bands: str | Bands = "corrected", *,
        ceiling: str = "sharpness", scale: float = 1.0, memory: int = 10, slew: float = 1.2,
        floor: float = 0.01, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        one_of(ceiling, CEILINGS, "ceiling", RunError)
        if memory < 1:
            raise RunError(f"memory must be at least 1 evaluation, got {memory}")
        if not scale > 0 or not slew > 1:
            raise RunError(f"scale must be positive and slew above 1, got {scale:g} and {slew:g}")
        if not 0 < floor <= 1:
            raise RunError(f"floor must be in (0, 1], got {floor:g}")
        self.monitor = monitor
        self.method = bands if isinstance(bands, str) else "bands"
        self.bands = LITERAL_BANDS if isinstance(bands, str) else _checked(bands)
        if self.method not in (*METHODS, "bands"):
            raise RunError(
                f"bands must be 'corrected', 'literal' or (upper end, factor) pairs, got {short(bands)}"
            )
        self.ceiling, self.scale, self.memory, self.slew, self.floor = ceiling, scale, memory, slew, floor
        self.factor = 1.0
        self.seen = -1
        self.mean_p, self.weight = 0.0, 0.0
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        """The rates after all measurements that have not been read yet."""
        for m in unread(self.monitor, self.seen):
            self.seen = m.step
            if self.method == "corrected":
                self._follow(m)
            else:
                p = m.literal.get("p") if self.method == "literal" else m.p
                self.factor = self.factor if p is None else band_factor(p.value, self.bands)
        return [base * self.factor for base in self.base_lrs]

    def _follow(self, m: Measurement) -> None:
        if m.p is None or not math.isfinite(m.p.value):
            return
        keep = 1 - 1 / self.memory
        self.mean_p = keep * self.mean_p + (1 - keep) * m.p.value
        self.weight = keep * self.weight + (1 - keep)
        ceiling = _ceiling(m, self.ceiling)
        if ceiling is None:
            return
        p = max(self.mean_p / self.weight, 0.0)
        wanted = self.scale * p * ceiling * _inertia(self.optimizer) / self._base()
        wanted = min(max(wanted, self.factor / self.slew), self.factor * self.slew)
        if descends(m) is False:
            wanted = min(wanted, self.factor)
        self.factor = max(min(wanted, _stable(m, self.factor)), self.floor)

    def _base(self) -> float:
        """The base rate of the first group that moves, whose η a measurement holds."""
        return next((float(base) for base in self.base_lrs if base > 0), math.inf)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and the monitor."""
        return own_state(self)


class PhaseWarmup(LRScheduler):
    """Warm-up that p releases instead of a step count (§12.2); call `.step()` after each `monitor.step()`.

    The rate begins at start·base. Once `confirm` evaluations in a row allow it, each evaluation that allows
    it multiplies the rate by `growth`, until base is reached; then it stays there.

    - "literal": an evaluation allows it where literal p > 0.5. At small batches p may never be.
    - "corrected": where the raised rate would still lower the expected loss, C_low > C* at that rate, and
      keep S ≥ 0.2. C* grows in proportion to the rate. Not where measured progress raises the loss; and where
      C* is flagged as not that of the training, where measured progress lowers it.

    Args:
        optimizer: any torch optimizer; its rates are the base.
        monitor: a `Monitor`, or anything with its `history`.
        method: as above.
        start: share of the base rate, in (0, 1].
        growth: factor per evaluation, above 1.
        confirm: evaluations in a row, at least 1.
        last_epoch: as in torch.

    Raises:
        RunError: a name or number out of range.
    """

    def __init__(
        self, optimizer: Optimizer, monitor: Watched, method: str = "corrected", *, start: float = 0.1,
        growth: float = 1.5, confirm: int = 3, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        one_of(method, METHODS, "method", RunError)
        if not 0 < start <= 1 or not growth > 1:
            raise RunError(f"start must be in (0, 1] and growth above 1, got {start:g} and {growth:g}")
        if confirm < 1:
            raise RunError(f"confirm must be at least 1, got {confirm}")
        self.monitor, self.method = monitor, method
        self.growth, self.confirm = growth, confirm
        self.factor = start
        self.seen, self.streak = -1, 0
        super().__init__(optimizer, last_epoch)

    @property
    def released(self) -> bool:
        """Whether the base rate has been reached."""
        return self.factor >= 1.0

    def get_lr(self) -> list[float | Tensor]:
        """The rates after all measurements that have not been read yet."""
        for m in unread(self.monitor, self.seen):
            self.seen = m.step
            raised = min(self.factor * self.growth, 1.0)
            allowed = _above_half(m) if self.method == "literal" else _descends(m, self.factor, raised)
            self.streak = self.streak + 1 if allowed else 0
            if self.streak >= self.confirm:
                self.factor = raised
        return [base * self.factor for base in self.base_lrs]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and the monitor."""
        return own_state(self)


def unread(monitor: Watched, seen: int) -> list[Measurement]:
    """Measurements made after step `seen`, oldest first."""
    new: list[Measurement] = []
    for m in reversed(monitor.history):
        if m.step <= seen:
            break
        new.append(m)
    return new[::-1]


def own_state(scheduler: LRScheduler) -> dict[str, Any]:
    """Attributes of a scheduler without the optimizer and the monitor, which have states of their own."""
    return {k: v for k, v in scheduler.__dict__.items() if k not in ("optimizer", "monitor")}


def _checked(bands: Bands) -> tuple[tuple[float, float], ...]:
    try:
        pairs = tuple((float(below), float(factor)) for below, factor in bands)
    except (TypeError, ValueError) as error:
        raise RunError(f"bands must be (upper end of p, factor) pairs, got {short(bands)}") from error
    ends = [below for below, _ in pairs]
    if not pairs or any(a >= b for a, b in pairwise(ends)):
        raise RunError(f"the upper ends of bands must rise, got {ends}")
    if not all(factor > 0 and math.isfinite(factor) for _, factor in pairs):
        raise RunError(f"the factors of bands must be positive, got {[factor for _, factor in pairs]}")
    return pairs


def _ceiling(m: Measurement, kind: str) -> float | None:
    """η_max, None where it was not measured or the loss does not curve upwards."""
    if kind == "sharpness":
        held = m.lambda_max if m.preconditioned_lambda_max is None else m.preconditioned_lambda_max
        bend = math.nan if held is None or doubts(m, held) else held.value
        return 1 / bend if math.isfinite(bend) and bend > 0 else None
    if m.C_alpha is None or m.C_star is None or not m.C_star.value > 0 or doubts(m, m.C_star):
        return None
    limit = 0.5 * m.learning_rate * (1 + m.C_alpha.value) / m.C_star.value
    return limit if math.isfinite(limit) and limit > 0 else None


def _inertia(optimizer: Optimizer) -> float:
    """(1 − β)/(1 − t): a heavy-ball step of length η moves as far as a plain one of length η/this."""
    group = optimizer.param_groups[0]
    return (1 - float(group.get("momentum", 0.0))) / (1 - float(group.get("dampening", 0.0)))


def _stable(m: Measurement, factor: float) -> float:
    """Largest factor at which S = 2(1 − λ/λ_crit) ≥ 0.2; λ_crit falls as 1/η. ∞ where λ is not known."""
    if m.lambda_max is None or not m.lambda_max.value > 0 or not m.learning_rate > 0:
        return math.inf
    critical = m.lambda_crit if m.lambda_crit is not None else critical_sharpness(m.learning_rate)
    return factor * (1 - LEAST_MARGIN / 2) * critical / m.lambda_max.value


def _above_half(m: Measurement) -> bool:
    p = m.literal.get("p")
    return p is not None and p.value > _TARGET


def _descends(m: Measurement, now: float, raised: float) -> bool:
    """Whether the raised rate lowers the expected loss, with confidence, and stays stable."""
    sinks = descends(m)
    if sinks is False:
        return False
    if m.C_alpha is None or m.C_star is None or doubts(m, m.C_star):
        return sinks is True
    low = m.C_alpha.value if math.isnan(m.C_alpha.low) else m.C_alpha.low
    return low > m.C_star.value * raised / now and raised <= _stable(m, now)
