"""What a worker does: walk one block of an ensemble, and write or return what it keeps."""

from __future__ import annotations

import hashlib
import importlib
import platform
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from sdesim.compiled.jit import source_stamp
from sdesim.compiled.sources import is_own
from sdesim.engine.cluster.blocks import carry, part_of
from sdesim.engine.cluster.tree import Tree
from sdesim.engine.continuation import End
from sdesim.engine.ensemble import Ensemble
from sdesim.engine.plan import Plan, own_noise
from sdesim.engine.reductions.base import Base
from sdesim.engine.refinement import refined_plan
from sdesim.engine.saving import Evaluation
from sdesim.engine.simulation import walk_part
from sdesim.errors import RunError, SdesimError, failure
from sdesim.io.places import Place
from sdesim.runs import RunWriter

Array = NDArray[np.float64]
# Steps that are timed first, how many times as many next, and seconds that are enough.
_FIRST, _LONGER, _TIMED = 2, 4, 0.1
# Drivers are made, and their modules written, by one thread at a time.
_MAKING = threading.Lock()


@dataclass(frozen=True)
class Job:
    """What all blocks of an ensemble share, as it travels.

    Attributes:
        plan: without its compiled sides, which name modules of one machine's cache, and with one start.
        evaluate: as of `simulate`. out: where the run is stored, or None.
        threads: that share a block. modules: of kinds and functions that are not sdesim's.
        code: what decides the bits besides the plan.
    """

    plan: Plan
    evaluate: Evaluation | None
    out: Place | None
    threads: int
    modules: tuple[str, ...]
    code: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """One task.

    Attributes:
        number: of the block. begin, end: its trajectories, from the first of the plan.
        size: trajectories of every block but the last.
        starts: (k, d), or one row (1, d) for all. ended: where these go on from.
    """

    number: int
    begin: int
    end: int
    size: int
    starts: Array
    ended: End | None


@dataclass(frozen=True)
class Done:
    """What a block, or a branch of blocks, came to.

    Attributes:
        number: of the block, or of the branch among those of its size.
        values: its variables by name, where they are not stored. sums: of each reduction (C, V).
        counts: trajectories that are live, stopped and lost at its steps (C, 3).
        written: chunks that it stored, with their checksums. blocks: how many each worker walked.
    """

    number: int
    values: dict[str, NDArray[Any]]
    sums: tuple[Array, ...]
    counts: NDArray[np.int64]
    written: dict[str, str]
    blocks: dict[str, int]


@cache
def code() -> tuple[str, ...]:
    """Versions and sources of which the bits are a function."""
    python, own = platform.python_version(), source_stamp()[:16]
    return f"sdesim's code {own}", f"python {python}", f"numpy {np.__version__}", f"numba {numba.__version__}"


def packed(job: Job) -> bytes:
    """A job as bytes."""
    plan = job.plan
    found = replace(plan, kernel=None, noise_kernels=(), theta0=plan.theta0[:1], end=None)  # type: ignore[arg-type]
    carry(plan, found)
    return travelling(replace(job, plan=found), job.modules)


def travelling(job: Any, modules: Sequence[str]) -> bytes:
    """A job as bytes, after the modules to be imported first; functions of one's own travel with it.

    Raises:
        RunError: a part of it can't be sent.
    """
    pickle: Any = importlib.import_module("cloudpickle")
    try:
        return bytes(pickle.dumps((tuple(modules), pickle.dumps(job))))
    except Exception as error:
        raise RunError(f"cluster: what is to be run can't be sent to workers: {failure(error)}") from None


def arrived(content: bytes, code: Sequence[str]) -> Any:
    """The job that `travelling` made, which has an attribute ``code``.

    Raises:
        RunError: that is not this worker's.
    """
    pickle: Any = importlib.import_module("cloudpickle")
    modules, packed = pickle.loads(content)
    for module in modules:
        importlib.import_module(module)
    job = pickle.loads(packed)
    differ = [
        f"{mine} in place of {theirs}" for theirs, mine in zip(job.code, code, strict=True) if theirs != mine
    ]
    if differ:
        raise RunError(f"a worker runs other code, which may give other bits: {'; '.join(differ)}")
    return job


def foreign_modules(parts: Sequence[Any]) -> tuple[str, ...]:
    """Modules of classes that are not sdesim's, which a worker has to import first."""
    found = {type(part).__module__ for part in parts}
    return tuple(sorted(m for m in found if not is_own(m) and m not in ("__main__", "builtins")))


@lru_cache(maxsize=4)
def _opened(digest: str, job: _Bytes) -> Job:
    found: Job = arrived(job.content, code())
    plan = found.plan
    dt = plan.dt * plan.refine
    kernel = plan.surface.kernel()
    kernels = own_noise(plan.surface, kernel, dt)
    kernels += tuple(noise.kernel(plan.dim, dt, plan.learning_rate) for noise in plan.noises)
    if plan.refine > 1:
        whole = replace(plan, dt=dt, refine=1, noise_kernels=kernels)
        kernels = refined_plan(whole, plan.refine).noise_kernels
    made = replace(plan, kernel=kernel, noise_kernels=kernels)
    carry(plan, made)
    return replace(found, plan=made)


