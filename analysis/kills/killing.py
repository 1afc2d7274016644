"""Kill a command at a random moment, go on with what it left, and so on until it has ended.

After a SIGKILL the chunk that was written last may be cut off, and a command that goes on may find its clock
set back.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import forks
from .contents import contents
from .hazards import clock_set_back, tear
from .works import ADDRESS, Work

# The address of a scheduler and the process that started its workers, for a work that is spread over them.
Cluster = tuple[str, int] | None
# Kills of one folder, after which it is let end.
_MOST = 4
# Seconds between two checkpoints, and for processes to notice that they were ended.
_BETWEEN, _PATIENCE = 0.05, 20.0
# How often a chunk is torn after a SIGKILL, and a clock set back.
_TORN, _BACK = 0.25, 0.25
# Seconds on the clock that a kill comes later, so that none is tied to the clock of the processor.
_REST = 0.02


def load() -> None:
    """Load what the commands use, before the forks."""
    forks.load(_BETWEEN)


@dataclass(frozen=True)
class Whole:
    """What a work comes to when nothing happens: digests of its folder, and seconds of the processor."""

    held: dict[str, str]
    used: float


def whole_of(work: Work, folder: Path, cluster: Cluster) -> Whole:
    """Do it with no fault; the seconds are those of the second time, when all has been compiled."""
    for _ in range(2):
        others = forks.children(cluster[1]) if cluster else []
        began = forks.used_so_far(others)
        code = forks.run(next_words(work, fresh(work, folder), cluster), folder)
        used = forks.used_so_far(others) - began
        if code != 0:
            raise RuntimeError(f"a run that nobody killed ended with {code}: {forks.said(folder)}")
    return Whole(forks.called(contents, folder / "out"), used)


def fresh(work: Work, folder: Path) -> Path:
    """A working directory with the scenario alone."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "scenario.yaml").write_text(work.text, encoding="utf-8")
    return folder


def next_words(work: Work, folder: Path, cluster: Cluster) -> list[str]:
    """What a user would type now."""
    # A folder that does not hold its scenario yet is begun again.
    begun = any((folder / "out").glob("**/scenario.yaml"))
    words = work.resume if begun else work.begin
    return [cluster[0] if cluster and word == ADDRESS else word for word in words]


