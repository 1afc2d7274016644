"""What the points of a sweep take together, told before any is run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sdesim.errors import ScenarioError
from sdesim.io.disk import free_disk
from sdesim.io.memory import available_memory
from sdesim.runs.needs import overdrawn, shown, total
from sdesim.scenario.estimate import Estimate
from sdesim.scenario.load import told
from sdesim.scenario.needs import needs
from sdesim.scenario.sweep.points import Point


def estimate_points(points: Sequence[Point], workers: int = 1) -> Estimate:
    """What some points take where so many are run at a time: memory of the largest, disk of all."""
    disk = sum(total(needs(p.scenario, arm), stored=True) for p in points for arm in p.scenario.arms)
    return Estimate(memory=sum(_largest(points, workers)), disk=disk)


def check_points(points: Sequence[Point], workers: int, out: Path, source: str) -> None:
    """Refuse points that do not fit together; each of them fits alone.

    Args:
        workers: how many are run at a time on this machine; 0 where others run them.
        out: the sweep's directory. source: what messages call the scenario.

    Raises:
        ScenarioError: naming the field.
    """
    asked = [need for p in points for arm in p.scenario.arms for need in needs(p.scenario, arm)]
    wrong = overdrawn(asked, free_disk(out), stored=True)
    if wrong is not None:
        path, text = wrong
        where = f"{text}, for {len(points)} points; --force takes it as it is"
        raise told([(path, where)], source)
    free, held, taken = available_memory(), _largest(points, workers), 0.0
    for fit, size in enumerate(held):
        taken += size
        if taken > free and fit:
            raise ScenarioError(
                f"workers: found {workers}, allowed: at most {fit} here: so many points at a time would take "
                f"{shown(sum(held))} of memory; {shown(free)} are free; --force takes it as it is"
            )


def _largest(points: Sequence[Point], count: int) -> list[float]:
    """Bytes of memory of the points that take most."""
    held = (max(total(needs(p.scenario, a), stored=False) for a in p.scenario.arms) for p in points)
    return sorted(held, reverse=True)[:count]
