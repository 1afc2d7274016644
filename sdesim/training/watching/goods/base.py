"""What a reading that costs passes of its own is: its price in steps, when it can be had, how it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from torch import nn

from sdesim.estimate import Estimate
from sdesim.runs.measures.read_off import UNRESOLVED
from sdesim.runs.quantities import lookup
from sdesim.training.data.penalised import loss_alone
from sdesim.training.watching.batches import Source
from sdesim.training.watching.passes import Passes

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Sold:
    """What a purchase brought.

    Attributes:
        estimates: by the names of the table of quantities. values: numbers by the names of the run's schema.
        facts: further fields of a measurement.
    """

    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, kw_only=True)
class Visit:
    """One purchase: where the training stands.

    Attributes:
        model: in training. optimizer: its own. step: steps made. rng: of the purchase.
        train, heldout: where batches come from; heldout None where there is none.
        edge: η and λ/λ_crit when that was bought last, None where it was not.
    """

    model: nn.Module
    optimizer: Any
    step: int
    rng: np.random.Generator
    train: Source
    heldout: Source | None
    edge: tuple[float, Estimate] | None = None

    def passes(self) -> Passes:
        """Passes of the training's own loss."""
        return Passes(self.model, self.train.loss_fn, self.optimizer)

    def held_out(self, source: Source) -> Passes:
        """Passes of the loss of held-out examples, without penalties."""
        return Passes(self.model, loss_alone(source.loss_fn), self.optimizer)

    def seeds(self, count: int) -> list[int]:
        """Of random layers, one for each batch."""
        return [int(s) for s in self.rng.integers(2**62, size=count)]


class Good(Protocol):
    """One thing that is sold.

    Attributes:
        name: in reasons and flags. weight: its part of what is spent, beside the others'.
        holds: whether it holds weights between purchases, so that no other is bought meanwhile.
    """

    name: str
    weight: float

    @property
    def holds(self) -> bool: ...

    def misses(self, train: Source, heldout: Source | None) -> str:
        """Why it can't be had from these, "" where it can."""

    def ready(self, step: int) -> bool:
        """Whether it can be bought after so many steps."""

    def work(self) -> float:
        """Training steps' worth of work, before it was ever timed."""

    def buy(self, visit: Visit) -> Sold | None:
        """Make it; None where it takes another visit."""

    def forget(self) -> None:
        """Let go of what is held for the next purchase."""

    def state(self) -> list[list[float]]:
        """Rows of numbers that `restore` goes on from."""

    def restore(self, rows: Sequence[Sequence[float]]) -> None:
        """Go on from rows."""


def judged(name: str, estimate: Estimate) -> Estimate:
    """The same, flagged `unresolved` where its interval leaves open on which side of the quantity's threshold
    it lies."""
    row = lookup(name)
    line = None if row is None else row.threshold
    if line is None or estimate.low > line or estimate.high < line:
        return estimate
    return replace(estimate, flags=(*estimate.flags, UNRESOLVED))
