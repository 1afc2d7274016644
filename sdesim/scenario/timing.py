"""How long a run of a scenario will take, from short runs of the very same arms."""

from __future__ import annotations

import math
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from sdesim.engine.reductions.base import LEAF
from sdesim.errors import SdesimError
from sdesim.runs.probes import saved_count
from sdesim.scenario.assemble import probes_of
from sdesim.scenario.models import Arm, Scenario
from sdesim.scenario.needs import points_of, trajectories_of
from sdesim.scenario.run import Work, conclude, run_arm
from sdesim.scenario.summary import Results

# What summary and report are called beside the arms.
PAGE = "summary and report"
# A block is long enough once it has lasted so many seconds, and is lengthened by so much.
_SECONDS, _LONGER, _MUCH_LONGER = 0.25, 8, 64
# Trajectories of a block for each thread: as many as a thread takes at once.
_LANES = 512
# Numbers that a page is timed with at the most, on so many points; beyond them its time grows as they do.
_NUMBERS, _POINTS = 1_000_000, 200
_FEW = 2

Clock = Callable[[], float]


def seconds(
    scenario: Scenario, threads: int | None = None, page: bool = True, clock: Clock = time.perf_counter,
    workers: int = 0,
) -> dict[str, float]:  # fmt: skip
    """Seconds that the arms of a scenario take, by name, and summary and report; compiling is done by then.

    Of each arm a block is run, of as many trajectories as the threads take at once (a seed of a training) and
    of more and more steps until it lasts a quarter of a second; a second block has readings. An arm that is
    made of another one has a short run of that before it. Left out is what no block tells: arms that go on
    from a stored run or from the middle of a training, or whose weights are pruned by trainings before.

    Args:
        threads: of the simulated arms; default all cores.
        page: time summary and report too, even where they read little.
        clock: which seconds.
        workers: of a cluster, each as fast as this machine, that share the trajectories of an arm which is no
            twin, or its seeds; what they take to begin is left out. 0: no cluster.
    """
    found: dict[str, float] = {}
    # Without a place for temporary files no block can be run.
    with suppress(OSError), _apart() as folders:
        begun = Begun()
        for name in scenario.arms:
            with suppress(SdesimError, _Untimed):
                found[name] = _Blocks(scenario, name, folders, threads, clock, begun, workers).seconds()
        numbers = sum(trajectories_of(scenario, n) * points_of(scenario, n) for n in scenario.arms)
        if set(found) == set(scenario.arms) and (page or numbers > _NUMBERS):
            with suppress(SdesimError, _Untimed):
                found[PAGE] = _Page(scenario, numbers, folders, threads, clock).seconds()
    return found


