"""How large the blocks of an ensemble are, by what a trajectory takes a worker that is there."""

from __future__ import annotations

import importlib
from concurrent.futures import CancelledError
from typing import Any

from sdesim.engine.cluster.blocks import block_size, branch_size, end_of_part, part_of, row_bytes
from sdesim.engine.cluster.tasks import FAILED, Gathering, block_of
from sdesim.engine.cluster.work import seconds_of
from sdesim.engine.ensemble import suitable_lanes
from sdesim.engine.plan import Plan
from sdesim.engine.reductions.collected import reduced_steps
from sdesim.engine.simulation import writer_of
from sdesim.io.scheduler import lost, result_of, threads_of

# Workers that load what they need while one of them is timed.
_TIMED = 64


def sizes(asked: Gathering, client: Any, job: Any) -> tuple[int, int]:
    """Trajectories of a block and blocks of a branch, of a run that is begun."""
    plan = asked.plan
    one = part_of(plan, plan.theta0[:1], 0, end_of_part(plan.end, 0, 1))
    kept = writer_of(one, None, {}, asked.evaluate, resume=False, mark=None, begin=0)
    workers = threads_of(client)
    row = row_bytes(kept, plan, asked.out is not None)
    steps = len(reduced_steps(plan.reductions, plan.setting)) if plan.reductions else 0
    sums = 8.0 * steps * sum(reduction.width(plan.dim) for reduction in plan.reductions)
    size = block_size(plan, workers, row, seconds_each(plan, client, asked.threads, job), sums)
    return size, branch_size(-(-plan.trajectories // size), workers, sums)


def seconds_each(plan: Plan, client: Any, threads: int, job: Any) -> float:
    """Seconds that a trajectory takes a worker. All load what they need meanwhile; the first one counts."""
    distributed: Any = importlib.import_module("distributed")
    block = block_of(plan, min(suitable_lanes(plan.dim) * threads, plan.trajectories), 0)
    # Another does what was for one that is gone by then.
    timed = [
        client.submit(seconds_of, job, block, pure=False, workers=[worker], allow_other_workers=True)
        for worker in list(client.nthreads())[:_TIMED]
    ]
    # Without a worker yet, the first that comes.
    timed = timed or [client.submit(seconds_of, job, block, pure=False)]
    try:
        first = next(iter(distributed.as_completed(timed, loop=client.loop)))
        if first.cancelled():
            raise lost(client)
        return float(result_of(first.result, FAILED))
    except (OSError, CancelledError):
        raise lost(client) from None
