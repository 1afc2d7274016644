"""Commands as forks of a process that has loaded everything: a trial costs its work and no start."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

_LONGEST = 600.0


def load() -> None:
    """Load what the commands use, before the forks; checkpoints are then made every 0.05 s."""
    for name in ("cli", "commands.verbs", "report", "scenario.resuming", "scenario.sweep.run", "training"):
        importlib.import_module(f"sdesim.{name}")
    importlib.import_module("torch").set_num_threads(1)
    importlib.import_module("sdesim.engine.checkpoint")._SECONDS = 0.05


def launched(
    work: Sequence[str] | str, folder: Path, first: Callable[[], None] | None = None
) -> tuple[int, int]:
    """Begin it; its process, and where what it says can be read.

    Args:
        work: arguments of the command line, or the text of a program.
        folder: the working directory. first: what the process does to itself.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    read, write = os.pipe()
    here, pid = os.getpid(), os.fork()
    if pid == 0:
        os.close(read)
        threading.Thread(target=_end_with, args=(here,), daemon=True).start()
        _be(work, folder, write, first)
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


def _end_with(parent: int) -> None:
    """Whoever ends the study has ended its forks."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(98)


def _be(
    work: Sequence[str] | str, folder: Path, write: int, first: Callable[[], None] | None
) -> NoReturn:  # fmt: skip
    code = 99
    try:
        os.chdir(folder)
        os.dup2(write, 1)
        os.dup2(write, 2)
        os.close(write)
        # Those of the parent may be files, whose place a pipe does not have.
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if first is not None:
            first()
        code = _done(work)
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
    finally:
        os._exit(code)


def _done(work: Sequence[str] | str) -> int:
    from sdesim import cli
    from sdesim.errors import SdesimError

    try:
        if isinstance(work, str):
            try:
                exec(compile(work, "program", "exec"), {"__name__": "__main__"})
            except SdesimError as error:
                # A program of a user's own would show this as the last line of its traceback.
                print(f"sdesim: {error}", file=sys.stderr)
                return 2
            return 0
        sys.argv = ["sdesim", *work]
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        return 99
    return 0
