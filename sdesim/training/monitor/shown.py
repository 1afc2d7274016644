"""The examples of a training as a monitor reads them: in the network's dtype, on its device."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from sdesim.training.data.augmentation import Augment, Reader, fresh_batches
from sdesim.training.data.batches import moved
from sdesim.training.data.fresh_examples import Batches
from sdesim.training.data.undisturbed import LoaderExamples, Rows, undisturbed


class Shown:
    """Examples read for a network, anew each time where training reads them anew.

    Args:
        data: the training's. parameter: of the network, whose dtype and device the examples get.
        batch: B of the training. augment: as of `Monitor`. seed: of the first look at the data.

    Attributes:
        collated_together: whether padded examples had to be collated as one batch.
    """

    def __init__(
        self, data: LoaderExamples, parameter: torch.Tensor, batch: int, augment: Augment | None, seed: int
    ) -> None:
        self._data, self._parameter, self._batch = data, parameter, batch
        self.collated_together = False
        with undisturbed(seed, data.data):
            anew = augment is not None or not data.fixed()
        self._reader = Reader(self._pairs, augment, (data.data,), "loader") if anew else None

    def _pairs(self, rows: torch.Tensor) -> tuple[Any, Any]:
        return self.read(self._data, rows.numpy())

    def read(self, data: LoaderExamples, rows: Rows) -> tuple[Any, Any]:
        """x and y of these examples, floating numbers in the network's dtype, on its device."""
        dtype, device = self._parameter.dtype, self._parameter.device
        x, y = data.take(rows)
        return moved(x, dtype, device), moved(y, dtype, device)

    def draw(self, n: int, size: int, rng: np.random.Generator) -> Batches:
        """n minibatches of independent examples, with the sampler's weights."""
        rows = self._data.draw((n, size), rng)
        if self._reader is not None:
            yield from fresh_batches(self._reader, rows, rng)
            return
        different, place = np.unique(rows, return_inverse=True)
        x, y = self.read(self._data, different)
        yield x, y, torch.from_numpy(place.reshape(rows.shape))

    def take(self, rows: Rows, rng: np.random.Generator) -> tuple[Any, Any]:
        """Examples for the loss and the Hessian, read once."""
        if self._reader is None:
            return self.read(self._data, rows)
        try:
            return self._reader.read_in_batches(
                torch.from_numpy(rows), self._batch, lambda: int(rng.integers(2**63))
            )
        except RuntimeError:
            # Batches that are padded to other lengths are one only if they are collated as one.
            self.collated_together = True
            return self._reader.read(torch.from_numpy(rows), int(rng.integers(2**63)))
