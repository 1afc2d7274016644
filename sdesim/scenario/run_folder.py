"""A run directory as a folder: what in it is of a run, when one may begin there, and its mark.

While a run is not finished its directory holds the mark. Of an older run that makes room the mark goes last,
and who finds that others remove what it is writing marks what is left, so that remains are always known as
such and the next run clears them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sdesim.errors import RunError
from sdesim.io.files import atomic_write_text
from sdesim.io.lease import Holding
from sdesim.io.lock import LOCK
from sdesim.io.places import Place, place, remove_tree
from sdesim.io.progress import MARK, PROGRESS

SCENARIO = "scenario.yaml"
_CONTENTS = (
    LOCK,
    MARK,
    SCENARIO,
    "provenance.json",
    "summary.json",
    "report.html",
    "figures",
    PROGRESS,
)
_OF_ARMS = (".zarr", ".zarr.parts", ".zarr.checkpoint", f".zarr{LOCK}")
# Seconds between two looks at what others may be removing, and after how many without a change they are not.
_LOOK, _QUIET = 0.05, 3
# What a run directory holds that was interrupted before its scenario was.
_BEFORE = {LOCK, MARK, "provenance.json"}


@contextmanager
def unfinished(target: Place, held: Holding, what: str) -> Iterator[None]:
    """Mark a directory as not finished; `take_off_mark` ends that.

    Where an error ends the work and the mark is gone, others have removed a part of the directory meanwhile:
    what is left is marked again.

    Args:
        held: its lock. what: is written there, as the mark says.

    Raises:
        RunError: the mark can't be written.
    """
    text = f"This {what} was not finished.\n"
    atomic_write_text(target / MARK, text)
    try:
        yield
    except BaseException as error:
        with suppress(RunError):
            if isinstance(error, RunError | OSError) and isinstance(target, Path):
                _wait_for_removal(target)
            if held.stands() and not (target / MARK).exists():
                atomic_write_text(target / MARK, text)
        raise


def _wait_for_removal(target: Path) -> None:
    """Return when nothing vanishes there any more: who removes it may be at it still, and take a mark too."""
    held, quiet = _count(target), 0
    while quiet < _QUIET:
        time.sleep(_LOOK)
        now = _count(target)
        held, quiet = now, 0 if now < held else quiet + 1


def _count(target: Path) -> int:
    return sum(len(folders) + len(files) for _, folders, files in os.walk(target))


def take_off_mark(target: Place) -> None:
    """Say that it is finished.

    Raises:
        RunError: others have removed the mark, and who knows what else.
    """
    try:
        (target / MARK).unlink()
    except FileNotFoundError:
        raise RunError(f"{target / MARK} was removed while {target} was being written") from None


def check_room(out: str | Place, overwrite: bool = False) -> bool:
    """Whether there is an older run directory at `out` to be replaced, or what remains of one.

    Raises:
        RunError: something is there that may not be replaced.
    """
    target = place(out)
    if target.is_symlink() and not target.exists():
        raise RunError(f"{target} is a link to {os.readlink(target)}, which is not there")
    if begins_here(target):
        return False
    marked, begun = ((target / name).exists() for name in (MARK, SCENARIO))
    # An older run that was removed in part, or drafts beside the mark: nothing can go on with them.
    remains = marked and not begun and not _foreign(target)
    if not overwrite and not remains:
        unfinished = "go on with it by sdesim resume, " if marked and begun else ""
        raise RunError(f"{target} exists already; {unfinished}choose another --out, or give --overwrite")
    if not (marked or begun):
        raise RunError(f"{target} is not a run directory, so it is not overwritten; choose another --out")
    for name in _foreign(target):
        raise RunError(f"{target} also holds {name}, which is not of a run, so it is not overwritten")
    return True


def begins_here(target: Place) -> bool:
    """Whether nothing is there yet, or only what an interruption leaves that comes before a scenario is
    written: an interrupted write leaves a draft."""
    if not target.exists():
        return True
    return target.is_dir() and all(p.name in _BEFORE or _is_draft(p.name) for p in target.iterdir())


def clear(target: Place) -> None:
    """Remove an older run, but for lock and mark; its scenario first, without which nothing resumes it."""
    held: list[Place] = [*target.iterdir()]
    for path in sorted(held, key=lambda p: p.name != SCENARIO):
        if path.name.startswith(LOCK) or path.name == MARK:
            continue
        if path.is_dir() and not path.is_symlink():
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)


def _foreign(target: Place) -> list[str]:
    """What a directory holds that is not of a run, in order."""
    names = (p.name for p in target.iterdir())
    return sorted(n for n in names if not (n in _CONTENTS or n.endswith(_OF_ARMS) or _is_draft(n)))


def _is_draft(name: str) -> bool:
    """Whether it is what an interrupted write leaves; what stands beside a lock is the lock's."""
    return name.startswith(LOCK) or any(name.startswith(f".{known}.") for known in _CONTENTS)
