"""What the simulation takes from this machine: seconds of a trajectory and of a task, bytes of a block."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import sdesim
from sdesim.engine.cluster.blocks import bounds
from sdesim.engine.cluster.clients import client_of
from sdesim.engine.cluster.work import Block, Job, code, packed, run_block
from sdesim.engine.plan import make_plan
from sdesim.io.scheduler import on_cluster, one_task


@dataclass(frozen=True)
class Ensemble:
    """The ensemble that is looked at: a double well, of which the moments are kept at 1,000 steps."""

    steps: int
    trajectories: int

    def arguments(self) -> dict[str, Any]:
        """Of `simulate`."""
        return {
            "surface": sdesim.surfaces.DoubleWell(), "noise": sdesim.noise.Gaussian(0.2), "dt": 0.01,
            "steps": self.steps, "trajectories": self.trajectories, "seed": 0, "save": [],
            "reduce": [sdesim.reductions.Moments()],
        }  # fmt: skip

    def simulate(self, **further: Any) -> Any:
        """Its run."""
        return sdesim.simulate(**self.arguments(), progress=False, **further)


def seconds_each(steps: int) -> float:
    """CPU seconds of a trajectory of so many steps on one core."""
    Ensemble(10, 1024).simulate(threads=1)
    few, many = (Ensemble(steps, count) for count in (1024, 16 * 1024))
    spent = []
    for ensemble in (few, many):
        began = time.process_time()
        ensemble.simulate(threads=1)
        spent.append(time.process_time() - began)
    return (spent[1] - spent[0]) / (many.trajectories - few.trajectories)


def _nothing(number: int) -> int:
    return number


def task_seconds(count: int = 2000) -> float:
    """CPU seconds of the scheduler and the client together for one task of nothing on two workers."""
    with client_of(2) as client:
        for _ in on_cluster(client, (one_task(_nothing, k) for k in range(100))):
            pass
        began = time.process_time()
        for _ in on_cluster(client, (one_task(_nothing, k) for k in range(count))):
            pass
        return (time.process_time() - began) / count


def block_bytes() -> tuple[float, float, float]:
    """Bytes of a block on its way to a worker, and of what comes back: of all, and for a trajectory."""
    given = {
        "theta0": None,
        "learning_rate": None,
        "scheme": "auto",
        "save_every": None,
        "events": (),
        "probes": None,
    }
    plan = make_plan(**{**Ensemble(1000, 4096).arguments(), **given})
    job = packed(Job(plan, None, None, 1, (), code()))
    sent, came = [], []
    for size in (64, 1024):
        block = Block(0, *bounds(plan, size, 0), size, plan.theta0[:1], None)
        sent.append(len(pickle.dumps(block)))
        came.append(len(pickle.dumps(run_block(job, block))))
    each = (came[1] - came[0]) / (1024 - 64)
    return float(np.mean(sent)), came[0] - 64 * each, each
