"""Seeds that are trained on a cluster: what travels there, and what comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from numpy.typing import NDArray

from sdesim.engine.cluster.clients import client_of
from sdesim.engine.cluster.work import arrived, code, foreign_modules, travelling, worker_here
from sdesim.errors import RunError
from sdesim.io.scheduler import handed, on_cluster, one_task, result_of
from sdesim.runs import Probes
from sdesim.runs.stamp import Fingerprint
from sdesim.training.batched.group import train_group
from sdesim.training.loop.attributes import run_attributes
from sdesim.training.loop.finished_seeds import FinishedSeeds, fingerprint
from sdesim.training.loop.prepared import Prepared, prepare
from sdesim.training.loop.recipe import Recipe
from sdesim.training.loop.trajectory import train_trajectory
from sdesim.training.probes.guard import Kept

Values = dict[str, NDArray[Any]]
# A training sets torch's threads and generators, which are the process's: one at a time has them.
TRAINING = threading.RLock()
# Jobs that nobody waits for any more, by their marks: a worker of this process leaves what it does for them.
_left: set[str] = set()


@dataclass(frozen=True)
class Job:
    """What all seeds share, as it travels.

    Attributes:
        recipe, save_every, save, probes, checkpoint_every: as of `record`.
        out: where the run is stored, or None. together: seeds that one program trains.
        parts: what decides the numbers and is no code, by which a worker sees that it makes the same.
        code: versions and sources that decide the bits besides.
        mark: by which this job is told from others.
    """

    recipe: Recipe
    save_every: int | None
    save: Sequence[str] | str
    probes: Probes | None
    checkpoint_every: int | None
    out: str | None
    together: int
    parts: dict[str, str]
    code: tuple[str, ...]
    mark: str = field(default_factory=lambda: uuid4().hex)


def versions() -> tuple[str, ...]:
    """Of what the bits of a training are a function."""
    return (*code(), f"torch {torch.__version__}")


def plain_parts(mark: Fingerprint) -> dict[str, str]:
    """Parts that are no code; of functions that travelled a worker has no source."""
    return {name: told for name, told in mark.parts.items() if not told.startswith("#")}


def trained_on_cluster(
    cluster: Any, job: Job, count: int, finished: FinishedSeeds | None, progress: Any,
    report: Callable[[int, int], None],
) -> Iterator[tuple[int, Values]]:  # fmt: skip
    """Number and saved values of each seed in their order, read where an interrupted call had finished it.

    Args:
        cluster: as of `simulate`. job: what all share. count: of seeds.
        progress: as `record` was given it. report: (done, total) of steps.

    Raises:
        SdesimError: a seed can't be trained, or the cluster was lost.
    """
    steps, beside = job.recipe.steps, getattr(progress, "beside", None)
    groups = [range(first, min(first + job.together, count)) for first in range(0, count, job.together)]
    held = {g[0]: [finished.load(k) for k in g] if finished is not None else [None] * len(g) for g in groups}
    waiting = [g for g in groups if any(values is None for values in held[g[0]])]
    ready: dict[int, list[Values]] = {
        first: [v for v in values if v is not None] for first, values in held.items()
    }
    for group in waiting:
        del ready[group[0]]
    done, each, following = sum(len(values) for values in ready.values()), dict[str, int](), iter(groups)
    due = next(following, None)

    def settled() -> Iterator[tuple[int, Values]]:
        nonlocal due
        while due is not None and due[0] in ready:
            yield from zip(due, ready.pop(due[0]), strict=True)
            due = next(following, None)

    report(done * steps, count * steps)
    yield from settled()
    if not waiting:
        return
    recipe = job.recipe
    parts = (recipe.module, recipe.optimizer, recipe.scheduler, recipe.train, recipe.test, *recipe.penalties)
    try:
        with client_of(cluster) as client, handed(client, travelling(job, foreign_modules(parts))) as there:
            calls = (one_task(train_there, there, g.start, g.stop) for g in waiting)
            for ended in on_cluster(client, calls):
                found, worker = result_of(ended.result, "a seed could not be trained")
                group = waiting[ended.place]
                # The first at last: the state of its name goes once all the others are there.
                for k, values in reversed(list(zip(group, found, strict=True))):
                    if finished is not None:
                        finished.save(k, values)
                ready[group[0]] = found
                done += len(group)
                each[worker] = each.get(worker, 0) + len(group)
                report(done * steps, count * steps)
                if beside is not None:
                    beside(f"seeds of {worker}", each[worker], count)
                yield from settled()
    except RunError as error:
        again = f"; {job.out} keeps its finished seeds, and resume=True does the rest" if job.out else ""
        raise RunError(f"{error}{again}") from None
    finally:
        # Whatever comes next may draw from the generators that a worker of this process has.
        _left.add(job.mark)
        with TRAINING:
            pass


def train_there(job: bytes, first: int, last: int) -> tuple[list[Values], str]:
    """Train the seeds first … last − 1.

    Returns:
        Their saved values, and the address of the worker.

    Raises:
        SdesimError: this worker can't, and why.
    """
    with TRAINING:
        found, prepared, mark = _opened(job)

        def report(_: int) -> None:
            if found.mark in _left:
                raise RunError("nobody waits for this seed any more")

        report(0)
        seeds = range(first, last)
        finished = None if found.out is None else FinishedSeeds(Path(found.out), mark)
        # A worker that does not see the folder keeps no states.
        kept = finished is not None and finished.folder.is_dir()
        # The state of the loss, if it has any, is that of the first step for every seed.
        loss = Kept(prepared.recipe.loss_fn, parameters=True)
        try:
            if found.together > 1:
                group = (
                    finished.group_checkpoints(first, found.checkpoint_every) if finished and kept else None
                )
                return train_group(prepared, seeds, found.together, report, group), worker_here()
            keeper = finished.checkpoints(first, found.checkpoint_every) if finished and kept else None
            return [train_trajectory(prepared, first, report, keeper)], worker_here()
        finally:
            loss.restore()


@lru_cache(maxsize=2)
def _opened(job: bytes) -> tuple[Job, Prepared, Fingerprint]:
    found: Job = arrived(job, versions())
    prepared = prepare(found.recipe, save_every=found.save_every, save=found.save, probes=found.probes)
    attrs = run_attributes(prepared, "") | ({"seeds_at_once": found.together} if found.together > 1 else {})
    mark = fingerprint(prepared, attrs)
    mine = plain_parts(mark)
    differ = sorted(name for name in {*mine, *found.parts} if mine.get(name) != found.parts.get(name))
    if differ:
        raise RunError(f"a worker would train something else: its {', '.join(differ)} differ")
    return found, prepared, mark
