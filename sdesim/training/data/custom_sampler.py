"""The order of a sampler of the user's own: its batches, epoch after epoch, as a seed gives them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from sdesim.errors import RunError, first_line
from sdesim.training.data.undisturbed import undisturbed

# Batches asked for at once: a sampler may have no end.
_BLOCK = 1000
# So many first batches are compared, to see whether a seed decides them.
_TRIED = 50


@dataclass(frozen=True, eq=False)
class CustomOrder:
    """The batches of a DataLoader's sampler over n examples; the loader's own is never advanced.

    Attributes:
        loader: the DataLoader.
        name: of the class of its sampler.
        n: examples.
    """

    loader: DataLoader[Any]
    name: str
    n: int

    def copied(self) -> Any:
        """The batch sampler as it stands, without a copy of its data set.

        Raises:
            RunError: it can't be copied.
        """
        shared = {id(self.loader.dataset): self.loader.dataset}
        try:
            return copy.deepcopy(self.loader.batch_sampler, shared)
        except Exception as error:
            raise RunError(f"train: {self.name} can't be copied: {first_line(error)}") from error

    def first(self) -> list[Tensor]:
        """A few first batches under seed 0."""
        return CustomBatches(self, 0).block(_TRIED)

    def check(self) -> int:
        """Size of the first batch.

        Raises:
            RunError: no batch, indices of no examples, or another order under the same seed.
        """
        first, second = self.first(), self.first()
        if len(first) != len(second) or not all(map(torch.equal, first, second)):
            raise RunError(
                f"train: {self.name} gives another order under the same seed: its random numbers must come "
                "from torch's, NumPy's or Python's global generators, or from generators that it holds"
            )
        return len(first[0])


class CustomBatches:
    """Indices of one minibatch after another, without end, in a sampler's own order.

    Args:
        order: of the sampler.
        seed: of the first block of batches; each further one has the next.
    """

    def __init__(self, order: CustomOrder, seed: int) -> None:
        self._order, self._seed = order, seed
        self._begin()

    def _begin(self) -> None:
        self._sampler = self._order.copied()
        self._walk: Iterator[Any] | None = None
        self._epoch, self._blocks, self._at = 0, 0, 0
        self._held: list[Tensor] = []

    def next(self) -> Tensor:
        """The next minibatch."""
        if self._at == len(self._held):
            self._held, self._at = self.block(_BLOCK), 0
        self._at += 1
        return self._held[self._at - 1]

    def another(self, size: int, generator: torch.Generator) -> Tensor:
        """``size`` examples drawn alike: the sampler's own law is not known."""
        return torch.randint(self._order.n, (size,), generator=generator)

    def block(self, most: int) -> list[Tensor]:
        """The next batches, at most so many and of one epoch; random numbers come from the block's seed.

        Raises:
            RunError: an epoch without a batch, or an index that is no example's.
        """
        with undisturbed(self._seed + self._blocks, self._sampler):
            found: list[Any] = [] if self._walk is None else list(islice(self._walk, most))
            if not found:
                self._walk = self._new_epoch()
                found = list(islice(self._walk, most))
        self._blocks += 1
        if not found:
            raise RunError(f"train: {self._order.name} gives no batch in epoch {self._epoch - 1}")
        batches = [torch.as_tensor(list(batch), dtype=torch.int64) for batch in found]
        for batch in batches:
            if not len(batch) or int(batch.min()) < 0 or int(batch.max()) >= self._order.n:
                raise RunError(
                    f"train: {self._order.name} must give indices from 0 to {self._order.n - 1}, got "
                    f"{batch.tolist()[:5]}"
                )
        return batches

    def _new_epoch(self) -> Iterator[Any]:
        for part in (self._sampler, getattr(self._sampler, "sampler", None)):
            # As training loops tell samplers that draw by the number of the epoch.
            tell = getattr(part, "set_epoch", None)
            if tell is not None:
                tell(self._epoch)
        self._epoch += 1
        return iter(self._sampler)

    def unseen(self) -> None:
        """What the next minibatch is drawn from, which is not known of a sampler of the user's own."""
        return None

    def branch(self, rng: np.random.Generator) -> CustomBatches:
        """Another order of the same sampler, from a random place of an epoch: its law knows no past here.

        Args:
            rng: decides the seed and the place; this walk is not advanced.
        """
        other = CustomBatches(self._order, int(rng.integers(2**31)))
        other._held = other.block(_BLOCK)
        other._at = int(rng.integers(len(other._held)))
        return other

    def state(self) -> dict[str, Any]:
        """Blocks taken, and the place in the last."""
        return {"blocks": self._blocks, "at": self._at}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`: the sampler, which may remember what it gave, is led there again."""
        self._begin()
        for _ in range(state["blocks"]):
            self._held = self.block(_BLOCK)
        self._at = int(state["at"])
