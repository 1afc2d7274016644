"""Clients of Dask: a given one, one of the scheduler at an address, or one of processes of this machine."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any

from sdesim.errors import RunError, SdesimError, failure
from sdesim.io.scheduler import NO_DASK, check_address, connected
from sdesim.kinds import Misfit
from sdesim.kinds.numbers import whole

# Tasks that wait for each thread of the workers, so that none stands idle while the next one travels.
_AHEAD = 2


def check_cluster(cluster: Any) -> None:
    """Refuse what is no cluster, or where none is, before anything is begun.

    Raises:
        Misfit: it is no client, address or number. RunError: no scheduler answers, or there is no Dask here.
    """
    if find_spec("distributed") is None:
        raise RunError(NO_DASK)
    if isinstance(cluster, str):
        check_address(cluster)
    elif isinstance(cluster, int) and not isinstance(cluster, bool):
        whole(cluster, "cluster")
    elif not hasattr(cluster, "submit"):
        allowed = "a client of dask.distributed, the address of a scheduler, or a number of processes"
        raise Misfit("cluster", f"found {cluster!r}, allowed: {allowed}")


@contextmanager
def client_of(cluster: Any) -> Iterator[Any]:
    """Yield a client of what `simulate` was given as cluster; a given one is left open.

    Raises:
        Misfit: it is none of these. RunError: no scheduler answers, or there is no Dask here.
    """
    check_cluster(cluster)
    distributed: Any = importlib.import_module("distributed")
    if hasattr(cluster, "submit"):
        yield cluster
        return
    if isinstance(cluster, str):
        with connected(cluster) as client:
            yield client
        return
    with (
        distributed.LocalCluster(
            n_workers=cluster, threads_per_worker=1, processes=True, dashboard_address=None,
            silence_logs="CRITICAL",
        ) as local,
        distributed.Client(local, set_as_default=False) as client,
    ):  # fmt: skip
        yield client


def threads_of(client: Any) -> int:
    """How many tasks the workers that are there now run at once, at least 1."""
    return max(1, int(sum(client.nthreads().values())))


def results(
    client: Any, function: Callable[..., Any], job: bytes, hand_on: Callable[[bytes], bytes],
    calls: Iterable[Any],
) -> Iterator[Any]:  # fmt: skip
    """function(job, call) of all calls, as they end; a few at a time are at the scheduler.

    Args:
        hand_on: the job as a task of its own, so that a worker that has lost it gets it again.

    Raises:
        RunError: the scheduler was lost, or workers died one after another over a call.
        SdesimError: what a call raised.
    """
    distributed: Any = importlib.import_module("distributed")
    shared = client.submit(hand_on, job, pure=False)
    waiting = iter(calls)
    running = distributed.as_completed(loop=client.loop)
    futures: set[Any] = set()

    def send() -> bool:
        call = next(waiting, None)
        if call is None:
            return False
        future = client.submit(function, shared, call, pure=False)
        futures.add(future)
        running.add(future)
        return True

    try:
        while len(futures) < _AHEAD * threads_of(client) and send():
            pass
        for future in running:
            value = _result(client, distributed, future)
            futures.discard(future)
            yield value
            # Workers may have come meanwhile.
            while len(futures) < _AHEAD * threads_of(client) and send():
                pass
    except OSError:
        raise _lost(client) from None
    finally:
        # Of a scheduler that is gone there is nothing to take back.
        if client.status == "running":
            with suppress(OSError):
                client.cancel([*futures, shared])


def _result(client: Any, distributed: Any, future: Any) -> Any:
    try:
        return future.result()
    except distributed.KilledWorker:
        raise RunError("the workers that ran a block died one after another (out of memory?)") from None
    except SdesimError:
        raise
    except CancelledError:
        raise _lost(client) from None
    except Exception as error:
        raise RunError(f"a block could not be walked: {failure(error)}") from None


def _lost(client: Any) -> RunError:
    return RunError(f"the Dask scheduler at {client.scheduler.address} was lost")
