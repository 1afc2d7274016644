"""The examples of a training as a monitor reads them: in the network's dtype, on its device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from sdesim.training.data.augmentation import Augment, Reader, fresh_batches
from sdesim.training.data.batches import joined, moved
from sdesim.training.data.fetching import Job, Kept, fetched
from sdesim.training.data.fresh_examples import Batches
from sdesim.training.data.undisturbed import LoaderExamples, Rows, undisturbed


class Shown:
    """Examples read for a network, anew each time where training reads them anew, else once in a reading; by
    the loader's own workers where that pays (`fetched`).

    Args:
        data: the training's. parameter: of the network, whose dtype and device the examples get.
        batch: B of the training. augment: as of `Monitor`. seed: of the first look at the data.

    Attributes:
        anew: whether examples differ each time that they are read.
        collated_together: whether padded examples had to be collated as one batch.
    """

    def __init__(
        self, data: LoaderExamples, parameter: torch.Tensor, batch: int, augment: Augment | None, seed: int
    ) -> None:
        self._data, self._parameter, self._batch = data, parameter, batch
        self.collated_together = False
        with undisturbed(seed, data.data):
            anew = augment is not None or not data.fixed()
        several = self._several if data.workers else None
        self._reader = Reader(self._pairs, augment, (data.data,), "loader", several=several) if anew else None
        self._kept = Kept(self._different)
        self.anew = anew

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One reading: what it reads is forgotten afterwards."""
        self._kept.forget()
        try:
            yield
        finally:
            self._kept.forget()

    def _several(self, batches: list[tuple[torch.Tensor, int]]) -> list[tuple[Any, Any]]:
        jobs: list[Job] = [(rows.numpy(), seed) for rows, seed in batches]
        return [self._moved(x, y) for x, y in fetched(self._data, jobs)]

    def _different(self, rows: Rows) -> tuple[Any, Any]:
        """Examples that are the same whenever they are read, and in whatever batch."""
        if not self._data.workers:
            return self.read(self._data, rows)
        pairs = fetched(
            self._data, [(some, None) for some in np.split(rows, range(self._batch, len(rows), self._batch))]
        )
        return self._moved(joined([x for x, _ in pairs]), joined([y for _, y in pairs]))

    def _moved(self, x: Any, y: Any) -> tuple[Any, Any]:
        dtype, device = self._parameter.dtype, self._parameter.device
        return moved(x, dtype, device), moved(y, dtype, device)

    def _pairs(self, rows: torch.Tensor) -> tuple[Any, Any]:
        return self.read(self._data, rows.numpy())

    def read(self, data: LoaderExamples, rows: Rows) -> tuple[Any, Any]:
        """x and y of these examples, floating numbers in the network's dtype, on its device."""
        return self._moved(*data.take(rows))

    def draw(self, n: int, size: int, rng: np.random.Generator, *, alone: bool = False) -> Batches:
        """n minibatches of independent examples, with the sampler's weights.

        Args:
            alone: as of `fresh_batches`.
        """
        rows = self._data.draw((n, size), rng)
        if self._reader is not None:
            yield from fresh_batches(self._reader, rows, rng, alone=alone)
            return
        different, place = np.unique(rows, return_inverse=True)
        x, y = self._kept.take(different)
        yield x, y, torch.from_numpy(place.reshape(rows.shape))

    def take(self, rows: Rows, rng: np.random.Generator) -> tuple[Any, Any]:
        """Examples for the loss and the Hessian, read once."""
        if self._reader is None:
            if len(np.unique(rows)) < len(rows):
                return self.read(self._data, rows)
            return self._kept.take(rows, at_hand=True)
        try:
            return self._reader.read_in_batches(
                torch.from_numpy(rows), self._batch, lambda: int(rng.integers(2**63))
            )
        except RuntimeError:
            # Batches that are padded to other lengths are one only if they are collated as one.
            self.collated_together = True
            return self._reader.read(torch.from_numpy(rows), int(rng.integers(2**63)))
