"""An ensemble as tasks of Dask: what all share, blocks, and what merges what they come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sdesim.engine.cluster.blocks import FAN, end_of_part
from sdesim.engine.cluster.state import State
from sdesim.engine.cluster.work import Block, Job, code, foreign_modules, merged, packed, run_block
from sdesim.engine.plan import Plan
from sdesim.engine.saving import Evaluation
from sdesim.io.lease import Holding
from sdesim.io.places import Place
from sdesim.io.scheduler import Call, Submit, handed
from sdesim.runs.stamp import Fingerprint

# How the message of a block that can't be walked begins.
FAILED = "a block could not be walked"


@dataclass(frozen=True)
class Gathering:
    """What `simulate` was asked for, checked.

    Attributes:
        plan: of all trajectories. evaluate, threads, name: as of `simulate`, where threads share one block.
        out, mark: where it is stored, and what decides its numbers. labels: attributes.
        resume, accept: as of `simulate`. held: the lock of what is stored.
    """

    plan: Plan
    evaluate: Evaluation | None
    out: Place | None
    mark: Fingerprint | None
    labels: dict[str, Any]
    threads: int
    resume: bool
    accept: bool
    name: str
    held: Holding | None = None


@contextmanager
def sent(asked: Gathering, client: Any) -> Iterator[Any]:
    """What all blocks share, as `handed`."""
    plan = asked.plan
    parts = (plan.surface, *plan.noises, plan.scheme, *plan.reductions, *plan.exits, *plan.boundary)
    out = None if asked.out is None else asked.out.resolve()
    modules = foreign_modules((*parts, *plan.observables.values()))
    job = packed(Job(plan, asked.evaluate, out, asked.threads, modules, code()))
    with handed(client, job) as future:
        yield future


def waiting(plan: Plan, state: State, job: Any) -> Iterator[Call]:
    """The branches that are not done: their blocks as tasks, and those that merge what they come to."""
    for number in map(int, np.flatnonzero(~state.done)):
        yield partial(_branch, plan, state, job, number)


def _branch(plan: Plan, state: State, job: Any, number: int, submit: Submit) -> tuple[Sequence[Any], Any]:
    blocks = state.of_branch(number)
    walked = [submit(run_block, job, block_of(plan, state.size, k)) for k in blocks]
    level, width, first = walked, state.branch, blocks.start
    while width > 1:
        fan = min(FAN, width)
        first, width = first // fan, width // fan
        groups = [level[k : k + fan] for k in range(0, len(level), fan)]
        level = [submit(merged, job, first + k, *group) for k, group in enumerate(groups)]
    return (walked if state.branch > 1 else (), level[0])


def block_of(plan: Plan, size: int, number: int) -> Block:
    """A block as it travels."""
    begin = number * size
    end = min(begin + size, plan.trajectories)
    starts = plan.theta0[:1] if plan.one_start else plan.theta0[begin:end]
    return Block(number, begin, end, size, starts, end_of_part(plan.end, begin, end))
