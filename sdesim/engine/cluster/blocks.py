"""Parts of an ensemble that are walked apart: how large they are, and the plan of each.

The random numbers of a trajectory are a function of its place, so that they depend on no such split. A block
holds a power of two of leaves, so that its sums are a whole branch of the tree that reductions merge along.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.continuation import End
from sdesim.engine.plan import Plan
from sdesim.engine.reductions.base import LEAF
from sdesim.runs import RunWriter

Array = NDArray[np.float64]

# Updates of one coordinate that a core makes in a second, on simple surfaces, and seconds of a block: beside
# them a task costs nothing, and a worker that is lost costs no more.
_RATE, _SECONDS = 5e7, 10.0
# Blocks for each worker, so that all end at about the same time, as far as there are trajectories.
_SHARE = 4
# Bytes that a block's results and states may take.
_BYTES = 2**26
# What is the same for all parts and takes its time, or is made of the starts of all.
_CARRIED = ("regions", "paths", "watches", "overshoot_radius", "noise_memory")


def block_size(plan: Plan, workers: int, row: float) -> int:
    """Trajectories of a block: a power of two of leaves, work for about ten seconds.

    Args:
        plan: of all trajectories. workers: how many share them.
        row: bytes that one trajectory's results take in a worker.
    """
    updates = float(plan.steps - plan.begin) * plan.dim * max(1, plan.kernel.examples)
    wanted = min(
        _RATE * _SECONDS / max(updates, 1.0),
        _BYTES / (row + 32.0 * plan.dim),
        plan.trajectories / (_SHARE * max(1, workers)),
    )
    leaves = 1
    while leaves * 2 * LEAF <= wanted:
        leaves *= 2
    return leaves * LEAF


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
