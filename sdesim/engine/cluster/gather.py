"""An ensemble walked in blocks on a cluster: sent out, gathered, resumed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.engine.checkpoint import Checkpoint
from sdesim.engine.cluster.blocks import block_size, end_of_part, part_of, row_bytes
from sdesim.engine.cluster.clients import client_of, results, threads_of
from sdesim.engine.cluster.tree import Tree
from sdesim.engine.cluster.work import Block, Done, Job, code, foreign_modules, handed_on, packed, run_block
from sdesim.engine.plan import Plan
from sdesim.engine.reductions.collected import COUNTS, reduced_steps, steps_looked_at, sums_of
from sdesim.engine.saving import Evaluation
from sdesim.engine.simulation import changes_of, whole_run, writer_of
from sdesim.errors import RunError
from sdesim.io.progress import LabelledReport, labelled_progress
from sdesim.kinds import Misfit
from sdesim.runs import RunWriter
from sdesim.runs.stamp import Fingerprint
from sdesim.runs.store import begun_run

# Workers that progress is told of one by one.
_SHOWN = 16


@dataclass(frozen=True)
class Gathering:
    """What `simulate` was asked for, checked.

    Attributes:
        plan: of all trajectories. evaluate, threads, name: as of `simulate`, where threads share one block.
        out, mark: where it is stored, and what decides its numbers. labels: attributes.
        resume, accept: as of `simulate`.
    """

    plan: Plan
    evaluate: Evaluation | None
    out: Path | None
    mark: Fingerprint | None
    labels: dict[str, Any]
    threads: int
    resume: bool
    accept: bool
    name: str


class State:
    """Which blocks are done, and the sums that they came to.

    Args:
        plan: of all trajectories. size: of a block.
    """

    def __init__(self, plan: Plan, size: int) -> None:
        self.plan, self.size = plan, size
        self.count = -(-plan.trajectories // size)
        self.done = np.zeros(self.count, dtype=bool)
        self.trees = [Tree(reduction, plan.dim, self.count) for reduction in plan.reductions]
        steps = len(reduced_steps(plan.reductions, plan.setting)) if plan.reductions else 0
        self.counts = np.zeros((steps, 3), dtype=np.int64)

    def take(self, block: Done) -> None:
        """Note a block that has ended."""
        for tree, sums in zip(self.trees, block.sums, strict=True):
            tree.add(block.number, sums)
        self.counts += block.counts
        self.done[block.number] = True

    def portable(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint keeps."""
        sums = {f"sums{k}_{place}": a for k, t in enumerate(self.trees) for place, a in t.portable().items()}
        return {"block": np.array(self.size), "done": self.done, "block_counts": self.counts, **sums}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over what `portable` gave."""
        self.done[...], self.counts[...] = state["done"], state["block_counts"]
        for k, tree in enumerate(self.trees):
            mark = f"sums{k}_"
            tree.restore({name.removeprefix(mark): a for name, a in state.items() if name.startswith(mark)})

    def reduced(self) -> dict[str, NDArray[Any]]:
        """The values of all variables of the reductions."""
        setting, found = self.plan.setting, dict[str, NDArray[Any]]()
        for tree, reduction in zip(self.trees, self.plan.reductions, strict=True):
            settled = tree.settled()
            found |= reduction.results(settled, setting)
            found |= {sums_of(reduction): settled} if reduction.merges else {}
        for every in {reduction.every for reduction in self.plan.reductions}:
            looked = reduced_steps(self.plan.reductions, setting)
            numbers = self.counts[np.searchsorted(looked, steps_looked_at(every, setting))]
            found |= {name: numbers[:, k] for k, name in enumerate(COUNTS[every])}
        return found


def gathered(
    asked: Gathering, cluster: Any, progress: bool | Callable[[int, int], None], started: float
) -> xr.Dataset:  # fmt: skip
    """The run of all blocks.

    Raises:
        SdesimError: it can't be made on a cluster, or the cluster was lost; a stored one then resumes.
    """
    plan = asked.plan
    if plan.walked:
        raise Misfit(
            "cluster", f"found one with scheme {plan.scheme.name}, which moves all trajectories itself"
        )
    checkpoint = None if asked.out is None or asked.mark is None else Checkpoint(asked.out, asked.mark.key)
    labels, held = dict(asked.labels), None
    if asked.resume and asked.out is not None and asked.mark is not None and asked.out.exists():
        assert checkpoint is not None
        done = whole_run(asked.out, asked.mark, asked.accept)
        if done is not None:
            return done
        stored = begun_run(asked.out)
        if stored is not None:
            changes = changes_of(asked.out, stored, asked.mark, asked.accept)
            labels |= {"accepted_changes": changes} if changes else {}
        if stored is None or not checkpoint.path.exists():
            # Interrupted before its first block: it begins again.
            shutil.rmtree(asked.out)
        else:
            held = _taken_up(checkpoint, asked.accept)
    with client_of(cluster) as client:
        size = int(held["block"]) if held is not None else _size(plan, client, asked)
        state = State(plan, size)
        if held is not None:
            state.restore(held)
        writer = writer_of(
            plan, asked.out, labels, asked.evaluate, resume=held is not None, mark=asked.mark, block=size
        )
        if checkpoint is not None:
            _save(checkpoint, plan, writer, state)
        with _told(progress, asked.name or "simulation") as report:
            _gather(asked, client, state, writer, checkpoint, _Progress(plan, state, report, asked.name))
    for name, values in state.reduced().items():
        writer.write(name, values)
    run = writer.finish(wall_time=time.perf_counter() - started)
    if checkpoint is not None:
        checkpoint.remove()
    return run


def _gather(
    asked: Gathering, client: Any, state: State, writer: RunWriter, checkpoint: Checkpoint | None,
    progress: _Progress,
) -> None:  # fmt: skip
    plan = asked.plan
    parts = (plan.surface, *plan.noises, plan.scheme, *plan.reductions, *plan.exits, *plan.boundary)
    out = None if asked.out is None else str(asked.out.resolve())
    modules = foreign_modules((*parts, *plan.observables.values()))
    job = packed(Job(plan, asked.evaluate, out, state.size, asked.threads, modules, code()))
    progress.tell()
    try:
        for done in results(client, run_block, job, handed_on, _waiting(plan, state)):
            begin = done.number * state.size
            for name, values in done.values.items():
                writer.write(name, values, trajectory=slice(begin, begin + len(values)))
            writer.take_written(done.written)
            state.take(done)
            progress.tell(done)
            if checkpoint is not None and checkpoint.due():
                _save(checkpoint, plan, writer, state)
    except RunError as error:
        again = f"; {asked.out} keeps its finished blocks, and resume=True does the rest" if asked.out else ""
        raise RunError(f"{error}{again}") from None
    finally:
        if checkpoint is not None:
            _save(checkpoint, plan, writer, state)


def _save(checkpoint: Checkpoint, plan: Plan, writer: RunWriter, state: State) -> None:
    writer.check_place()
    # First what has been written: a block counts as done only where its chunks are known.
    writer.note_chunks()
    checkpoint.save(plan.begin, state)


def _waiting(plan: Plan, state: State) -> Iterator[Block]:
    """The blocks that are not done, as they travel."""
    same = bool((plan.theta0 == plan.theta0[:1]).all())
    for number in np.flatnonzero(~state.done):
        begin = int(number) * state.size
        end = min(begin + state.size, plan.trajectories)
        starts = plan.theta0[:1] if same else plan.theta0[begin:end]
        yield Block(int(number), begin, end, starts, end_of_part(plan.end, begin, end))


def _size(plan: Plan, client: Any, asked: Gathering) -> int:
    """Trajectories of a block, of a run that is begun."""
    one = part_of(plan, plan.theta0[:1], 0, end_of_part(plan.end, 0, 1))
    kept = writer_of(one, None, {}, asked.evaluate, resume=False, mark=None, begin=0)
    return block_size(plan, threads_of(client), row_bytes(kept, plan, asked.out is not None))


def _taken_up(checkpoint: Checkpoint, accept: bool) -> dict[str, NDArray[Any]]:
    found = checkpoint.load(accept)
    assert found is not None
    if "block" not in found[1]:
        raise RunError(f"{checkpoint.out} was begun in one process: go on without cluster= (--cluster)")
    return found[1]


@contextmanager
def _told(progress: bool | Callable[[int, int], None], name: str) -> Iterator[LabelledReport]:
    """As `labelled_progress`; a function of the caller's is told of the whole alone."""
    if not callable(progress):
        with labelled_progress(progress, transient=True, unit="") as report:
            yield report
        return

    def whole(label: str, done: int, total: int) -> None:
        if label == name:
            progress(done, total)

    yield whole


class _Progress:
    """How far the blocks have come, in steps of all trajectories, and what each worker has done of them."""

    def __init__(self, plan: Plan, state: State, report: LabelledReport, name: str) -> None:
        self._plan, self._state, self._report = plan, state, report
        self._name = name or "simulation"
        self._each: dict[str, int] = {}

    def tell(self, done: Done | None = None) -> None:
        """Tell of a block that has ended, or of the start."""
        state, plan = self._state, self._plan
        share = float(state.done.sum()) / state.count
        self._report(self._name, plan.begin + round(share * (plan.steps - plan.begin)), plan.steps)
        if done is not None and (done.worker in self._each or len(self._each) < _SHOWN):
            self._each[done.worker] = self._each.get(done.worker, 0) + 1
            self._report(f"blocks of {done.worker}", self._each[done.worker], state.count)
