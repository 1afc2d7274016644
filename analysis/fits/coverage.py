"""Coverage of the intervals of `sdesim.fit`, model by model, where it is easy and where it is hard."""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import sdesim
from sdesim.fits import Transitions
from sdesim.kinds import read

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A process and how it is watched.

    Attributes:
        name: in words. model: kind. theta: its parameters. start: first value.
        dt, n: time between values, and how many of a series. series: how many.
        share: of values that are missing. jitter: whether times are uniform instead of equal.
    """

    name: str
    model: str
    theta: tuple[float, ...]
    start: float
    dt: float
    n: int
    series: int = 1
    share: float = 0.0
    jitter: bool = False


OU, SOU, CIR = "ornstein-uhlenbeck", "stable-ornstein-uhlenbeck", "cox-ingersoll-ross"
CASES = (
    Case("λT = 10", OU, (1.0, 2.0, 0.5), 2.2, 0.01, 1000),
    Case("λT = 3", OU, (1.0, 2.0, 0.5), 2.2, 0.01, 300),
    Case("λT = 100", OU, (1.0, 2.0, 0.5), 2.2, 0.1, 1000),
    Case("20 series of λT = 2", OU, (1.0, 2.0, 0.5), 2.2, 0.05, 40, series=20),
    Case("unequal times, a tenth missing, λT = 50", OU, (1.0, 2.0, 0.5), 2.2, 0.1, 500, 1, 0.1, True),
    Case("α = 1.5, λT = 10", SOU, (1.0, 0.5, 1.5, 0.3), 0.5, 0.01, 1000),
    Case("α = 1.8, λT = 50", SOU, (2.0, 0.0, 1.8, 0.3), 0.0, 0.05, 500),
    Case("50 jumps of 5 σ√h", "jump-diffusion", (0.1, 0.2, 5.0, -0.05, 0.1), 0.0, 0.01, 1000),
    Case("40 jumps of 8 σ√h", "jump-diffusion", (0.05, 0.2, 10.0, -0.05, 0.1), 0.0, 1 / 250, 1000),
    Case("10 jumps", "jump-diffusion", (0.1, 0.2, 1.0, 0.0, 0.3), 0.0, 0.01, 1000),
    Case("two years of days", "geometric-brownian", (0.1, 0.3), 1.0, 1 / 250, 500),
    Case("κT = 20", CIR, (1.0, 1.0, 0.3), 1.0, 0.02, 1000),
    Case("κT = 50, 0 nearly reached", CIR, (1.0, 1.0, 1.0), 1.0, 0.1, 500),
)  # fmt: skip


def drawn(case: Case, seed: int) -> tuple[Array, Array]:
    """Values (n, series), some NaN, and times (n,), by exact transitions."""
    rng = np.random.default_rng([zlib.crc32(f"{case.model} {case.name}".encode()), seed])
    times = case.dt * np.arange(case.n)
    if case.jitter:
        times[1:] += 0.9 * case.dt * (rng.random(case.n - 1) - 0.5)
    frame = Transitions((times,) * case.series, (np.r_[case.start, np.zeros(case.n - 1)],) * case.series)
    model = read("fits", case.model)
    values = np.stack(frame.simulated(model, np.array(case.theta), rng).values, axis=1)
    values[rng.random(values.shape) < case.share] = np.nan
    return values, times


def line(case: Case, repeats: int) -> str:
    """A row of the table: shares of intervals that hold each parameter, of the first 50 too."""
    held = np.zeros((repeats, len(case.theta)), dtype=bool)
    flags: Counter[str] = Counter()
    seconds = 0.0
    for seed in range(repeats):
        values, times = drawn(case, seed)
        begun = time.process_time()
        settings = {"times": times} if case.jitter else {"dt": case.dt}
        fit = sdesim.fit(values, case.model, **settings)
        seconds += time.process_time() - begun
        held[seed] = [e.low <= truth <= e.high for e, truth in zip(fit, case.theta, strict=True)]
        flags.update(fit.flags)
    names = [p.name for p in read("fits", case.model).parameters]
    told = ", ".join(
        f"{name} {h.mean():.3f} ({int(h[:50].sum())})" for name, h in zip(names, held.T, strict=True)
    )
    raised = ", ".join(f"{name} {count / repeats:.2f}" for name, count in flags.most_common())
    return f"| {case.model} | {case.name} | {repeats} | {told} | {raised} | {seconds / repeats:.2f} |"


def table(repeats: int) -> Iterator[str]:
    """Lines of the table in Markdown."""
    yield "Share of series whose 95% interval holds the parameter (of the first 50)."
    yield ""
    yield "| model | watched | series | coverage | flags, share of series | s |"
    yield "|---|---|---|---|---|---|"
    for case in CASES:
        yield line(case, repeats)
