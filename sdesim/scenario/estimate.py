"""What a run of a scenario will take, in a line."""

from __future__ import annotations

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
    """

    memory: float
    disk: float

    @property
    def words(self) -> str:
        """In a line: "takes up to 1.2 GB of memory and 340 MB of disk"."""
        return f"takes up to {shown(self.memory)} of memory and {shown(self.disk)} of disk"

    def plain(self) -> dict[str, Any]:
        """As plain data, in bytes."""
        return {"memory_bytes": self.memory, "disk_bytes": self.disk}


def estimate(scenario: Scenario) -> Estimate:
    """What a run of a scenario takes, reckoned from its sizes alone: nothing is made."""
    arms = [needs(scenario, name) for name in scenario.arms]
    return Estimate(
        memory=max(total(asked, stored=False) for asked in arms),
        disk=sum(total(asked, stored=True) for asked in arms),
    )
