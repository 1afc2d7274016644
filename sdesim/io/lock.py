"""One writer of a folder at a time: a lock file with its owner and a heartbeat, in the folder or beside it.

The lock of an owner that has died is taken over: on the same machine at once, of another one (a folder that
several mount) when it has not been refreshed for two minutes. The library, filelock, knows Linux, macOS and
Windows. What lies at a URL has a lease in its place (`sdesim.io.lease`).
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from sdesim.errors import RunError, first_line
from sdesim.io.alive import is_this_machine, is_zombie
from sdesim.io.files import folder_made, standing
from sdesim.io.lease import BEAT, LEASE, Holding, Lease, leased
from sdesim.io.places import Place, Remote, place

# The file in a run directory; beside a store its name has this at the end.
LOCK = ".lock"
# Seconds within which who makes a lock file writes its owner into it, and between two looks.
_WRITTEN, _LOOK = 3.0, 0.1


class Held(Holding):
    """A lock file that this process holds.

    Args:
        folder: what is written, as messages name it. lease: the library's lock.
    """

    def __init__(self, folder: Path, lease: Any) -> None:
        self.folder, self._lease = folder, lease
        self._lock = Path(lease.lock_file)
        self._places: dict[Place, tuple[int, int] | None] = {self._lock: _identity(self._lock)}
        self._home = _identity(self._lock.parent)

    def watch(self, folder: Place) -> None:
        """Let `check` also see that this one stays where it is."""
        self._places[folder] = _identity(folder)

    def check(self) -> None:
        """That what is written is still there, and still this process's.

        Raises:
            RunError: it was moved or removed, or another process has taken it over.
        """
        for path, identity in self._places.items():
            found = _identity(path)
            if found == identity:
                continue
            if path != self._lock or found is None:
                gone = path if path.parent.exists() else path.parent
                raise RunError(f"{gone} was moved or removed while {self.folder} was being written")
            raise RunError(f"{self.folder} was taken over by {_owner(self._lease)}")

    def stands(self) -> bool:
        """Whether the folder is where it was and is no other process's, be its lock gone or not."""
        home = _identity(self._lock.parent) == self._home
        return home and _identity(self._lock) in (None, self._places[self._lock])


def locked(folder: Place, lock: Any = None) -> AbstractContextManager[Holding]:
    """Hold the lock of what is written to `folder`, which is made if it isn't there.

    Args:
        folder: a folder, of this machine or at a URL. lock: the lock file; None: in the folder.

    Raises:
        RunError: another process writes there, or nothing can be written.
    """
    folder = place(folder)
    lock = folder / LOCK if lock is None else lock
    return leased(folder, lock) if isinstance(folder, Remote) else _locked(folder, lock)


@contextmanager
def _locked(folder: Path, lock: Path) -> Iterator[Held]:
    from filelock import SoftFileLease, Timeout

    if folder.is_symlink() and not folder.exists():
        raise RunError(f"{folder} is a link to {os.readlink(folder)}, which is not there")
    lease = SoftFileLease(lock, lease_duration=LEASE, heartbeat_interval=BEAT)
    try:
        folder_made(lock.parent)
        _let_go(lock, lease)
        lease.acquire(timeout=_patience(lock, lease), poll_interval=0.5)
    except Timeout:
        raise RunError(
            f"{folder} is being written by {_owner(lease)}: wait for it to end, or choose another folder"
        ) from None
    except OSError as error:
        raise RunError(f"can't write {lock}: {error.strerror or error}") from error
    except ValueError as error:
        raise RunError(f"{lock} is held by a program with other rules: {first_line(error)}") from None
    try:
        with standing(lock.parent):
            yield Held(folder, lease)
    finally:
        lease.release()


def beside(out: Place | None) -> AbstractContextManager[Holding | None]:
    """`locked` with the lock beside a store, in whose own folder other programs expect nothing of ours; of
    None nothing."""
    return nullcontext() if out is None else locked(out, lock_beside(out))


def lock_beside(out: Place) -> Place:
    """Where the lock of a store is."""
    return out.with_name(f"{out.name}{LOCK}")


def clear_dead(lock: Place) -> None:
    """Remove the lock that a process of this machine left which was killed; of what is whole nobody takes it
    over. That of any other process stays, and so does one where nothing can be written."""
    from filelock import SoftFileLease

    if isinstance(lock, Remote):
        with suppress(RunError):
            Lease(lock.parent, lock).clear_dead()
    elif lock.exists():
        lease = SoftFileLease(lock, lease_duration=LEASE, heartbeat_interval=BEAT)
        _let_go(lock, lease)
        # To take it over and let it go removes it.
        with suppress(OSError, ValueError), lease.acquire(timeout=0):
            pass


def _let_go(lock: Path, lease: Any) -> None:
    """Remove a lock that the library keeps though nobody holds it: that of a process of this machine that has
    ended and that nobody has waited for, and one that a kill or a crash of the machine left empty."""
    seen, owner = _identity(lock), lease.owner
    if seen is None:
        return
    ended = owner is not None and is_this_machine(owner.hostname) and is_zombie(owner.pid)
    if not ended and not _stays_empty(lock):
        return
    aside = lock.with_name(f"{lock.name}.{secrets.token_hex(8)}")
    with suppress(OSError):
        os.replace(lock, aside)
        # Another may have done the same and hold it since.
        if _identity(aside) != seen or (owner is None) is not _is_empty(aside):
            with suppress(FileExistsError):
                os.link(aside, lock)
        aside.unlink()


def _stays_empty(lock: Path) -> bool:
    """Whether nobody writes an owner into a lock file: who has made it does so at once."""
    end = time.monotonic() + _WRITTEN
    while _is_empty(lock):
        if time.monotonic() > end:
            return True
        time.sleep(_LOOK)
    return False


def _is_empty(lock: Path) -> bool:
    """Whether a lock file holds nothing, or zeros, as after a loss of power."""
    with suppress(OSError):
        return not lock.read_bytes().strip(b"\0")
    return False


def _patience(lock: Path, lease: Any) -> float:
    """Seconds to wait: none, unless the owner is of another machine and has not refreshed it for so long that
    it seems dead. Of one on this machine it is known at once."""
    owner = lease.owner
    if owner is None or is_this_machine(owner.hostname):
        return 0.0
    try:
        return 1.5 * LEASE if time.time() - lock.stat().st_mtime > 2 * LEASE else 0.0
    except OSError:
        return 0.0


def _owner(lease: Any) -> str:
    owner = lease.owner
    return "another process" if owner is None else f"process {owner.pid} on {owner.hostname}"


def _identity(file: Place) -> tuple[int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino
