"""Commands and programs as forks, heard through a pipe: a file would be on the disk that is full."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from analysis.kills import forks

_LONGEST = 600.0


def launched(
    work: Sequence[str] | str, folder: Path, first: Callable[[], None] | None = None
) -> tuple[int, int]:
    """Begin it; its process, and where what it says can be read.

    Args:
        work: arguments of the command line, or the text of a program.
        folder: the working directory. first: what the process does to itself.
    """
    read, write = os.pipe()
    done = _program(work) if isinstance(work, str) else forks.command(work)

    def told() -> None:
        os.close(read)
        forks.be(done, folder, write, first)

    pid = forks.forked(told)
    os.close(write)
    return pid, read


def ended(pid: int, read: int) -> tuple[int, str]:
    """Exit code and all that it said; one that takes ten minutes is killed."""
    said: list[bytes] = []

    def listen() -> None:
        while part := os.read(read, 65536):
            said.append(part)

    # What it started may outlive it and hold the pipe.
    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    until = time.monotonic() + _LONGEST
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            break
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
    listening.join(5)
    return os.waitstatus_to_exitcode(status), b"".join(said).decode(errors="replace")


def _program(text: str) -> Callable[[], None]:
    """What is ``python program``."""

    def call() -> None:
        from sdesim.errors import SdesimError

        try:
            exec(compile(text, "program", "exec"), {"__name__": "__main__"})
        except SdesimError as error:
            # A program of a user's own would show this as the last line of its traceback.
            print(f"sdesim: {error}", file=sys.stderr)
            sys.exit(2)

    return call
