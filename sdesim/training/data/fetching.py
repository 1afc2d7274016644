"""Examples of a reading, fetched by the loader's own workers where that pays, and kept while it lasts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from sdesim.training.data.batches import equal, joined, leaves, mapped, rows_of
from sdesim.training.data.undisturbed import LoaderExamples, Rows, undisturbed

# Numbers of examples and the seed that decides them; None where they are the same whenever they are read.
Job = tuple[Rows, int | None]
Pair = tuple[Any, Any]
# Seconds of reading in this process from which workers are started: they take about a tenth of a second.
WORTH = 0.3
# Most numbers that are kept beside the examples at hand: 64 MB.
_ROOM = 8_000_000


def fetched(examples: LoaderExamples, jobs: Sequence[Job], held: Any = None) -> list[Pair]:
    """x and y of each job, collated as one batch each; the same bits whoever reads them.

    A worker reads a whole job under the job's own seed. The first job is read in this process and tells what
    the others take. Each worker reads it too: where one finds something else (data that look at the worker,
    a file whose place all share) or can't read at all, or the loader has no workers, this process reads all.

    Args:
        examples: of the loader.
        jobs: what is read.
        held: whose generators follow a job's seed; None: the data set's.
    """
    began = perf_counter()
    work = _Jobs(examples, jobs, examples.data if held is None else held)
    found = [work.done(job) for job in jobs[:1]]
    rest, workers = jobs[1:], examples.workers.get("num_workers", 0)
    if 0 < workers < len(rest) and (perf_counter() - began) * len(rest) >= WORTH:
        try:
            made = _by_workers(_Jobs(examples, [*jobs[:1] * workers, *rest], work.held))
        except Exception:
            # Data that can't reach a worker of this kind; what is wrong with an example is said below.
            made = []
        if made and all(pair is not None and equal(pair, found[0]) for pair in made[:workers]):
            read = zip(made[workers:], rest, strict=True)
            return found + [work.done(job) if pair is None else pair for pair, job in read]
        examples.workers = {}
    return found + [work.done(job) for job in rest]


def _by_workers(work: _Jobs) -> list[Pair | None]:
    """x and y of each job, None where no worker could read it."""
    # A generator of its own, for a loader draws a seed for its workers, which decides nothing here.
    own = torch.Generator().manual_seed(0)
    with warnings.catch_warnings():
        # The training's own loader has said already what it thinks of so many workers.
        warnings.simplefilter("ignore")
        loader = DataLoader(
            work, batch_size=None, collate_fn=_as_it_is, generator=own, **work.examples.workers
        )
    # Copies: shared memory is aligned otherwise than torch's own, by which products round.
    return [None if pair is None else _copied(*pair) for pair in loader]


def _copied(x: Any, y: Any) -> Pair:
    return mapped(x, Tensor.clone), mapped(y, Tensor.clone)


def _as_it_is(pair: Any) -> Any:
    return pair


class _Jobs(Dataset[Pair | None]):
    """Jobs as a data set, so that a loader's workers do them."""

    def __init__(self, examples: LoaderExamples, jobs: Sequence[Job], held: Any) -> None:
        self.examples, self.held, self._jobs = examples, held, jobs

    def __len__(self) -> int:
        return len(self._jobs)

    def __getitem__(self, k: int) -> Pair | None:
        try:
            return self.done(self._jobs[k])
        except Exception:
            return None

    def done(self, job: Job) -> Pair:
        """x and y of a job."""
        rows, seed = job
        with nullcontext() if seed is None else undisturbed(seed, self.held), torch.no_grad():
            return self.examples.take(rows)


class Kept:
    """Examples that are the same whenever they are read, each read once while they are kept.

    Args:
        read: numbers (m,) of different examples → x and y.
    """

    def __init__(self, read: Callable[[Rows], Pair]) -> None:
        self._read = read
        self.forget()

    def forget(self) -> None:
        """Read all examples anew from now on."""
        self._parts: list[Pair] = []
        self._place: dict[int, int] = {}
        self._held = 0

    def take(self, rows: Rows, *, at_hand: bool = False) -> Pair:
        """x and y of the examples ``rows`` (m,), all different.

        Args:
            at_hand: whether they are held anyway, and so kept whatever they take; others are up to 64 MB.
        """
        new = np.array([int(row) not in self._place for row in rows], dtype=bool)
        if not new.any():
            return self._gathered(rows, self._parts)
        part = self._read(rows[new])
        parts = [*self._parts, part]
        numbers = sum(leaf.numel() for leaf in leaves(part))
        known = len(self._place)
        place = self._place | {int(row): known + k for k, row in enumerate(rows[new])}
        if at_hand or self._held + numbers <= _ROOM:
            self._parts, self._place = parts, place
            self._held += 0 if at_hand else numbers
        return part if new.all() else self._gathered(rows, parts, place)

    def _gathered(self, rows: Rows, parts: list[Pair], place: dict[int, int] | None = None) -> Pair:
        """The examples out of the parts, which hold them one after the other."""
        places = np.array([(place or self._place)[int(row)] for row in rows])
        picked, order, start = [], [], 0
        for x, y in parts:
            stop = start + len(next(leaves(x)))
            here = np.flatnonzero((places >= start) & (places < stop))
            some = torch.from_numpy(places[here] - start)
            picked.append((rows_of(x, some), rows_of(y, some)))
            order.append(here)
            start = stop
        back = torch.from_numpy(np.argsort(np.concatenate(order), kind="stable"))
        x, y = joined([x for x, _ in picked]), joined([y for _, y in picked])
        return rows_of(x, back), rows_of(y, back)
