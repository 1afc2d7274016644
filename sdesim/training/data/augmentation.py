"""Examples that differ at each reading, by random transforms or an augmentation, read under seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdesim.data import Dataset
from sdesim.data.augmentations.base import Base as Augmentation
from sdesim.data.augmentations.base import Chain
from sdesim.errors import RunError, SdesimError, first_line
from sdesim.kinds.spelling import short
from sdesim.training.data.batches import equal, joined, leaves, moved
from sdesim.training.data.undisturbed import undisturbed

Augment = Callable[[Any, torch.Generator], Any]
# Loss, accuracy and Hessian are means over at least so many readings, the same ones throughout a run.
_LEAST = 2000
# So many examples are read a second time, to see whether a seed decides them.
_TRIED = 8
# Most numbers of inputs that are read at once: 64 MB.
_ROOM = 8_000_000


def chained(augment: Augment | Sequence[Augmentation] | None, train: Any) -> Augment | None:
    """Augmentations by their kinds as one, for data arranged as these; a function is left as it is.

    Args:
        train: of a recipe; where it says no shape, inputs are taken in the shape in which they come.

    Raises:
        RunError: one that does not suit the data, or is none.
    """
    if isinstance(augment, Augmentation):
        augment = [augment]
    # A recipe that `dataclasses.replace` made anew may have other data.
    parts = augment.parts if isinstance(augment, Chain) else augment
    if parts is None or not isinstance(parts, Sequence):
        return parts
    wrong = next((part for part in parts if not isinstance(part, Augmentation)), None)
    if wrong is not None:
        raise RunError(f"augment takes a function, or kinds of sdesim.data.augmentations, got {short(wrong)}")
    # Others may say by `shape` how many examples there are.
    told = (train.shape, train.vocabulary) if isinstance(train, Dataset) else (None, None)
    try:
        made = Chain(tuple(parts), *told)
    except SdesimError as error:
        raise RunError(str(error)) from None
    return made if parts else None


@dataclass(frozen=True, eq=False)
class Reader:
    """Reads examples anew, the same under the same seed whatever was read before.

    Attributes:
        take: indices (m,) → x (m, …) and y (m, …).
        augment: (x, generator) → x of as many examples, or None.
        held: data sets whose own generators follow the seed.
        name: what differs at each reading, for messages.
        several: indices (m,) of each batch and its seed → x and y of each, as ``take`` gives them under
            these seeds; None: one after the other.
    """

    take: Callable[[Tensor], tuple[Any, Any]]
    augment: Augment | None = None
    held: tuple[Any, ...] = ()
    name: str = "train"
    several: Callable[[list[tuple[Tensor, int]]], list[tuple[Any, Any]]] | None = None

    def read(self, rows: Tensor, seed: int) -> tuple[Any, Any]:
        """x and y of the examples ``rows`` (m,); every generator is afterwards as it was.

        Raises:
            RunError: the augmentation fails, or does not return as many examples.
        """
        with undisturbed(seed, *self.held, apart=self.augment is not None), torch.no_grad():
            x, y = self.take(rows)
            if self.augment is None:
                return x, y
            try:
                made = self.augment(x, torch.Generator().manual_seed(seed))
            except Exception as error:
                raise RunError(
                    f"augment fails on a batch of {len(rows)} examples: {first_line(error)}"
                ) from error
        shapes = [part.shape for part in leaves(made)]
        if len(shapes) != len(list(leaves(x))) or any(not s or s[0] != len(rows) for s in shapes):
            found = f"shape {tuple(shapes[0])}" if shapes else type(made).__name__
            raise RunError(f"augment must return a tensor of {len(rows)} examples, as it gets, got {found}")
        floating = next((part.dtype for part in leaves(x) if part.is_floating_point()), None)
        return moved(made, floating), y

    def read_in_batches(self, rows: Tensor, size: int, seed: Callable[[], int]) -> tuple[Any, Any]:
        """The same in batches, each under a new seed, as training reads them."""
        batches: Any = torch.split(rows, size)  # type: ignore[no-untyped-call,unused-ignore]
        parts = self.read_several([(some, seed()) for some in batches])
        return joined([x for x, _ in parts]), joined([y for _, y in parts])

    def read_several(self, batches: list[tuple[Tensor, int]]) -> list[tuple[Any, Any]]:
        """x and y of each batch, given as its rows and its seed."""
        # An augmentation goes on with the generators where the data set left them.
        if self.several is not None and self.augment is None:
            return self.several(batches)
        return [self.read(rows, seed) for rows, seed in batches]

    def among(self, kept: Tensor) -> Reader:
        """A reader of the examples ``kept`` (k,), numbered anew."""
        return replace(self, take=lambda rows: self.take(kept[rows]), several=None)

    def check(self, n: int, seed: int) -> None:
        """Refuse examples that a seed does not decide.

        Raises:
            RunError: naming what may decide them.
        """
        rows = torch.arange(min(n, _TRIED))
        if not equal(self.read(rows, seed), self.read(rows, seed)):
            raise RunError(
                f"{self.name} gives other examples under the same seed: its random numbers must come from "
                "torch's, NumPy's or Python's global generators, from generators that it holds, or from the "
                "generator that augment= is given"
            )


def readings_of(n: int) -> int:
    """How often each of n examples is read for loss, accuracy and Hessian."""
    return math.ceil(_LEAST / n)


def fresh_batches(
    reader: Reader, rows: NDArray[np.int64], rng: np.random.Generator, *, alone: bool = False
) -> Iterator[tuple[Any, Any, Tensor]]:
    """Minibatches ``rows`` (n, B), each read anew, in parts of bounded memory: x, y and indices into them.

    Batches of other shapes than the one before, as padding makes them, begin a part of their own.

    Args:
        alone: whether all parts are asked for before anything else is drawn from rng.
    """
    size = rows.shape[1]
    several: list[tuple[Any, Any]] = []
    held = 0
    ahead = None
    if reader.several is not None and reader.augment is None:
        ahead = _ahead(reader, rows, rng, alone)
    one_by_one = (reader.read(torch.from_numpy(batch), int(rng.integers(2**63))) for batch in rows)
    for read in ahead or one_by_one:
        numbers = sum(part.numel() for part in leaves(read))
        if several and (held + numbers > _ROOM or _shapes(read) != _shapes(several[0])):
            yield _part(several, size)
            several, held = [], 0
        several.append(read)
        held += numbers
    if several:
        yield _part(several, size)


def _ahead(
    reader: Reader, rows: NDArray[np.int64], rng: np.random.Generator, alone: bool
) -> list[tuple[Any, Any]] | None:
    """All batches at once, where their seeds come out of rng one after the other; else None, rng as it was.

    Between two parts whoever reads them may draw from rng, so that only a single part can be read ahead.
    """
    before = rng.bit_generator.state
    batches = [(torch.from_numpy(batch), int(rng.integers(2**63))) for batch in rows]
    first = reader.read_several(batches[:1])
    if alone or len(rows) * sum(part.numel() for part in leaves(first[0])) <= _ROOM:
        reads = first + reader.read_several(batches[1:])
        if alone or all(_shapes(read) == _shapes(first[0]) for read in reads):
            return reads
    rng.bit_generator.state = before
    return None


def _shapes(batch: Any) -> list[torch.Size]:
    return [part.shape for part in leaves(batch)]


def _part(several: list[tuple[Any, Any]], size: int) -> tuple[Any, Any, Tensor]:
    at = torch.arange(len(several) * size).reshape(len(several), size)
    return joined([x for x, _ in several]), joined([y for _, y in several]), at
