"""A Dask scheduler at an address: refused at once where there is none, one line where it is lost."""

from __future__ import annotations

import importlib
import logging
import math
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from sdesim.errors import RunError, SdesimError, failure, first_line
from sdesim.io.processes import DiedError, Ended

NO_DASK = 'a Dask cluster needs the package distributed: pip install "sdesim[dask]"'
_ALLOWED = "allowed: that of a running scheduler, as tcp://HOST:8786"
# Seconds for a name to be resolved and a connection to be made, and for the scheduler to say who it is.
_CONNECT, _GREET = 1.0, 5
# Tasks that wait for each thread of the workers, so that none stands idle while the next one travels.
_AHEAD = 2
# Seconds between two looks at how many workers there are, each of which asks the scheduler.
_LOOK = 1.0
# They tell of every reconnection that fails, in tracebacks; what comes of it is said here, once.
_LOGGERS = (
    "distributed.client",
    "distributed.comm",
    "distributed.core",
    "distributed.utils",
    "tornado",
    "asyncio",
)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Yield a client of the Dask scheduler at `address`.

    Raises:
        RunError: there is none, or no Dask here.
    """
    if find_spec("distributed") is None:
        raise RunError(NO_DASK)
    check_address(address)
    distributed: Any = importlib.import_module("distributed")
    with _quiet():
        try:
            client = distributed.Client(address, timeout=_GREET, set_as_default=False)
        except Exception as error:
            raise RunError(f"no Dask scheduler at {address}: {first_line(error)}; {_ALLOWED}") from None
        try:
            yield client
        finally:
            client.close(timeout=_GREET)


# What submits a task: (function, arguments) → its future. A call of a cluster submits its tasks by one, and
# returns those that are its parts, if it has any, and the one whose result is its own.
Submit = Callable[..., Any]
Call = Callable[[Submit], tuple[Sequence[Any], Any]]


def threads_of(client: Any) -> int:
    """How many tasks the workers that are there now run at once, at least 1."""
    return max(1, int(sum(client.nthreads().values())))


def processes_at(address: str) -> int:
    """How many workers the scheduler there has now, at least 1.

    Raises:
        RunError: as `connected`.
    """
    with connected(address) as client:
        return max(1, len(client.nthreads()))


def one_task(function: Callable[..., Any], *arguments: Any) -> Call:
    """A call that is one task."""
    return lambda submit: ((), submit(function, *arguments))


def on_cluster(
    client: Any, calls: Iterable[Call], passed: Callable[[], None] | None = None
) -> Iterator[Ended]:
    """The calls as they end, in any order, as of `processes`; a few at a time are at the scheduler.

    Args:
        calls: each submits its tasks. passed: told whenever a part of one has ended.

    Raises:
        RunError: the scheduler was lost.
    """
    distributed: Any = importlib.import_module("distributed")
    waiting = enumerate(calls)
    running = distributed.as_completed(loop=client.loop)
    # Tasks that are calls by themselves or parts of one, and the calls' results, by their numbers.
    parts: set[Any] = set()
    results: dict[Any, int] = {}

    def submit(function: Callable[..., Any], *arguments: Any) -> Any:
        # Impure: what was removed must be made anew, whatever the cluster remembers.
        return client.submit(function, *arguments, pure=False)

    most, looked = 0, -math.inf

    def fill() -> None:
        nonlocal most, looked
        if time.monotonic() - looked > _LOOK:
            # Workers may have come meanwhile.
            most, looked = _AHEAD * threads_of(client), time.monotonic()
        while len(parts) < most and (following := next(waiting, None)) is not None:
            place, call = following
            made, result = call(submit)
            parts.update(made or (result,))
            results[result] = place
            running.update([*made, result])

    try:
        fill()
        for future in running:
            if future.cancelled():
                raise lost(client)
            parts.discard(future)
            if future in results:
                yield _ended(results.pop(future), future)
            elif passed is not None:
                passed()
            fill()
    except OSError:
        raise lost(client) from None
    finally:
        # Of a scheduler that is gone there is nothing to take back.
        if client.status == "running":
            with suppress(OSError):
                client.cancel([*parts, *results])


def _handed_on(content: bytes) -> bytes:
    return content


@contextmanager
def handed(client: Any, content: bytes) -> Iterator[Any]:
    """Yield a future of these bytes, for tasks that share them: the result of a task, which workers pass to
    one another, and which is made anew if it is lost."""
    future = client.submit(_handed_on, content, pure=False)
    try:
        yield future
    finally:
        if client.status == "running":
            with suppress(OSError):
                client.cancel([future])


def result_of(get: Callable[[], Any], failed: str) -> Any:
    """What a call came to, or why it can't be.

    Args:
        get: gives it, or raises what the call raised. failed: how a message of what is not ours begins.

    Raises:
        SdesimError: as it was raised, or in one line.
    """
    try:
        return get()
    except DiedError as error:
        raise RunError(str(error)) from None
    except SdesimError:
        raise
    except Exception as error:
        raise RunError(f"{failed}: {failure(error)}") from None


def lost(client: Any) -> RunError:
    """What is told of a scheduler that is gone."""
    return RunError(f"the Dask scheduler at {client.scheduler.address} was lost")


def _ended(place: int, future: Any) -> Ended:
    killed: Any = importlib.import_module("distributed").KilledWorker
    try:
        return Ended(place, future.result(), None)
    except killed:
        return Ended(
            place, None, DiedError("the workers that ran it died one after another (out of memory?)")
        )
    except CancelledError as error:
        # With its scheduler, which the caller is told of.
        raise OSError(first_line(error)) from None
    except Exception as error:
        return Ended(place, None, error)


def check_address(address: str) -> None:
    """Try a connection before Dask does, which goes on trying.

    Raises:
        RunError: there is no scheduler.
    """
    plain = address if "://" in address else f"tcp://{address}"
    refused = RunError(f"scheduler: found {address!r}, {_ALLOWED}")
    try:
        parts = urlsplit(plain)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        raise refused from None
    if scheme not in ("tcp", "tls", "ws", "wss", "ucx", "inproc") or not host:
        raise refused
    if scheme not in ("tcp", "tls"):
        return
    if not port:
        raise RunError(f"scheduler: found {address!r}, which names no port; {_ALLOWED}")
    failed: list[str] = ["no answer"]

    def attempt() -> None:
        try:
            socket.create_connection((host, port), timeout=_CONNECT).close()
            failed.clear()
        except (OSError, UnicodeError) as error:
            failed[:] = [getattr(error, "strerror", None) or first_line(error)]

    # A name server may take long to say no, and can't be told how long.
    attempted = threading.Thread(target=attempt, daemon=True)
    attempted.start()
    attempted.join(_CONNECT)
    if failed:
        raise RunError(f"no Dask scheduler at {address}: {failed[0]}; {_ALLOWED}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask from telling of a connection that is lost."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
