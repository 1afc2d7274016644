"""The command line as forks of a process that has loaded everything and run nothing.

A trial so costs its work and no start. Whoever ends the first process has ended its forks.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from sdesim.io.alive import runs as runs

# The exit code of what was interrupted before it began.
UNBEGUN = 99
# Seconds between two looks at how far a process is.
_POLL = 0.005
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_MODULES = ("cli", "commands.verbs", "report", "scenario.resuming", "scenario.sweep.run", "training")


def load(between: float) -> None:
    """Load what the commands use, before the forks.

    Args:
        between: seconds between two checkpoints of a simulation, not ten, so that short ones have some.
    """
    for module in _MODULES:
        importlib.import_module(f"sdesim.{module}")
    importlib.import_module("distributed")
    importlib.import_module("sdesim.engine.cluster.gather")
    importlib.import_module("torch").set_num_threads(1)
    checkpoint: Any = importlib.import_module("sdesim.engine.checkpoint")
    checkpoint._SECONDS = between


def launch(arguments: Sequence[str], folder: Path, before: Callable[[], None] | None = None) -> int:
    """The process of ``sdesim arguments`` in a working directory; what it says goes to said.txt there.

    Args:
        before: called in the new process first.
    """

    def told() -> None:
        said = os.open(folder / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        be(command(arguments), folder, said, before)

    return forked(told)


def forked(work: Callable[[], Any]) -> int:
    """A process that does this and ends, with exit code 0 where nothing was raised."""
    sys.stdout.flush()
    sys.stderr.flush()
    here, pid = os.getpid(), os.fork()
    if pid == 0:
        code = 1
        try:
            threading.Thread(target=_end_with, args=(here,), daemon=True).start()
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def end(pid: int) -> int:
    """Wait for its end: the exit code, −s of signal s."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run(arguments: Sequence[str], folder: Path, before: Callable[[], None] | None = None) -> int:
    """The exit code of ``sdesim arguments``; see `launch`."""
    return end(launch(arguments, folder, before))


def said(folder: Path) -> str:
    """What the last command there has said."""
    return (folder / "said.txt").read_text(encoding="utf-8").strip()


def called(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns, as JSON, when a fork calls it: so this process starts no thread.

    Raises:
        RuntimeError: it raised, with its words.
    """
    with tempfile.TemporaryDirectory() as room:
        answer = Path(room) / "answer.json"

        def call() -> None:
            try:
                told = {"value": function(*arguments)}
            except BaseException as error:
                told = {"error": f"{type(error).__name__}: {error}"}
            answer.write_text(json.dumps(told), encoding="utf-8")

        end(forked(call))
        found = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in found:
        raise RuntimeError(found["error"])
    return found["value"]


def children(pid: int) -> list[int]:
    """Processes below it that make calls, not the one that counts its files."""
    found = []
    for told in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in told.read_text().split() if _serves(int(child))]
    return found


def processor_seconds(pids: Iterable[int]) -> float:
    """Seconds of the processor that these processes have had so far."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            # Its name, in brackets, may hold blanks.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def used_so_far(others: Iterable[int]) -> float:
    """Seconds of the processor of all below this process that have ended, and of others that run."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime + processor_seconds(others)


def wait_for_work(pid: int, workers: Callable[[], list[int]], seconds: float, rest: float) -> None:
    """Wait until a process and its workers have had so much of the processor, or it has ended.

    Where a machine is busy with other work, a moment on its clock says nothing of how far a command is.

    Args:
        pid, workers: the process, and who else works for it. seconds: of the processor.
        rest: seconds on the clock after that, for what is waited for, as a disk, takes none.
    """
    before = processor_seconds(workers())
    while runs(pid) and processor_seconds([pid, *workers()]) - before < seconds:
        time.sleep(_POLL)
    time.sleep(rest)


def _serves(pid: int) -> bool:
    with suppress(OSError):
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(98)


def command(arguments: Sequence[str]) -> Callable[[], None]:
    """What is ``sdesim arguments``."""

    def call() -> None:
        from sdesim import cli

        sys.argv = ["sdesim", *arguments]
        cli.main()

    return call


def be(work: Callable[[], Any], folder: Path, said: int, before: Callable[[], None] | None) -> NoReturn:
    """Be a process that does this and nothing else, and end with the exit code of a program.

    Args:
        folder: the working directory. said: the file, by its number, to which goes what it says.
        before: called first, and not interrupted.
    """
    code = UNBEGUN
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        os.chdir(folder)
        os.dup2(said, 1)
        os.dup2(said, 2)
        # Those of the parent may be files, whose place a pipe does not have.
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if before is not None:
            before()
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            try:
                work()
                code = 0
            finally:
                signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        except BaseException as error:
            # What interrupts its end has come too late.
            stop = error.__context__ if isinstance(error, KeyboardInterrupt) else error
            if isinstance(stop, SystemExit):
                code = int(stop.code or 0)
            else:
                traceback.print_exc()
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
    finally:
        os._exit(code)
