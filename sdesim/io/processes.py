"""Calls shared out among processes of this machine, each of which may die without taking others along.

No process outlives what started it: whoever leaves `processes`, by whatever error, has ended them all, and
one whose parent was killed ends itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from sdesim.errors import RunError, SdesimError, located

# Seconds that an idle process has to leave by itself, and that a busy one has after SIGTERM.
_PATIENCE = 5.0


class DiedError(RunError):
    """The process that made a call is gone."""


@dataclass(frozen=True)
class Ended:
    """A call that has ended.

    Attributes:
        place: which of the calls, from 0.
        value: what it returned. error: what it raised, or None; `DiedError` where its process died.
    """

    place: int
    value: Any
    error: Exception | None

    def result(self) -> Any:
        """What it returned.

        Raises:
            Exception: what it raised.
        """
        if self.error is not None:
            raise self.error
        return self.value


Calls = Callable[[Callable[..., Any], Iterable[tuple[Any, ...]]], Iterator[Ended]]


@contextmanager
def processes(count: int, tries: int = 1) -> Iterator[Calls]:
    """Yield a function (function, arguments of each call) that yields the calls as they end, in any order.

    Args:
        count: of processes, at least 1; they are started when there is something for them to do.
        tries: how many processes may die over a call before that is its end.
    """
    lanes: list[_Lane] = []
    try:
        yield lambda function, calls: _shared_out(lanes, count, tries, function, calls)
    finally:
        for lane in lanes:
            lane.dismiss()
        for lane in lanes:
            lane.end()


def _shared_out(
    lanes: list[_Lane], count: int, tries: int, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]
) -> Iterator[Ended]:
    waiting = deque((place, tuple(arguments), 1) for place, arguments in enumerate(calls))
    while waiting or any(lane.work for lane in lanes):
        free = [lane for lane in lanes if lane.work is None]
        while waiting and (free or len(lanes) < count):
            if free:
                lane = free.pop()
            else:
                lane = _Lane()
                lanes.append(lane)
            lane.begin(function, waiting.popleft())
        for pipe in wait([lane.pipe for lane in lanes if lane.work]):
            lane = next(lane for lane in lanes if lane.pipe is pipe)
            work = lane.work
            assert work is not None
            ended = lane.receive()
            if ended.error is not None and not lane.alive:
                lanes.remove(lane)
                if work[2] < tries:
                    waiting.appendleft((work[0], work[1], work[2] + 1))
                    continue
            yield ended


class _Lane:
    """One process and the call that it is at: place, arguments, how often it has been begun."""

    def __init__(self) -> None:
        # A forked child would inherit the threads of the compiled kernels in an unusable state.
        context = multiprocessing.get_context("spawn")
        self.pipe, end = context.Pipe()
        self.process = context.Process(target=_serve, args=(end,), daemon=False)
        self.work: tuple[int, tuple[Any, ...], int] | None = None
        self.alive = True
        with _interruption_held():
            self.process.start()
        end.close()

    def begin(self, function: Callable[..., Any], work: tuple[int, tuple[Any, ...], int]) -> None:
        self.work = work
        # A process that died meanwhile is found when it is listened to.
        with suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send((function, work[1]))

    def receive(self) -> Ended:
        assert self.work is not None
        place, self.work = self.work[0], None
        try:
            value, error = self.pipe.recv()
        except (EOFError, OSError):
            self.alive = False
            self.process.join()
            self.pipe.close()
            return Ended(place, None, DiedError(_how(self.process.exitcode)))
        return Ended(place, value, error)

    def dismiss(self) -> None:
        """Let an idle process leave; stop one that is at work."""
        self.pipe.close()
        if self.work is not None:
            self.process.terminate()

    def end(self) -> None:
        self.process.join(_PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _how(code: int | None) -> str:
    """How a process ended, by its exit code."""
    if code is None or code >= 0:
        return f"the process that ran it ended with exit code {code}"
    with suppress(ValueError):
        name = signal.Signals(-code).name
        return f"the process that ran it was killed ({name}{', out of memory?' if name == 'SIGKILL' else ''})"
    return f"the process that ran it was killed (signal {-code})"


@contextmanager
def _interruption_held() -> Iterator[None]:
    """A child that is started here never sees Ctrl-C, which a terminal sends to it too: its parent ends it.

    Here the signal only comes late.
    """
    mask: Any = getattr(signal, "pthread_sigmask", None)
    if mask is None:
        # On Windows.
        yield
        return
    before = mask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        mask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection) -> None:
    """Make the calls that come, one after another, until there is no parent any more or it hangs up."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            function, arguments = pipe.recv()
        except (EOFError, ConnectionError):
            return
        try:
            told: tuple[Any, Exception | None] = function(*arguments), None
        except Exception as error:
            told = None, _portable(error)
        try:
            pipe.send(told)
        except ConnectionError:
            # Nobody waits for it any more.
            return


def _portable(error: Exception) -> Exception:
    """An error that can be sent: many of others can't be built again from their texts."""
    return error if isinstance(error, SdesimError) else RunError(located(error))


def _end_with_parent() -> None:
    """Wait for the parent's end, however it comes, and end at once: nobody waits for the work any more."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
