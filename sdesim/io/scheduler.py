"""A Dask scheduler at an address: refused at once where there is none, one line where it is lost."""

from __future__ import annotations

import importlib
import logging
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from sdesim.errors import RunError, first_line
from sdesim.io.processes import DiedError, Ended

NO_DASK = 'a Dask cluster needs the package distributed: pip install "sdesim[dask]"'
_ALLOWED = "allowed: that of a running scheduler, as tcp://HOST:8786"
# Seconds for a name to be resolved and a connection to be made, and for the scheduler to say who it is.
_CONNECT, _GREET = 1.0, 5
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


def on_cluster(
    client: Any, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]
) -> Iterator[Ended]:
    """The calls as they end, in any order, as of `processes`.

    Raises:
        RunError: the scheduler was lost.
    """
    distributed: Any = importlib.import_module("distributed")
    # Impure: a directory that was removed must be written anew, whatever the cluster remembers.
    futures = {client.submit(function, *c, pure=False): place for place, c in enumerate(calls)}
    address = client.scheduler.address
    try:
        for future in distributed.as_completed(list(futures), loop=client.loop):
            if future.cancelled():
                raise RunError(f"the Dask scheduler at {address} was lost")
            yield _ended(futures[future], future)
    finally:
        # Of a scheduler that is gone there is nothing to take back.
        if client.status == "running":
            client.cancel(list(futures))


def _ended(place: int, future: Any) -> Ended:
    killed: Any = importlib.import_module("distributed").KilledWorker
    try:
        return Ended(place, future.result(), None)
    except killed:
        return Ended(
            place, None, DiedError("the workers that ran it died one after another (out of memory?)")
        )
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