@dataclass(frozen=True)
class _Bytes:
    """Bytes that count by their digest, which stands beside them."""

    content: bytes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Bytes)

    def __hash__(self) -> int:
        return 0


def run_block(job: bytes, block: Block) -> Done:
    """Walk one block.

    Raises:
        SdesimError: this worker can't, and why.
    """
    try:
        return _run_block(job, block)
    except SdesimError as error:
        # What another library raised before may not travel, and the line says it.
        error.__cause__ = error.__context__ = None
        raise


def _run_block(job: bytes, block: Block) -> Done:
    with _MAKING:
        found = _opened(hashlib.sha256(job).hexdigest(), _Bytes(job))
        plan = _part(found.plan, block)
        ensemble = Ensemble(plan, found.threads)
    writer = walk_part(plan, ensemble, found.evaluate, found.out, block.begin, block.size)
    values = {} if found.out is not None else _values(plan, writer)
    reduced = {} if ensemble.reducing is None else ensemble.reducing.portable()
    sums = tuple(reduced[f"reduced_{k}"] for k in range(len(plan.reductions)))
    counts = reduced.get("reduced_counts", np.zeros((0, 3), dtype=np.int64))
    return Done(block.number, values, sums, counts, writer.written, {worker_here(): 1})


def merged(job: bytes, number: int, *parts: Done) -> Done:
    """What neighbours came to together, a whole branch that has that number among those of its size."""
    with _MAKING:
        plan = _opened(hashlib.sha256(job).hexdigest(), _Bytes(job)).plan
    sums = []
    for k, reduction in enumerate(plan.reductions):
        tree = Tree(reduction, plan.dim, len(parts))
        for place, part in enumerate(parts):
            tree.add(place, part.sums[k])
        sums.append(tree.whole())
    walked: Counter[str] = Counter()
    for part in parts:
        walked.update(part.blocks)
    return Done(
        number,
        {name: np.concatenate([part.values[name] for part in parts if name in part.values])
         for name in parts[0].values},
        tuple(sums),
        np.sum([part.counts for part in parts], axis=0),
        {key: mark for part in parts for key, mark in part.written.items()},
        dict(walked),
    )  # fmt: skip


def seconds_of(job: bytes, block: Block) -> float:
    """Seconds that a trajectory takes a worker, from a few steps of some, of which nothing is kept.

    Compiled functions are loaded on the way. Readings are left out: they are of the first trajectories alone.
    """
    with _MAKING:
        found = _opened(hashlib.sha256(job).hexdigest(), _Bytes(job))
        whole = replace(_part(found.plan, block), probes=None, probe_steps=np.zeros(0, dtype=np.int64))
        carry(found.plan, whole)

    def walked(length: int) -> float:
        steps = whole.begin + length
        plan = replace(whole, steps=steps, saved=whole.saved[whole.saved <= steps])
        carry(whole, plan)
        with _MAKING:
            ensemble = Ensemble(plan, found.threads)
        started = time.perf_counter()
        walk_part(plan, ensemble, found.evaluate, None, block.begin, block.size)
        return time.perf_counter() - started

    whole_length = whole.steps - whole.begin
    length = min(_FIRST * whole.refine, whole_length)
    walked(length)
    shorter, before = 0, 0.0
    after = walked(length)
    while after < _TIMED and length < whole_length:
        shorter, before = length, after
        length = min(_LONGER * length, whole_length)
        after = walked(length)
    rate = max(after - before, 0.0) / (length - shorter)
    return whole_length * rate / whole.trajectories


class _Unsettled:
    """A reduction that keeps its sums as they are, to be merged with those of other blocks."""

    def __init__(self, reduction: Base) -> None:
        self._reduction = reduction

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reduction, name)

    def settle(self, sums: Array, dim: int) -> Array:
        """The sums."""
        return sums

    def settled_width(self, dim: int) -> int:
        """How many they are."""
        return self._reduction.width(dim)


def _part(plan: Plan, block: Block) -> Plan:
    """The plan of one block, whose reductions keep their sums."""
    starts = np.array(np.broadcast_to(block.starts, (block.end - block.begin, block.starts.shape[1])))
    return _unsettled(part_of(plan, starts, block.begin, block.ended))


def _unsettled(plan: Plan) -> Plan:
    kept: Any = tuple(_Unsettled(reduction) for reduction in plan.reductions)
    found = replace(plan, reductions=kept)
    carry(plan, found)
    return found


def _values(plan: Plan, writer: RunWriter) -> dict[str, NDArray[Any]]:
    """What a block in memory holds; of readings that none of its trajectories has nothing."""
    found = {name: writer.part(name) for name in writer.names}
    return {n: a for n, a in found.items() if a is not None and (plan.probed or not writer.is_probe(n))}


def worker_here() -> str:
    """Address of the worker that this task runs on; none where that is in no cluster."""
    distributed: Any = importlib.import_module("distributed")
    try:
        return str(distributed.get_worker().address)
    except ValueError:
        return ""