class Killing:
    """Kills of one work by one signal.

    Args:
        name, work: what is killed. how: the signal. seed: of the moments. room: where folders are made.
        cluster: address of a scheduler and the process that started its workers; None for other works.
        whole: what nobody killed.
    """

    def __init__(
        self,
        name: str,
        work: Work,
        how: signal.Signals,
        seed: int,
        room: Path,
        cluster: Cluster,
        whole: Whole,
    ) -> None:
        self._whole = whole
        self._name, self._work, self._how, self._room, self._cluster = name, work, how, room, cluster
        self._rng = random.Random(f"{seed} {name} {how.name}")
        self._found: Counter[str] = Counter()
        self._codes: Counter[int] = Counter()
        self._lost: list[str] = []
        self._differing: list[str] = []

    def until(self, kills: int) -> dict[str, Any]:
        """Kill on until it has been so often, in as many folders as that takes.

        Returns:
            Of all so far:
            "kills" that met a running command or worker, "folders" that were brought to their end, "same":
            how many of them hold the bits of one that was never stopped, "lost": why the others could not be
            gone on with, "differing": variables and files of those that hold other bits, "resumed": kills
            that left a checkpoint or finished points, "workers": those of a worker alone, "torn" chunks,
            "refused": folders that were begun anew because a chunk that a checkpoint relies on was torn,
            "back": commands whose clock was set back, "left": processes that outlived their parent, "codes":
            exit codes of the killed.
        """
        whole, found = self._whole.held, self._found
        while found["kills"] < kills:
            folder = fresh(self._work, self._room / "killed")
            problem = self._killed_in(folder, kills, self._whole.used)
            if problem is None:
                found["refused"] += 1
                continue
            found["folders"] += 1
            held = {} if problem else forks.called(contents, folder / "out")
            apart = sorted(place for place in {*held, *whole} if held.get(place) != whole.get(place))
            if problem:
                self._lost.append(problem)
            else:
                found["same"] += not apart
                self._differing += apart
        counts = ("kills", "workers", "resumed", "torn", "refused", "back", "folders", "same", "left")
        told = {"lost": self._lost, "differing": self._differing, "codes": dict(self._codes)}
        return {"work": self._name, "signal": self._how.name, **{k: found[k] for k in counts}, **told}

    def _killed_in(self, folder: Path, kills: int, used: float) -> str | None:
        """Kill in one folder and bring it to its end: what went wrong or "", None where it was refused."""
        for _ in range(min(_MOST, kills - self._found["kills"])):
            code, hit = self._killed(folder, self._rng.uniform(0, used))
            if not hit:
                if code not in (0, 1, forks.UNBEGUN):
                    return f"exit code {code}: {forks.said(folder)}"
                break
            self._found["kills"] += 1
            self._codes[code] += 1
            self._found["resumed"] += bool(
                [*folder.glob("out/*.checkpoint"), *folder.glob("out/*.parts/*"),
                 *folder.glob("out/points/*/summary.json")]
            )  # fmt: skip
            torn = self._tear(folder / "out")
            if torn is not None and torn[1]:
                return self._refused(folder, torn[0])
        return self._ended(folder)

    def _ended(self, folder: Path) -> str:
        code = forks.run(self._next(folder), folder, self._clock())
        return "" if code == 0 else f"exit code {code}: {forks.said(folder)}"

    def _tear(self, out: Path) -> tuple[str, bool] | None:
        # Others write meanwhile where only a worker was killed.
        if self._how is not signal.SIGKILL or self._cluster or self._rng.random() >= _TORN:
            return None
        torn = tear(out, self._rng)
        self._found["torn"] += torn is not None
        return torn

    def _refused(self, folder: Path, chunk: str) -> str | None:
        """Nothing may be read of a chunk that is torn: it is refused in one line, or written anew."""
        code = forks.run(self._next(folder), folder)
        said = forks.said(folder)
        if code == 0:
            # A sweep does not look at points that are finished; whoever reads them has to be told.
            try:
                forks.called(contents, folder / "out")
                return ""
            except RuntimeError as error:
                said = str(error)
        named = f"chunk {chunk} is " in said and len(said.splitlines()) == 1
        return None if named else f"exit code {code}: {said}"

    def _next(self, folder: Path) -> list[str]:
        return next_words(self._work, folder, self._cluster)

    def _clock(self) -> Callable[[], None] | None:
        if self._rng.random() >= _BACK:
            return None
        self._found["back"] += 1
        return clock_set_back(self._rng)

    def _killed(self, folder: Path, after: float) -> tuple[int, bool]:
        """Exit code, and whether the signal met what was running."""
        pid = forks.launch(self._next(folder), folder, self._clock())
        first = self._cluster[1] if self._cluster else pid
        forks.wait_for_work(pid, lambda: forks.children(first), after, self._rng.uniform(0.0, _REST))
        below = forks.children(pid)
        # One of the workers may be what the system picks; the others go on, and the work with them.
        workers = forks.children(first)
        one = self._work.workers and workers and self._how is signal.SIGKILL and self._rng.random() < 0.5
        there = forks.runs(pid)
        with suppress(ProcessLookupError):
            os.kill(self._rng.choice(workers) if one else pid, self._how)
        code = forks.end(pid)
        # SIGKILL shows in the code of what it killed; one that ends in good order says 3.
        hit = there if one else code in (-self._how, 3)
        self._found["workers"] += bool(hit and one)
        until = time.monotonic() + _PATIENCE
        while any(map(forks.runs, below)) and time.monotonic() < until:
            time.sleep(0.01)
        self._found["left"] += sum(map(forks.runs, below))
        return code, hit
