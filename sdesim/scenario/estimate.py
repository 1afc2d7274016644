"""What a run of a scenario will take, in a line."""

from __future__ import annotations

from collections.abc import Mapping
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
        seconds: of the arms whose blocks were timed, by name; None where none was.
    """

    memory: float
    disk: float
    seconds: Mapping[str, float] | None = None

    @property
    def words(self) -> str:
        """In a line: "takes up to 1.2 GB of memory and 340 MB of disk, about 2 min (sde 2 min)"."""
        text = f"takes up to {shown(self.memory)} of memory and {shown(self.disk)} of disk"
        if not self.seconds:
            return text
        each = ", ".join(f"{name} {spent(time)}" for name, time in self.seconds.items())
        return f"{text}, about {spent(sum(self.seconds.values()))} ({each})"

    def plain(self) -> dict[str, Any]:
        """As plain data, in bytes."""
        times = {} if self.seconds is None else {"seconds": dict(self.seconds)}
        return {"memory_bytes": self.memory, "disk_bytes": self.disk, **times}


def estimate(scenario: Scenario, timed: bool = False, threads: int | None = None) -> Estimate:
    """What a run of a scenario takes, reckoned from its sizes alone: nothing is made.

    Args:
        timed: run a short block of each arm, and tell the time too. threads: of the simulated arms then.
    """
    arms = [needs(scenario, name) for name in scenario.arms]
    return Estimate(
        memory=max(total(asked, stored=False) for asked in arms),
        disk=sum(total(asked, stored=True) for asked in arms),
        seconds=_seconds(scenario, threads) if timed else None,
    )


def _seconds(scenario: Scenario, threads: int | None) -> dict[str, float]:
    from sdesim.scenario.timing import seconds

    return seconds(scenario, threads)


def spent(seconds: float) -> str:
    """A time in words: "40 s", "2 min", "3.5 h", "12 days", "40 years"."""
    for unit, length in (("years", 365.25 * 86400), ("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.3g} {unit}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
