"""A scheduler that hands blocks to workers, as a queue: how long they take, and what waits for what.

The scheduler, with the client beside it, is one server that spends the same time on every block. A worker
walks one block while the next one waits beside it; once it has walked one, the scheduler hears of it, does
what it does for a block, and sends the worker another.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        seconds: from the first block to the last. load: share of it in which the scheduler was busy.
        efficiency: share of the workers' time in which they walked blocks.
    """

    seconds: float
    load: float
    efficiency: float


def simulated(
    blocks: int, workers: int, seconds: float, task: float, latency: float = 0.0, spread: float = 0.0,
    start: float = 0.0, seed: int = 0,
) -> Outcome:  # fmt: skip
    """Walk all blocks.

    Args:
        blocks: how many there are. workers: how many walk them.
        seconds: of a block, on average. spread: standard deviation of its logarithm.
        task: seconds of the scheduler for a block. latency: seconds that a message takes.
        start: seconds until a worker is ready for its first block.
        seed: of the blocks' seconds.
    """
    normals = np.random.default_rng(seed).standard_normal(blocks)
    lasting = (seconds * np.exp(spread * normals - 0.5 * spread**2)).tolist()
    # Each worker is told of two blocks at first; afterwards, of one for each that it has walked.
    asking = [(0.0, worker) for worker in range(workers) for _ in range(2)]
    heapq.heapify(asking)
    free = [start] * workers
    server = busy = end = 0.0
    for length in lasting:
        asked, worker = heapq.heappop(asking)
        server = max(server, asked) + task
        busy += task
        free[worker] = max(free[worker], server + latency) + length
        end = max(end, free[worker])
        heapq.heappush(asking, (free[worker] + latency, worker))
    end = max(end, server) + latency
    return Outcome(end, busy / end, sum(lasting) / (workers * end))
