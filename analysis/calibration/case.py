"""What a calibration case is: data with a known answer, an estimator, and what is promised of it."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdesim.estimators import Estimate

Promise = float | Mapping[int, float] | None


def at(promise: Promise, size: int) -> float | None:
    """The promise at a size: one number for all sizes, or one for each; None where nothing is promised."""
    return promise.get(size) if isinstance(promise, Mapping) else promise


@dataclass(frozen=True)
class Event:
    """Something an estimate says, whose rate is measured.

    Attributes:
        name: in words, such as "says α < 2".
        happened: (estimate, truth) → whether it did.
        at_most: the largest rate promised, for a false alarm.
        at_least: the smallest rate promised, for a detection.
        wanted: whether it is right to happen, so that the rate is a power and no false alarm.
    """

    name: str
    happened: Callable[[Estimate, float], bool]
    at_most: Promise = None
    at_least: Promise = None
    wanted: bool = False


@dataclass(frozen=True)
class Case:
    """One estimator by one method on one kind of data.

    Attributes:
        estimator: its public name in ``sdesim.estimators``.
        method: its method, or how it is used.
        data: the data in words; cases of equal estimator and data see the same draws.
        draw: (rng, size) → data.
        estimate: data → Estimate.
        truth: the known answer, or data → answer where each draw has its own.
        sizes: sample sizes, ascending; ``size_name`` says of what.
        coverage: promised share of intervals that hold the truth; None where there are no intervals.
        bias: promised largest |mean error|; None where nothing is promised.
        events: what else is counted.
        replications: of a full run.
        slow: whether a quick run leaves it out.
        reason: why less than the nominal level is promised, or what a reader must know.
    """

    estimator: str
    method: str
    data: str
    draw: Callable[[np.random.Generator, int], Any]
    estimate: Callable[[Any], Estimate]
    truth: float | Callable[[Any], float]
    sizes: tuple[int, ...]
    coverage: Promise = None
    bias: Promise = None
    events: tuple[Event, ...] = ()
    replications: int = 2000
    slow: bool = False
    size_name: str = "draws"
    reason: str = ""

    @property
    def key(self) -> str:
        """What tells it from every other case."""
        return f"{self.estimator} / {self.method} / {self.data}"

    def replicate(self, size: int, replication: int, seed: int) -> Trial:
        """One replication; its random numbers depend on (seed, data, size, replication) alone."""
        data_key = zlib.crc32(f"{self.estimator} / {self.data}".encode())
        rng = np.random.default_rng([seed, data_key, size, replication])
        data = self.draw(rng, size)
        truth = self.truth(data) if callable(self.truth) else self.truth
        e = self.estimate(data)
        happened = tuple(bool(event.happened(e, truth)) for event in self.events)
        return Trial(float(e.value), float(e.low), float(e.high), e.level, float(truth), happened, e.flags)


@dataclass(frozen=True)
class Trial:
    """What one replication gave."""

    value: float
    low: float
    high: float
    level: float
    truth: float
    happened: tuple[bool, ...]
    flags: tuple[str, ...]


CASES: dict[str, Case] = {}


def register(cases: Case | Iterable[Case]) -> None:
    """Add cases to what `calibrate` runs."""
    for case in (cases,) if isinstance(cases, Case) else cases:
        if case.key in CASES:
            raise ValueError(f"two cases are called {case.key}")
        CASES[case.key] = case


def flag(
    name: str, *, at_most: Promise = None, at_least: Promise = None, wanted: bool = False, words: str = ""
) -> Event:
    """The event that an estimate carries a flag."""
    return Event(words or f"flag {name}", lambda e, truth: e.has(name), at_most, at_least, wanted)


def bare(value: float, method: str, n: int, low: float = math.nan, high: float = math.nan) -> Estimate:
    """An Estimate out of what is none."""
    return Estimate(float(value), float(low), float(high), 0.95, method, n)
