"""Clients of Dask: a given one, one of the scheduler at an address, or one of processes of this machine."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from sdesim.errors import RunError
from sdesim.io.scheduler import NO_DASK, check_address, connected, threads_of
from sdesim.kinds import Misfit
from sdesim.kinds.numbers import whole
from sdesim.kinds.spelling import short

# What Dask looks at many times a second, which takes a twentieth of two cores: what its tasks are at, its
# memory and its delays.
_QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.admin.tick.interval": "1s",
}

# What the scheduler serves of itself, on a free port and to this machine alone.
_LOCAL = "127.0.0.1:0"


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
        raise Misfit("cluster", f"found {short(cluster)}, allowed: {allowed}")


def workers_of(cluster: Any) -> int:
    """How many blocks are walked at once, as far as the cores of this machine allow.

    Raises:
        as `client_of`.
    """
    if isinstance(cluster, int):
        return min(cluster, os.cpu_count() or 1)
    with client_of(cluster) as client:
        return threads_of(client)


@contextmanager
def client_of(cluster: Any) -> Iterator[Any]:
    """Yield a client of what `simulate` was given as cluster; a given one is left open.

    Raises:
        Misfit: it is none of these. RunError: no scheduler answers, or there is no Dask here.
    """
    check_cluster(cluster)
    dask, distributed = map(importlib.import_module, ("dask.config", "distributed"))
    if hasattr(cluster, "submit"):
        yield cluster
        return
    if isinstance(cluster, str):
        with connected(cluster) as client:
            yield client
        return
    with (
        dask.set(_QUIET),
        distributed.LocalCluster(
            n_workers=cluster, threads_per_worker=1, processes=True, dashboard_address=_LOCAL,
            silence_logs="CRITICAL",
        ) as local,
        distributed.Client(local, set_as_default=False) as client,
    ):  # fmt: skip
        yield client
