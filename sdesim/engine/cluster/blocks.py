"""Parts of an ensemble that are walked apart: how large they are, and the plan of each.

The random numbers of a trajectory are a function of its place, so that they depend on no such split. A block
holds a power of two of leaves, so that its sums are a whole branch of the tree that reductions merge along.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.continuation import End
from sdesim.engine.memory import fitting
from sdesim.engine.plan import Plan
from sdesim.engine.reductions.base import LEAF
from sdesim.runs import RunWriter

Array = NDArray[np.float64]

# Seconds of a block: at least, beside which what a worker does for each costs nothing, and at the most, so
# that a worker that is lost costs no more.
LEAST, _MOST = 0.5, 10.0
# Seconds of the scheduler and the client for a block, as `python -m analysis.scaling` measures them, and the
# share of their time that blocks may take.
TASK, LOAD = 3e-3, 0.25
# Blocks for each worker, so that all end at about the same time.
_SHARE = 48
# Bytes of the sums of all blocks beyond which they are merged on the workers, and what is merged there by one
# task; blocks of a branch for each worker at the most, all of which are walked anew where the scheduler is
# lost before their branch is whole.
_SUMS, FAN, _BRANCH = 2**24, 8, 4
# Bytes of sums for each second of a block: a tenth of what is sent and merged in one.
_PACE = 1e7
# What is the same for all parts and takes its time, or is made of the starts of all.
_CARRIED = ("regions", "paths", "watches", "overshoot_radius", "noise_memory")


def block_size(plan: Plan, workers: int, row: float, each: float, sums: float = 0.0) -> int:
    """Trajectories of a block: a power of two of leaves.

    Its seconds are a 48th of a worker's share, at least half a second, more where so many workers would
    leave the scheduler too little time for each block or sums take long to be sent and merged, and at most
    ten or what that needs.

    Args:
        plan: of all trajectories. workers: how many share them, at least 1.
        row: bytes that one trajectory's results take in a worker. each: seconds that it takes.
        sums: bytes of a block's sums.
    """
    share = plan.trajectories / workers
    least = max(LEAST, workers * TASK / LOAD, sums / _PACE)
    seconds = min(max(share * each / _SHARE, least), max(_MOST, least))
    wanted = min(seconds / max(each, 1e-12), fitting(row, plan.dim), share)
    return power_of_two(wanted / LEAF) * LEAF


def branch_size(blocks: int, workers: int, sums: float) -> int:
    """Blocks whose sums are merged on the workers, a power of two; 1 where each one's are sent.

    Args:
        blocks: how many there are. workers: how many share them. sums: bytes of one block's.
    """
    return min(power_of_two(blocks * sums / _SUMS), power_of_two(min(blocks / 2, _BRANCH * workers)))


def power_of_two(most: float) -> int:
    """The largest one that is not above, at least 1."""
    return 1 << max(0, math.frexp(most)[1] - 1)


def row_bytes(writer: RunWriter, plan: Plan, stored: bool) -> float:
    """Bytes of one trajectory's results in a worker: all, or where they are stored a chunk's."""
    share = min(1.0, 256 / max(1, len(plan.saved))) if stored else 1.0
    return share * writer.row_bytes()


def bounds(plan: Plan, size: int, number: int) -> tuple[int, int]:
    """Where block ``number`` begins and ends, counted from the first trajectory of the plan."""
    return number * size, min((number + 1) * size, plan.trajectories)


def part_of(plan: Plan, starts: Array, begin: int, ended: End | None) -> Plan:
    """The plan of some trajectories: starts (k, d), place of the first, what they go on from."""
    found = replace(plan, theta0=starts, first=plan.first + begin, end=ended)
    carry(plan, found)
    return found


def carry(plan: Plan, copy: Plan) -> None:
    """Give a copy what takes its time to make, or is made of the starts of all trajectories."""
    # A cached property lives among the attributes.
    copy.__dict__.update({name: getattr(plan, name) for name in _CARRIED})


def end_of_part(whole: End | None, begin: int, end: int) -> End | None:
    """What the trajectories begin … end − 1 go on from."""
    if whole is None:
        return None
    return replace(
        whole, first=whole.first + begin, theta=whole.theta[begin:end], status=whole.status[begin:end],
        values={name: values[begin:end] for name, values in whole.values.items()},
    )  # fmt: skip
