"""How threads share the blocks of an ensemble: evenly, though blocks are few and cores not equally fast.

A block's steps are walked in pieces, and a thread takes the next block that waits, walks one piece of it and
puts it back behind the others. All blocks so come to their end at about the same time, and a thread waits for
the others for one piece at most. The numbers depend on no such split.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Blocks = NDArray[np.int64]
# Tasks for each thread, and how many updates one has at least: beside a millisecond a call costs nothing.
_TASKS, _LEAST = 16, 1e6
# Pieces begin where the increments of a group of steps begin, so that none are drawn twice.
_GROUP = 4


def shares(
    blocks: int, updates: int, start: int, end: int, threads: int
) -> tuple[list[Blocks], list[tuple[int, int]]]:
    """Groups of blocks, and the pieces (first step, last step) that each is walked in, one after the other.

    Args:
        blocks: how many. updates: of one block's step. start, end: steps. threads: how many.
    """
    wanted = _TASKS * threads
    groups = np.array_split(np.arange(blocks), min(blocks, wanted))
    work = updates * len(groups[0]) * (end - start)
    count = int(np.clip(min(wanted / len(groups), work / _LEAST), 1, max(1, (end - start) // _GROUP)))
    cuts = [(start + (end - start) * k // count) // _GROUP * _GROUP for k in range(1, count)]
    marks = sorted({start, *(c for c in cuts if c > start), end})
    return groups, list(pairwise(marks)) or [(start, end)]


def share_out(
    work: Callable[[Blocks, int, int], None],
    groups: list[Blocks],
    pieces: list[tuple[int, int]],
    threads: int,
) -> None:
    """Call work(group, first, last) for all groups and pieces, those of a group in their order."""
    waiting = deque((group, 0) for group in groups)

    def walk() -> None:
        while True:
            try:
                group, piece = waiting.popleft()
            except IndexError:
                return
            work(group, *pieces[piece])
            if piece + 1 < len(pieces):
                waiting.append((group, piece + 1))

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(walk) for _ in range(min(threads, len(groups)))]:
            done.result()
