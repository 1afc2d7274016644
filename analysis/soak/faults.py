"""What goes wrong on purpose: before a command, while it runs, or with what it left."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from analysis.kills import forks
from analysis.kills.hazards import clock_set_back, tear
from sdesim.errors import SdesimError
from sdesim.io.lock import LOCK, locked

# Bytes that a file may have on a disk that counts as full.
_ROOM = (500, 100_000)
# Seconds that a thief holds a lock.
_HELD = 1.0


@dataclass(frozen=True)
class Met:
    """A command that runs.

    Attributes:
        pid: its process. out: the folder that it writes. workers: processes that work for it.
        rng: chooses.
    """

    pid: int
    out: Path
    workers: Callable[[], list[int]]
    rng: random.Random


@dataclass(frozen=True)
class Fault:
    """One sort of fault; what it does not do is None.

    Attributes:
        before: makes what the new process of the command calls first.
        during: happens at a random moment of the command; says whether there was something for it.
        after: happens to the folder when the command has ended; says whether there was something for it.
        ruins: whether the folder may be refused from then on, in one line, and is begun anew.
        finished: whether `after` happens to a folder that is whole, which then must be refused.
    """

    before: Callable[[random.Random], Callable[[], None]] | None = None
    during: Callable[[Met], bool] | None = None
    after: Callable[[Path, random.Random], bool] | None = None
    ruins: bool = False
    finished: bool = False


def _signalled(how: signal.Signals) -> Callable[[Met], bool]:
    def send(met: Met) -> bool:
        there = forks.runs(met.pid)
        with suppress(ProcessLookupError):
            os.kill(met.pid, how)
        return there

    return send


def _worker_killed(met: Met) -> bool:
    workers = met.workers()
    if not workers or not forks.runs(met.pid):
        return False
    with suppress(ProcessLookupError):
        os.kill(met.rng.choice(workers), signal.SIGKILL)
    return True


def _lock_stolen(met: Met) -> bool:
    """Another process removes the lock and takes it for a moment."""
    lock = met.out / LOCK
    if not lock.exists() or not forks.runs(met.pid):
        return False

    def steal() -> None:
        with suppress(OSError, SdesimError):
            lock.unlink()
            with locked(met.out):
                time.sleep(_HELD)

    forks.end(forks.forked(steal))
    return True


def _moved(met: Met) -> bool:
    there = forks.runs(met.pid)
    with suppress(OSError):
        os.rename(met.out, met.out.with_name("elsewhere"))
        return there
    return False


def _removed(met: Met) -> bool:
    there = met.out.exists() and forks.runs(met.pid)
    shutil.rmtree(met.out, ignore_errors=True)
    return there


def _disk_full(rng: random.Random) -> Callable[[], None]:
    room = rng.randrange(*_ROOM)
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))


def _chunks(out: Path) -> list[Path]:
    return sorted(p for p in out.rglob("c/**/*") if p.is_file() and p.suffix != ".partial")


def _checkpoints(out: Path) -> list[Path]:
    return sorted(p for pattern in ("*.checkpoint", "*.parts/*") for p in out.rglob(pattern) if p.is_file())


def _cut(files: Callable[[Path], list[Path]]) -> Callable[[Path, random.Random], bool]:
    def cut(out: Path, rng: random.Random) -> bool:
        held = [p for p in files(out) if p.stat().st_size]
        if held:
            file = rng.choice(held)
            os.truncate(file, rng.randrange(file.stat().st_size))
        return bool(held)

    return cut


def _flip(files: Callable[[Path], list[Path]]) -> Callable[[Path, random.Random], bool]:
    def flip(out: Path, rng: random.Random) -> bool:
        held = [p for p in files(out) if p.stat().st_size]
        if held:
            file = rng.choice(held)
            content = bytearray(file.read_bytes())
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            file.write_bytes(content)
        return bool(held)

    return flip


_KILLED = _signalled(signal.SIGKILL)
FAULTS = {
    "none": Fault(),
    "SIGKILL": Fault(during=_KILLED),
    "SIGTERM": Fault(during=_signalled(signal.SIGTERM)),
    "SIGINT": Fault(during=_signalled(signal.SIGINT)),
    "a worker killed": Fault(during=_worker_killed),
    "last chunk cut off": Fault(
        during=_KILLED, after=lambda out, rng: tear(out, rng) is not None, ruins=True
    ),
    "a bit of a chunk": Fault(during=_KILLED, after=_flip(_chunks), ruins=True),
    "checkpoint cut off": Fault(during=_KILLED, after=_cut(_checkpoints), ruins=True),
    "a bit of a checkpoint": Fault(during=_KILLED, after=_flip(_checkpoints), ruins=True),
    "disk full": Fault(before=_disk_full),
    "lock stolen": Fault(during=_lock_stolen),
    "clock set back": Fault(before=clock_set_back, during=_KILLED),
    "folder moved": Fault(during=_moved, ruins=True),
    "folder removed": Fault(during=_removed, ruins=True),
    "a chunk cut off when finished": Fault(after=_cut(_chunks), ruins=True, finished=True),
    "a bit of a chunk when finished": Fault(after=_flip(_chunks), ruins=True, finished=True),
}  # fmt: skip
