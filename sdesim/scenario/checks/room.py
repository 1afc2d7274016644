"""Whether a scenario's arms fit into this machine's memory and disk, told before anything is made."""

from __future__ import annotations

from sdesim.io import memory
from sdesim.io.disk import free_disk
from sdesim.io.places import Place
from sdesim.kinds.misfit import Problem
from sdesim.runs.needs import Need, overdrawn
from sdesim.scenario.models import Scenario
from sdesim.scenario.needs import needs


def too_large(scenario: Scenario, out: str | Place | None = None) -> list[Problem]:
    """What does not fit, of each arm the largest part, as (path, message); nothing inside `memory.forced`.

    Args:
        out: on whose disk the run is to be; None asks for memory alone.
    """
    free = memory.available_memory()
    stored: list[Need] = []
    found: list[Problem] = []
    for name in scenario.arms:
        asked = needs(scenario, name)
        # One arm is run after another.
        wrong = overdrawn(asked, free, stored=False)
        found += [] if wrong is None else [wrong]
        stored += asked
    wrong = None if out is None else overdrawn(stored, free_disk(out), stored=True)
    if wrong is not None and wrong[0] not in {path for path, _ in found}:
        found.append(wrong)
    return [(path, f"{text}; --force takes it as it is") for path, text in found]
