"""What a run of a scenario will take, in a line."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sdesim.runs.needs import shown, total
from sdesim.scenario.models import Scenario
from sdesim.scenario.needs import needs


@dataclass(frozen=True)
class Estimate:
    """What a run takes at the most.

    Attributes:
        memory: bytes that its largest arm holds, beside those of Python and the libraries.
        disk: bytes that all arms write.
        seconds: of the arms whose blocks were timed, by name, and of summary and report; None where none was.
        untimed: arms of which no block tells how long they take.
    """

    memory: float
    disk: float
    seconds: Mapping[str, float] | None = None
    untimed: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """In a line: "takes up to 1.2 GB of memory and 340 MB of disk, about 2 min (sde 2 min)"."""
        text = f"takes up to {shown(self.memory)} of memory and {shown(self.disk)} of disk"
        return f"{text}, {self.time}" if self.time else text

    @property
    def time(self) -> str:
        """In words: "about 2 min (sde 70 s, twin 50 s; without other)"; empty where none was asked for."""
        if self.seconds is None:
            return ""
        without = f"without {', '.join(self.untimed)}" if self.untimed else ""
        if not self.seconds:
            return f"its time is not known ({without})"
        each = ", ".join(f"{name} {spent(length)}" for name, length in self.seconds.items())
        told = "; ".join(filter(None, [each, without]))
        return f"about {spent(sum(self.seconds.values()))} ({told})"

    def plain(self) -> dict[str, Any]:
        """As plain data, in bytes."""
        times: dict[str, Any] = {} if self.seconds is None else {"seconds": dict(self.seconds)}
        times |= {"untimed": list(self.untimed)} if self.untimed else {}
        return {"memory_bytes": self.memory, "disk_bytes": self.disk, **times}


def estimate(
    scenario: Scenario, timed: bool = False, threads: int | None = None, page: bool = True,
    clock: Callable[[], float] = time.perf_counter, workers: int = 0,
) -> Estimate:  # fmt: skip
    """What a run of a scenario takes, reckoned from its sizes alone: nothing is made.

    Args:
        timed: run a short block of each arm, and tell the time too. threads, page, clock, workers: as of
            `timing.seconds` then.
    """
    arms = [needs(scenario, name) for name in scenario.arms]
    return Estimate(
        memory=max(total(asked, stored=False) for asked in arms),
        disk=sum(total(asked, stored=True) for asked in arms),
        **(_times(scenario, threads, page, clock, workers) if timed else {}),
    )


def _times(
    scenario: Scenario, threads: int | None, page: bool, clock: Callable[[], float], workers: int
) -> dict[str, Any]:  # fmt: skip
    from sdesim.scenario.timing import PAGE, seconds

    found = seconds(scenario, threads, page, clock, workers)
    asked = [*scenario.arms, PAGE] if page else [*scenario.arms]
    return {"seconds": found, "untimed": tuple(name for name in asked if name not in found)}


def spent(seconds: float) -> str:
    """A time in words: "40 s", "2 min", "3.5 h", "12 days", "40 years"."""
    for unit, length in (("years", 365.25 * 86400), ("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.3g} {unit}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
