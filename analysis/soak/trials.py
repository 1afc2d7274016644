"""One trial: a work, a fault, and the way back to what the work comes to when nothing happens."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from analysis.kills import forks
from analysis.kills.contents import contents
from analysis.kills.killing import Whole, fresh, next_words
from analysis.kills.works import WORKS

from .faults import FAULTS, Fault, Met

# What is done in turn; a cluster of its own would be started by every command.
DONE = ("simulation", "training", "sweep", "cluster")
# Commands that may go on with one folder.
_TRIES = 4
# Seconds on the clock that a fault comes later, so that none is tied to the clock of the processor.
_REST = 0.02


@dataclass
class Trial:
    """What came of it.

    Attributes:
        work, fault: their names. begun: seconds since the start of all. took: seconds.
        met: whether there was something for the fault. commands: how many it took.
        anew: whether the folder was refused, in one line, and begun anew.
        outcome: "same bits", "lost" (it can't be gone on with), "wrong" (other bits, or damage that was read
            as data). long: answers that are more than a line or tell of where in the code.
        said: what the last command has said that did not end as it should.
    """

    work: str
    fault: str
    begun: float
    took: float = 0.0
    met: bool = False
    commands: int = 0
    anew: bool = False
    outcome: str = ""
    long: int = 0
    said: str = ""


def is_long(code: int, said: str) -> bool:
    """Whether an answer is no line of ours: of a failure one line, of points that failed one each."""
    lines = said.splitlines()
    return code > 0 and not (lines and all(line.startswith("sdesim: ") for line in lines))


class Lane:
    """Trials one after another.

    Args:
        room: where folders are made. cluster: address of a scheduler, and the process of its workers.
        whole: by work. seed: of the choices.
    """

    def __init__(self, room: Path, cluster: tuple[str, int], whole: dict[str, Whole], seed: str) -> None:
        self._folder, self._cluster, self._whole = room, cluster, whole
        self._rng = random.Random(seed)

    def until(self, end: float, started: float, notes: Path) -> None:
        """Try until that moment of the monotonic clock; a line of JSON for each trial."""
        faults: list[str] = []
        while time.monotonic() < end:
            if not faults:
                faults = self._rng.sample(list(FAULTS), len(FAULTS))
            trial = self.tried(self._rng.choice(DONE), faults.pop(), started)
            with notes.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(trial)) + "\n")

    def tried(self, work: str, fault: str, started: float) -> Trial:
        """One trial."""
        began = time.monotonic()
        trial = Trial(work, fault, began - started)
        fresh(WORKS[work], self._folder)
        try:
            self._through(trial, FAULTS[fault])
        finally:
            trial.took = time.monotonic() - began
        return trial

    def _through(self, trial: Trial, fault: Fault) -> None:
        out = self._folder / "out"
        if fault.before is not None or fault.during is not None:
            self._disturbed(trial, fault)
        if fault.after is not None and not fault.finished:
            trial.met = fault.after(out, self._rng)
        trial.outcome = self._finished(trial, fault)
        if fault.finished and trial.outcome == "same bits":
            trial.met = fault.after is not None and fault.after(out, self._rng)
            self._refused(trial, out)

    def _disturbed(self, trial: Trial, fault: Fault) -> None:
        before = None if fault.before is None else fault.before(self._rng)
        pid = forks.launch(next_words(WORKS[trial.work], self._folder, self._cluster), self._folder, before)
        trial.met = before is not None
        if fault.during is not None:
            out, workers = self._folder / "out", self._workers(trial.work, pid)
            after = self._rng.uniform(0.0, self._whole[trial.work].used)
            forks.wait_for_work(pid, workers, after, self._rng.uniform(0.0, _REST))
            trial.met = fault.during(Met(pid, out, workers, self._rng))
        self._heard(trial, forks.end(pid))

    def _finished(self, trial: Trial, fault: Fault) -> str:
        out = self._folder / "out"
        for _ in range(_TRIES):
            code = forks.run(next_words(WORKS[trial.work], self._folder, self._cluster), self._folder)
            self._heard(trial, code)
            if code == 0:
                return self._compared(trial, out)
            if fault.ruins and code == 2:
                trial.anew = True
                shutil.rmtree(out, ignore_errors=True)
        return "lost"

    def _compared(self, trial: Trial, out: Path) -> str:
        try:
            held = forks.called(contents, out)
        except RuntimeError as error:
            trial.said = str(error)
            return "wrong"
        whole = self._whole[trial.work].held
        apart = sorted(place for place in {*held, *whole} if held.get(place) != whole.get(place))
        trial.said = f"differ: {', '.join(apart)}" if apart else trial.said
        return "wrong" if apart else "same bits"

    def _refused(self, trial: Trial, out: Path) -> None:
        """Damage of what was finished has to be told, by one line of ours, whoever reads it."""
        if not trial.met:
            return
        try:
            forks.called(contents, out)
            trial.outcome, trial.said = "wrong", "damage was read as data"
        except RuntimeError as error:
            trial.long += not str(error).startswith("RunError: ") or "\n" in str(error)
            trial.anew = True

    def _heard(self, trial: Trial, code: int) -> None:
        said = forks.said(self._folder)
        trial.commands += 1
        if code != 0:
            trial.said = f"{code}: {said[-2000:]}"
        trial.long += is_long(code, said)

    def _workers(self, work: str, pid: int) -> Callable[[], list[int]]:
        return lambda: forks.children(self._cluster[1] if WORKS[work].spread else pid)
