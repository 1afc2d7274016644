"""Two workers against two threads of one process: a minute of the same work, to the bit."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sdesim.engine.cluster.clients import client_of

from .measured import Ensemble, seconds_each

_STEPS = 10_000


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock, and those of all processors for this process and those that it started."""

    clock: float
    cpu: float


def spent_on(work: Callable[[], Any], client: Any = None) -> tuple[Spent, Any]:
    """What it took, with what it returned.

    Args:
        work: processes that it starts have ended when it returns. client: of workers that are there already.
    """
    began, before = time.perf_counter(), _cpu(client)
    found = work()
    return Spent(time.perf_counter() - began, _cpu(client) - before), found


def _cpu(client: Any) -> float:
    of_workers = {} if client is None else client.run(os.times)
    return float(sum(sum(times[:4]) for times in (os.times(), *of_workers.values())))


def compared(seconds: float) -> tuple[dict[str, Spent], bool]:
    """What the same ensemble takes two threads, two workers with their start, and two that are there.

    Args:
        seconds: how long two cores are at work.

    Returns:
        The three, and whether all have the same bits.
    """
    each = seconds_each(_STEPS)
    ensemble = Ensemble(_STEPS, max(4096, round(2 * seconds / each)))
    threads, one = spent_on(lambda: ensemble.simulate(threads=2))
    started, anew = spent_on(lambda: ensemble.simulate(cluster=2))
    with client_of(2) as client:
        # They load what they need.
        Ensemble(_STEPS, 4096).simulate(cluster=client)
        there, again = spent_on(lambda: ensemble.simulate(cluster=client), client)
    same = all(run[name].equals(one[name]) for run in (anew, again) for name in one.data_vars)
    return {"two threads": threads, "two workers, with their start": started, "two workers": there}, same
