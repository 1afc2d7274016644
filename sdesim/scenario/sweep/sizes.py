"""What the points of a sweep take together, told before any is run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sdesim.errors import ScenarioError
from sdesim.io.disk import free_disk
from sdesim.io.memory import available_memory
from sdesim.runs.needs import overdrawn, shown, total
from sdesim.scenario.estimate import Estimate
from sdesim.scenario.load import told
from sdesim.scenario.models import Scenario
from sdesim.scenario.needs import needs, trajectories_of
from sdesim.scenario.sweep.points import Point
from sdesim.scenario.timing import seconds


def estimate_points(points: Sequence[Point], workers: int = 1) -> Estimate:
    """What some points take where so many are run at a time: memory of the largest, disk of all."""
    disk = sum(total(needs(p.scenario, arm), stored=True) for p in points for arm in p.scenario.arms)
    return Estimate(memory=sum(_largest(points, workers)), disk=disk)


def seconds_of_points(points: Sequence[Point], workers: int = 1, here: bool = True) -> float | None:
    """How long some points take, so many at a time; None where short runs don't tell.

    Workers share the cores of this machine; those of others, where not ``here``, are taken to be as fast and
    to have as many cores each.

    Short runs are of the points with the least work, the middle and the most: steps times trajectories times
    coordinates. The others lie between. What processes take to begin is left out.
    """
    cores = os.cpu_count() or 1
    threads = None if workers == 1 or not here else max(1, cores // workers)
    at_once = min(workers, len(points), cores if here else workers)
    sized = {_work(point.scenario): point for point in points}
    order = sorted(sized)
    known = {}
    for work in dict.fromkeys((order[0], order[len(order) // 2], order[-1])):
        scenario = sized[work].scenario
        found = seconds(scenario, threads)
        if not set(scenario.arms) <= set(found):
            return None
        known[work] = sum(found.values())
    times = np.interp([_work(point.scenario) for point in points], list(known), list(known.values()))
    return float(times.sum()) / at_once


def _work(scenario: Scenario) -> float:
    """Updates of a coordinate in all arms."""
    return float(
        sum(scenario.steps(n) * trajectories_of(scenario, n) * _dim(scenario, n) for n in scenario.arms)
    )


def _dim(scenario: Scenario, name: str) -> int:
    arm = scenario.arms[name]
    simulate = arm.simulate
    train = (
        arm.train if simulate is None or simulate.twin_of is None else scenario.arms[simulate.twin_of].train
    )
    return int(simulate.equation.dim if train is None else train.network.dim)  # type: ignore[union-attr]


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
