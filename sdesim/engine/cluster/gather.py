"""An ensemble walked in blocks on a cluster: sent out, gathered, resumed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import xarray as xr
from numpy.typing import NDArray

from sdesim.engine.checkpoint import Checkpoint
from sdesim.engine.cluster.clients import client_of
from sdesim.engine.cluster.shown import Progress, told
from sdesim.engine.cluster.sizing import sizes
from sdesim.engine.cluster.state import State
from sdesim.engine.cluster.tasks import FAILED, Gathering, sent, waiting
from sdesim.engine.cluster.work import Done
from sdesim.engine.simulation import changes_of, whole_run, writer_of
from sdesim.errors import RunError
from sdesim.io.places import remove_tree
from sdesim.io.scheduler import on_cluster, result_of
from sdesim.kinds import Misfit
from sdesim.runs import RunWriter
from sdesim.runs.store import begun_run


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
            remove_tree(asked.out)
        else:
            held = _taken_up(checkpoint, asked.accept)
    with client_of(cluster) as client, sent(asked, client) as job:
        if held is None:
            size, branch = sizes(asked, client, job)
        else:
            size, branch = int(held["block"]), int(held["branch"])
        state = State(plan, size, branch)
        if held is not None:
            state.restore(held)
        writer = writer_of(
            plan, asked.out, labels, asked.evaluate, resume=held is not None, mark=asked.mark, block=size
        )
        if checkpoint is not None:
            _save(asked, checkpoint, writer, state)
        with told(progress, asked.name or "simulation") as report:
            _gather(asked, client, job, state, writer, checkpoint, Progress(plan, state, report, asked.name))
    for name, values in state.reduced().items():
        writer.write(name, values)
    run = writer.finish(wall_time=time.perf_counter() - started)
    if checkpoint is not None:
        checkpoint.remove()
    return run


def _gather(
    asked: Gathering, client: Any, job: Any, state: State, writer: RunWriter, checkpoint: Checkpoint | None,
    progress: Progress,
) -> None:  # fmt: skip
    plan = asked.plan
    progress.tell()
    try:
        for ended in on_cluster(client, waiting(plan, state, job), progress.passed):
            done: Done = result_of(ended.result, FAILED)
            if asked.held is not None:
                asked.held.check()
            begin = done.number * state.branch * state.size
            for name, values in done.values.items():
                writer.write(name, values, trajectory=slice(begin, begin + len(values)))
            writer.take_written(done.written)
            state.take(done)
            progress.tell(done)
            if checkpoint is not None and checkpoint.due():
                _save(asked, checkpoint, writer, state)
    except RunError as error:
        again = f"; {asked.out} keeps its finished blocks, and resume=True does the rest" if asked.out else ""
        raise RunError(f"{error}{again}") from None
    finally:
        if checkpoint is not None:
            _save(asked, checkpoint, writer, state)


def _save(asked: Gathering, checkpoint: Checkpoint, writer: RunWriter, state: State) -> None:
    began = time.monotonic()
    writer.check_place()
    if asked.held is not None:
        asked.held.check()
    # First what has been written: a block counts as done only where its chunks are known.
    writer.note_chunks()
    checkpoint.save(asked.plan.begin, state)
    # Of many blocks these are long lists.
    checkpoint.took(time.monotonic() - began)


def _taken_up(checkpoint: Checkpoint, accept: bool) -> dict[str, NDArray[Any]]:
    found = checkpoint.load(accept)
    assert found is not None
    if "block" not in found[1]:
        raise RunError(f"{checkpoint.out} was begun in one process: go on without cluster= (--cluster)")
    return found[1]
