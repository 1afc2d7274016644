"""One writer at a time in a store of objects: a lock object with its owner and a heartbeat.

Such a store has no file that a lock library could hold, so that this is a lease: an object that only one of
several can make, where the store excludes (S3, Google's; elsewhere two that begin within the same moment may
both make it, and the one whose object was replaced is told at its next beat). Nothing stops an owner that is
cut off from the store for minutes; it is told when it comes back.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from sdesim.errors import RunError
from sdesim.io.alive import runs
from sdesim.io.places import Remote

# Seconds between two beats, without one after which another machine may take over, and between two looks.
BEAT, LEASE, _LOOK = 20.0, 120.0, 5.0
# Seconds that who takes over waits for another who does the same.
_SETTLED = 1.0


class Holding(ABC):
    """The lock of a place that this process writes."""

    @abstractmethod
    def watch(self, folder: Any) -> None:
        """Let `check` also see that this one stays where it is."""

    @abstractmethod
    def check(self) -> None:
        """That what is written is still there, and still this process's.

        Raises:
            RunError: it was moved or removed, or another process has taken it over.
        """

    @abstractmethod
    def stands(self) -> bool:
        """Whether the place is where it was and is no other process's, be its lock gone or not."""

    def told(self, report: Callable[..., None]) -> Callable[..., None]:
        """A function that reports progress, after a `check`."""

        def checked(*progress: Any) -> None:
            self.check()
            report(*progress)

        return checked


class Lease(Holding):
    """A lock object that this process holds.

    Args:
        folder: what is written, as messages name it. lock: the object.
    """

    def __init__(self, folder: Remote, lock: Remote) -> None:
        self.folder, self._lock = folder, lock
        self._told = {"pid": os.getpid(), "host": socket.gethostname(), "token": secrets.token_hex(8)}
        self._lost = ""
        self._ended = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="sdesim lease", daemon=True)

    def acquire(self) -> None:
        """Make the object.

        Raises:
            RunError: another process writes there, or nothing can be written.
        """
        taken = False
        while not self._lock.create(self._content()):
            owner = self._owner()
            if owner is not None and not self._dead(owner):
                named = f"{self.folder} is being written by {_named(owner)}"
                raise RunError(f"{named}: wait for it to end, or choose another")
            self._lock.unlink(missing_ok=True)
            taken = True
        if taken:
            # Another may have found the same owner dead, and removed what was made here.
            time.sleep(_SETTLED)
            self._look()
            self.check()
        self._beating.start()

    def release(self) -> None:
        """Remove the object, where it is this process's."""
        self._ended.set()
        self._beating.join()
        with suppress(RunError):
            if not self._lost and self._is_own(self._owner()):
                self._lock.unlink(missing_ok=True)

    def clear_dead(self) -> None:
        """Remove the object of a process of this machine that has ended."""
        owner = self._owner()
        if owner is not None and self._ended_here(owner):
            self._lock.unlink(missing_ok=True)

    def watch(self, folder: Any) -> None:
        """Nothing: objects are not moved."""

    def check(self) -> None:
        """That the lock is still this process's, as far as the last beat tells.

        Raises:
            RunError: another process has taken it over, or the store was out of reach.
        """
        if self._lost:
            raise RunError(f"{self.folder} {self._lost}")

    def stands(self) -> bool:
        """Whether something is there and it is no other process's, be its lock gone or not."""
        owner = self._owner()
        return (owner is None or self._is_own(owner)) and self.folder.exists()

    def _beat(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(BEAT) and not self._lost:
            try:
                self._look()
                if not self._lost:
                    self._lock.write_bytes(self._content())
                last = time.monotonic()
            except RunError:
                if time.monotonic() - last > LEASE:
                    self._lost = (
                        "was out of reach for minutes, so that another process may have taken it over"
                    )

    def _look(self) -> None:
        owner = self._owner()
        if not self._is_own(owner):
            self._lost = (
                "was removed while it was being written" if owner is None
                else f"was taken over by {_named(owner)}"
            )  # fmt: skip

    def _is_own(self, owner: Mapping[str, Any] | None) -> bool:
        return owner is not None and owner.get("token") == self._told["token"]

    def _content(self) -> bytes:
        return json.dumps({**self._told, "beat": time.time()}).encode()

    def _owner(self) -> dict[str, Any] | None:
        """What the object says; {} where it says nothing."""
        try:
            found: Any = json.loads(self._lock.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _is_here(self, owner: Mapping[str, Any]) -> bool:
        here = owner.get("host") == self._told["host"] and os.name == "posix"
        return here and isinstance(owner.get("pid"), int)

    def _ended_here(self, owner: Mapping[str, Any]) -> bool:
        return self._is_here(owner) and not runs(owner["pid"])

    def _dead(self, owner: Mapping[str, Any]) -> bool:
        """Whether an owner is: on this machine that is known; of another one it is taken so when its clock
        says that it has not beaten for long, and no beat comes while this process waits."""
        if self._is_here(owner):
            return self._ended_here(owner)
        beat = owner.get("beat")
        if isinstance(beat, float) and time.time() - beat <= 2 * LEASE:
            return False
        end = time.monotonic() + LEASE
        while time.monotonic() < end:
            time.sleep(_LOOK)
            now = self._owner()
            if now != owner:
                return now is None
        return True


@contextmanager
def leased(folder: Remote, lock: Remote) -> Iterator[Lease]:
    """Hold the lock of what is written to `folder`.

    Raises:
        RunError: another process writes there, or nothing can be written.
    """
    lease = Lease(folder, lock)
    lease.acquire()
    try:
        yield lease
    finally:
        lease.release()


def _named(owner: Mapping[str, Any]) -> str:
    return (
        f"process {owner['pid']} on {owner['host']}" if {"pid", "host"} <= set(owner) else "another process"
    )
