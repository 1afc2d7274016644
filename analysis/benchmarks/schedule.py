"""How two, four and eight threads would share problem A, from the times of its pieces on one core.

``python -m analysis.benchmarks.schedule`` times every piece of a run on one thread, and what `simulate` does
beside them, and plays the schedule: a thread takes the next block that waits. Cores are equally fast, or one
of them is slower. Beside it the schedule of whole blocks, one task each, as it would be without pieces.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import sdesim
from sdesim import noise, surfaces
from sdesim.engine.ensemble import Ensemble
from sdesim.engine.plan import make_plan
from sdesim.engine.sharing import shares
from sdesim.io.files import atomic_write_json

from .problems import PROBLEMS

_THREADS = (1, 2, 4, 8)
_ROUNDS = 7
# A core of which others take a fifth.
_SLOW = 0.8
_NOTHING = np.zeros(0, dtype=np.int64)


def played(times: list[list[float]], speeds: list[float]) -> float:
    """When the last of the threads is done; times of the pieces of each group, walked in their order.

    Args:
        speeds: of the core of each thread, 1 for the one that was timed.
    """
    waiting = [(0.0, k, 0) for k in range(len(times))]
    free = [(0.0, core) for core in range(len(speeds))]
    while waiting:
        # The group that has waited longest goes to the thread that is free first.
        ready, group, piece = waiting.pop(0)
        at, core = heapq.heappop(free)
        done = max(at, ready) + times[group][piece] / speeds[core]
        heapq.heappush(free, (done, core))
        if piece + 1 < len(times[group]):
            waiting.append((done, group, piece + 1))
            waiting.sort()
    return max(done for done, _ in free)


def measured(trajectories: int, steps: int) -> dict[str, Any]:
    """Seconds of every block's pieces, of whole runs, and of what a run does beside them."""
    facts = PROBLEMS["A"].facts
    surface, driving = surfaces.DoubleWell(barrier=0.25), noise.Gaussian(diffusion=facts["noise"])
    plan = make_plan(
        surface, driving, theta0=facts["theta0"], dt=facts["dt"], steps=steps, trajectories=trajectories,
        seed=facts["seed"], learning_rate=None, scheme="euler-maruyama", save_every=steps, save=("theta",),
        events=(), probes=None,
    )  # fmt: skip
    outputs = (
        np.empty((trajectories, 0, 1)),
        np.empty((trajectories, 0, 1)),
        *np.empty((2, trajectories, 0)),
    )
    ensemble = Ensemble(plan, 1)
    ensemble.advance(0, steps, _NOTHING, outputs, 0)

    def whole() -> float:
        return _seconds(lambda: ensemble.advance(0, steps, _NOTHING, outputs, 0))

    def run() -> float:
        return _seconds(
            lambda: sdesim.simulate(
                surface, driving, facts["theta0"], dt=facts["dt"], steps=steps, trajectories=trajectories,
                seed=facts["seed"], save_every=steps, threads=1, progress=False,
            )
        )  # fmt: skip

    run()
    walks = min(whole() for _ in range(_ROUNDS))
    runs = min(run() for _ in range(_ROUNDS))
    found: dict[str, Any] = {
        "whole_walk": walks,
        "beside": max(runs - walks, 0.0),
        "pieces": {},
        "blocks": {},
    }
    for threads in _THREADS:
        mine = Ensemble(plan, threads)
        groups, pieces = shares(mine.blocks, mine.lanes, 0, steps, threads)
        # Blocks are alike: each is timed as an ensemble of its own.
        single = replace(plan, theta0=plan.theta0[: mine.lanes * len(groups[0])])
        for key, cuts in (("pieces", pieces), ("blocks", [(0, steps)])):
            block = Ensemble(single, 1, mine.lanes)
            found[key][threads] = [_timed(block, cuts) for _ in groups]
    return found


def _timed(block: Ensemble, pieces: list[tuple[int, int]]) -> list[float]:
    """Seconds of each piece of a block, the least of the rounds."""
    count = block.plan.trajectories
    outputs = (np.empty((count, 0, 1)), np.empty((count, 0, 1)), *np.empty((2, count, 0)))
    rounds = []
    for _ in range(_ROUNDS):
        times = []
        for first, last in pieces:
            started = time.thread_time()
            block.advance(first, last, _NOTHING, outputs, 0)
            times.append(time.thread_time() - started)
        rounds.append(times)
    return [float(t) for t in np.min(rounds, axis=0)]


def _seconds(call: Callable[[], Any]) -> float:
    started = time.thread_time()
    call()
    return time.thread_time() - started


def main() -> None:
    """Measure, play, and write ``results/schedule.json``."""
    found = measured(4096, 10_000)
    alone = found["whole_walk"] + found["beside"]
    rows: list[dict[str, Any]] = []
    for threads in _THREADS:
        for slowest in (1.0, _SLOW)[:threads]:
            row: dict[str, Any] = {"threads": threads, "slowest core": slowest}
            for name, key in (("in pieces", "pieces"), ("by whole blocks", "blocks")):
                speeds = [1.0] * (threads - 1) + [slowest]
                row[name] = alone / (found["beside"] + played(found[key][threads], speeds))
            rows.append(row)
            print(", ".join(f"{k} {v:.3g}" for k, v in row.items()))
    data = {"seconds_alone": alone, "seconds_beside": found["beside"], "speed_up": rows}
    atomic_write_json(Path(__file__).parent / "results" / "schedule.json", data)


if __name__ == "__main__":
    main()
