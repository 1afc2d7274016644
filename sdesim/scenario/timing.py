"""How long a run of a scenario will take, from a short run of the very same arms."""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sdesim.errors import SdesimError
from sdesim.runs.probes import saved_count
from sdesim.scenario.models import Arm, Scenario
from sdesim.scenario.run import Work, run_arm

# A block is long enough once it has lasted so many seconds, and is lengthened by so much.
_SECONDS, _LONGER = 0.25, 8
# Trajectories of a block for each thread: as many as a thread takes at once.
_LANES = 512


def seconds(scenario: Scenario, threads: int | None = None) -> dict[str, float]:
    """Seconds that the arms of a scenario take, by name, without what compiling takes the first time.

    Of each arm a block is run, of as many trajectories as the threads take at once (a seed of a training) and
    of 8, 64, … steps until it lasts a quarter of a second; a second block has readings. Left out are arms
    whose length is not their own: those made of another arm, or that go on from a run.

    Args:
        threads: of the simulated arms; default all cores.
    """
    found = {}
    for name in scenario.arms:
        if _alone(scenario.arms[name]):
            with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
                warnings.simplefilter("ignore")
                try:
                    found[name] = _Blocks(scenario, name, Path(folder), threads).seconds()
                except SdesimError:
                    # A block that is too short for a part of the arm.
                    continue
    return found


def _alone(arm: Arm) -> bool:
    if arm.train is not None:
        return arm.train.start_from is None and arm.train.prune is None
    assert arm.simulate is not None
    simulate = arm.simulate
    given = (simulate.twin_of, simulate.continue_from, simulate.save_at)
    return all(value is None for value in given) and not simulate.reduce


class _Blocks:
    """Blocks of one arm, each in a folder of its own."""

    def __init__(self, scenario: Scenario, name: str, folder: Path, threads: int | None) -> None:
        self._scenario, self._name, self._threads = scenario, name, threads
        self._arm = scenario.arms[name]
        self._steps = scenario.steps(name)
        self._folders = self._new_folders(folder)
        train, simulate = self._arm.train, self._arm.simulate
        if train is not None:
            self._count, self._block = train.trajectories, 1
        else:
            assert simulate is not None
            self._count = simulate.trajectories or 1
            self._block = min(self._count, _LANES * (threads or os.cpu_count() or 1))

    @staticmethod
    def _new_folders(folder: Path) -> Iterator[Path]:
        number = 0
        while True:
            number += 1
            made = folder / str(number)
            made.mkdir()
            yield made

    def seconds(self) -> float:
        """Of the whole arm."""
        length = min(self._steps, 2)
        before = after = self._timed(length)
        # What is compiled and loaded has been: the same block again is what a start takes.
        before = after = self._timed(length)
        shorter = length
        while after - before < _SECONDS and length < self._steps:
            length = min(self._steps, length * _LONGER)
            after = self._timed(length)
        share = self._count / self._block
        rate = max(0.0, after - before) / max(1, length - shorter)
        return before + share * (self._steps * rate + self._readings(shorter, before))

    def _readings(self, length: int, without: float) -> float:
        """Seconds of all readings of a block's trajectories."""
        probes = self._arm.probes or self._scenario.probes
        if probes is None:
            return 0.0
        if probes.every is None and self._arm.train is not None:
            # Their budget is a share of the training.
            return 0.0
        every = probes.interval(self._steps)
        readings = saved_count(self._steps, every) - (self._steps % every > 0)
        # Two of them, at the block's start and end.
        self._timed(length, every=length)
        spent = self._timed(length, every=length) - without
        of_block = min(probes.trajectories, self._block)
        of_all = min(probes.trajectories, self._count)
        # The caller takes a block's share of all trajectories.
        share = of_all / of_block * self._block / self._count
        return float(max(0.0, spent) / 2 * readings * share)

    def _timed(self, length: int, every: int | None = None) -> float:
        """Seconds of a block of so many steps, with readings after so many."""
        probes = self._arm.probes or self._scenario.probes
        asked = None if every is None or probes is None else replace(probes, every=every, budget=None)
        whole = self._arm
        if whole.train is not None:
            kept = whole.train.save_every or max(1, self._steps // 200)
            train = whole.train.model_copy(
                update={"steps": length, "trajectories": 1, "save_every": min(kept, length)}
            )
            arm = whole.model_copy(update={"train": train, "probes": asked})
        else:
            assert whole.simulate is not None
            kept = whole.simulate.save_every or max(1, self._steps // 1000)
            block = {"steps": length, "T": None, "trajectories": self._block, "save_every": min(kept, length)}
            simulate = whole.simulate.model_copy(update=block)
            arm = whole.model_copy(update={"simulate": simulate, "probes": asked})
        small = self._scenario.model_copy(update={"arms": {self._name: arm}, "probes": None})
        work = Work(small, next(self._folders), self._threads)
        started = time.perf_counter()
        run_arm(work, self._name, lambda name, done, total: None)
        return time.perf_counter() - started
