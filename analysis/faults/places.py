"""A folder of its own file system, which can be made full, of too few files, or read-only."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

_ROOM = 256 * 2**20


class Place:
    """A folder on a tmpfs.

    Args:
        folder: where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        _call("mount", "-t", "tmpfs", "-o", f"size={_ROOM},mode=755", "tmpfs", str(folder))

    def used(self) -> tuple[int, int]:
        """Bytes and files."""
        found = os.statvfs(self.folder)
        return (found.f_blocks - found.f_bfree) * found.f_frsize, found.f_files - found.f_ffree

    def largest(self) -> int:
        """Bytes of the largest file."""
        return max((p.stat().st_size for p in self.folder.rglob("*") if p.is_file()), default=0)

    def leave(self, size: int | None = None, files: int | None = None) -> None:
        """Let so many bytes or files be added."""
        held, there = self.used()
        told = [] if size is None else [f"size={max(4096, held + size)}"]
        told += [] if files is None else [f"nr_inodes={there + files}"]
        _call("mount", "-o", ",".join(["remount", *told]), str(self.folder))

    def close(self, patience: float = 0.0) -> bool:
        """Let nothing be written; whether it could be, which it can't while a file is open for writing."""
        until = time.monotonic() + patience
        while True:
            done = subprocess.run(("mount", "-o", "remount,ro", str(self.folder)), capture_output=True)
            if done.returncode == 0 or time.monotonic() >= until:
                return done.returncode == 0

    def mend(self) -> None:
        """Room, files and leave to write."""
        _call("mount", "-o", f"remount,rw,size={_ROOM},nr_inodes=0", str(self.folder))

    def remove(self) -> None:
        """Unmount it."""
        _call("umount", "-l", str(self.folder))
        self.folder.rmdir()


def _call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