@contextmanager
def _apart() -> Iterator[Iterator[Path]]:
    """Folders that vanish, without the warnings of short runs."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        yield (Path(folder) / str(number) for number in count())


class Begun:
    """The first steps of arms that others are made of, which are run once."""

    def __init__(self) -> None:
        self.results = Results()
        self._recipes: dict[str, Any] = {}

    def take(self, work: Work) -> None:
        """Keep what has been run."""
        self.results.runs |= work.results.runs
        self.results.measured |= work.results.measured
        self._recipes |= work.recipes

    def give(self, work: Work) -> None:
        """Let a run go on from it."""
        work.results.runs |= self.results.runs
        work.results.measured |= self.results.measured
        work.recipes |= self._recipes


class _Untimed(Exception):
    """No block tells the time of an arm."""


class _Blocks:
    """Blocks of one arm, each in a folder of its own.

    Args:
        begun: the first steps of arms that others are made of. workers: share what can be shared.

    Raises:
        _Untimed: its length is not its own.
    """

    def __init__(
        self, scenario: Scenario, name: str, folders: Iterator[Path], threads: int | None, clock: Clock,
        begun: Begun, workers: int,
    ) -> None:  # fmt: skip
        self._scenario, self._name, self._threads, self._clock = scenario, name, threads, clock
        self._begun = begun
        self._arm, self._folders = scenario.arms[name], folders
        self._steps = scenario.steps(name)
        self._count = int(trajectories_of(scenario, name))
        self._sources = list(_sources(scenario, name))
        # Steps of a twin in one of its real arm's.
        self._stretch = 1
        # Blocks that are walked at a time, and those of which readings are taken at a time.
        self._at_once = self._read_at_once = 1.0
        if self._arm.train is not None:
            self._block = 1
            if workers:
                # A seed is walked by one of them.
                self._at_once = self._read_at_once = self._count / math.ceil(self._count / workers)
            return
        spread = workers and not self._sources
        if spread:
            # A worker has one thread unless told; those that are read stand in few blocks.
            self._threads = threads or 1
            self._at_once = min(workers, math.ceil(self._count / LEAF))
        self._block = min(self._count, _LANES * (self._threads or os.cpu_count() or 1))
        if self._sources:
            self._stretch = max(1, round(self._steps / scenario.steps(self._sources[-1])))

    def seconds(self) -> float:
        """Of the whole arm."""
        length = min(self._steps, _FEW * self._stretch)
        # What is compiled and loaded has been after the first: the second is what a start takes.
        self._timed(length)
        before = after = self._timed(length)
        shorter = length
        while after - before < _SECONDS and length < self._steps:
            # Of short ones the start is most: then by more.
            times = min(_MUCH_LONGER, max(_LONGER, _SECONDS / max(1e-9, after - before)))
            length = min(self._steps, int(length * times))
            after = self._timed(length)
        share = self._count / self._block / self._at_once
        rate = max(0.0, after - before) / max(1, length - shorter)
        return before + share * self._steps * rate + self._readings(shorter, before) / self._read_at_once

    def _readings(self, length: int, without: float) -> float:
        """Seconds of the readings of all trajectories, one block after another."""
        probes = probes_of(self._scenario, self._arm, self._stretch)
        if probes is None:
            return 0.0
        if probes.every is None and self._arm.train is not None:
            # Their budget is a share of the training.
            return 0.0
        every = probes.interval(self._steps)
        readings = saved_count(self._steps, every) - (self._steps % every > 0)
        # One of them, at the block's start.
        self._timed(length, every=length + 1)
        spent = self._timed(length, every=length + 1) - without
        of_block = min(probes.trajectories, self._block)
        of_all = min(probes.trajectories, self._count)
        return float(max(0.0, spent) * readings * of_all / of_block)

    def _timed(self, length: int, every: int | None = None) -> float:
        """Seconds of a block of so many steps, with readings after so many."""
        arms = {n: shortened(self._scenario, n, _FEW, 1, every=_FEW) for n in self._sources}
        own = shortened(self._scenario, self._name, length, self._block, every=every)
        work = work_of(self._scenario, {**arms, self._name: own}, next(self._folders), self._threads)
        for name in arms:
            if name not in self._begun.results.runs:
                run_arm(work, name, _untold)
                self._begun.take(work)
        self._begun.give(work)
        started = self._clock()
        run_arm(work, self._name, _untold)
        return self._clock() - started


class _Page:
    """Summary and report of short runs of all arms."""

    def __init__(
        self, scenario: Scenario, numbers: float, folders: Iterator[Path], threads: int | None, clock: Clock
    ) -> None:
        self._scenario, self._numbers, self._folders = scenario, numbers, folders
        self._threads, self._clock = threads, clock

    def seconds(self) -> float:
        """As many as all numbers take: the first time too what is loaded for it."""
        least, first = self._timed(_FEW, _FEW)
        arms = self._scenario.arms
        most = max(1, int(_NUMBERS / (_POINTS * len(arms))))
        if self._numbers <= _NUMBERS:
            return first
        whole, spent = self._timed(_POINTS, most)
        _, again = self._timed(_FEW, _FEW)
        return first + max(0.0, spent - again) / max(1.0, whole - least) * self._numbers

    def _timed(self, points: int, most: int) -> tuple[float, float]:
        """How many numbers there were, and seconds."""
        scenario, arms, numbers = self._scenario, {}, 0.0
        for name in scenario.arms:
            simulated = scenario.arms[name].simulate is not None
            length = min(scenario.steps(name), points - 1 if simulated else _FEW)
            many = min(int(trajectories_of(scenario, name)), most)
            arms[name] = shortened(scenario, name, length, many, every=length, kept=1)
            numbers += many * (length + 1.0)
        work = work_of(scenario, arms, next(self._folders), self._threads)
        for name in sorted(arms, key=lambda name: arms[name].train is None):
            run_arm(work, name, _untold)
        started = self._clock()
        conclude(work, quick=False, started=0.0)
        return numbers, self._clock() - started


def _sources(scenario: Scenario, name: str) -> Iterator[str]:
    """The arms that an arm is made of, the first one first.

    Raises:
        _Untimed: a short run tells nothing of it.
    """
    arm = scenario.arms[name]
    if arm.train is not None:
        if arm.train.prune is not None:
            raise _Untimed
        of = arm.train.start_from
    else:
        assert arm.simulate is not None
        if arm.simulate.continue_from is not None or arm.simulate.at is not None:
            raise _Untimed
        of = arm.simulate.twin_of
    if of is not None:
        yield from _sources(scenario, of)
        yield of


def shortened(
    scenario: Scenario, name: str, length: int, trajectories: int, every: int | None, kept: int | None = None
) -> Arm:
    """An arm of so many steps and trajectories.

    Args:
        every: steps between its readings; None without. kept: between saved points; default as the arm has.
    """
    whole = scenario.arms[name]
    probes = probes_of(scenario, whole)
    asked = None if every is None or probes is None else replace(probes, every=every, budget=None)
    steps = scenario.steps(name)
    if whole.train is not None:
        saved = kept or whole.train.save_every or max(1, steps // 200)
        block = {"steps": length, "trajectories": trajectories, "save_every": min(saved, length)}
        return whole.model_copy(update={"train": whole.train.model_copy(update=block), "probes": asked})
    assert whole.simulate is not None
    saved = kept or max(1, round(steps / max(1.0, points_of(scenario, name) - 1)))
    given: dict[str, Any] = {"T": None, "save_at": None, "save_every": min(saved, length)}
    if whole.simulate.twin_of is not None and whole.simulate.save_every is None and kept is None:
        # The points of its real arm.
        given["save_every"] = None
    block = {"steps": length, "trajectories": trajectories, **given}
    return whole.model_copy(update={"simulate": whole.simulate.model_copy(update=block), "probes": asked})


def work_of(scenario: Scenario, arms: dict[str, Arm], folder: Path, threads: int | None) -> Work:
    """The run of these arms, which nothing is expected of."""
    folder.mkdir()
    small = scenario.model_copy(update={"arms": arms, "probes": None, "expect": []})
    return Work(small, folder, threads)


def _untold(name: str, done: int, total: int) -> None:
    """How far a block is is told to nobody."""
