"""Sampling without replacement: the noise of shuffled epochs, whose steps make up for one another.

An epoch of n examples in batches of b₁, b₂, … is a bridge: the weights y_k = 1{i in batch k}/b_k − 1/n of
the examples have, exactly,

    Cov(y_k, y_l) = (δ_kl/b_k − 1/n) (I − 11ᵀ/n)/(n − 1),

so that Σ_k b_k y_k = 0 where every example is seen. Given the steps before it, step k is centred on what they
left to be made up, r = −Σ_{l<k} b_l y_l over the m examples not yet seen, with the covariance (1/b_k − 1/m)
(I − 11ᵀ/n)/(n − 1): what the Gaussian of equal covariance draws, one normal for each example and step. A
part h of a step is one with a batch of h b.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError
from sdesim.noise.kernel import Array, Drawn, NoiseKernel
from sdesim.noise.path import KERNELS, Path


@dataclass(frozen=True)
class Epochs:
    """How shuffled epochs follow one another.

    Attributes:
        examples: n. batch_size: B.
        parts: steps of the simulation in one of the optimizer's.
        drop_last: whether an epoch leaves out what fills no batch; else its last batch is smaller.

    Raises:
        SdesimError: a batch is larger than the data.
    """

    examples: int
    batch_size: int
    parts: int = 1
    drop_last: bool = True

    def __post_init__(self) -> None:
        if self.batch_size > self.examples:
            raise SdesimError(
                f"batch_size: found {self.batch_size}, allowed: at most the {self.examples} examples of an "
                "epoch"
            )

    @cached_property
    def batches(self) -> NDArray[np.int64]:
        """Sizes (S,) of the batches of an epoch."""
        whole, rest = divmod(self.examples, self.batch_size)
        sizes = [self.batch_size] * whole + ([rest] if rest and not self.drop_last else [])
        return np.array(sizes, dtype=np.int64)

    @property
    def length(self) -> int:
        """Steps of the simulation in an epoch."""
        return len(self.batches) * self.parts

    def places(self, begin: int, end: int) -> tuple[NDArray[np.int64], ...]:
        """Epoch, place in it, size of the batch and number of examples not yet seen, the last two in units of
        1/parts, of the steps begin … end − 1: (end − begin,) each."""
        epoch, place = np.divmod(np.arange(begin, end), self.length)
        sizes = np.repeat(self.batches, self.parts)
        seen = np.concatenate([[0], np.cumsum(sizes)])
        return epoch, place, sizes[place], self.examples * self.parts - seen[place]

    def next(self, step: int) -> tuple[int, float, float]:
        """Epoch of a step, size of the whole batch of the optimizer that it begins, and examples not yet
        seen."""
        epoch, place, _, left = (int(one[0]) for one in self.places(step, step + 1))
        return epoch, float(self.batches[place // self.parts]), left / self.parts

    def spread(self, sizes: NDArray[np.int64], left: NDArray[np.int64]) -> Array:
        """√((1/b − 1/m)/(n − 1)) of batches b out of m examples, both in units of 1/parts; exactly 0 of the
        last of all."""
        if self.examples < 2:
            return np.zeros(len(sizes))
        return np.sqrt(self.parts * ((left - sizes) / (sizes * left)) / (self.examples - 1))


@dataclass(frozen=True, eq=False)
class GaussianEpochs(Path):
    """Weights of the Gaussian of equal covariance; the state is what the rest of the epoch must make up for.

    Attributes:
        epochs: their lengths. scale: of the weights; increments are −scale · y.
    """

    epochs: Epochs
    scale: float

    @property
    def identity(self) -> tuple[Array, ...]:
        """n, B, parts, whether an epoch is cut, and the scale."""
        return (_numbers(self.epochs, self.scale),)

    def start(self, drawn: Drawn) -> Array:
        """Nothing to be made up."""
        return np.zeros((drawn.rows, drawn.count))

    def rest(self, drawn: Drawn, step: int, state: Array) -> tuple[float, float, Array]:
        """Of the next batch of one trajectory, given the state (n,) before the step: the number m of examples
        not yet seen, its noise over that of a single example drawn from all, and the expected weights (n,) of
        all examples in that noise."""
        _, size, left = self.epochs.next(step)
        begins, n = step % self.epochs.length == 0, self.epochs.examples
        share = (left - size) / (size * left) * n / (n - 1) if n > 1 else 0.0
        return left, share, np.zeros(n) if begins else state / left

    def fill(self, drawn: Drawn, begin: int, end: int, state: Array, out: Array) -> None:
        """One step after the other."""
        from sdesim.noise.epoch_kernels import gaussian_epochs

        _, place, sizes, left = self.epochs.places(begin, end)
        parts = float(self.epochs.parts)
        spread = self.epochs.spread(sizes, left)
        gaussian_epochs(
            np.uint64(drawn.seed), drawn.stream, drawn.first, begin, end, sizes / parts, left / parts, spread,
            place == 0, -self.scale, state, out,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class BatchEpochs(Path):
    """Weights of the batches themselves, of shuffles drawn anew each epoch."""

    epochs: Epochs
    scale: float

    @property
    def identity(self) -> tuple[Array, ...]:
        """n, B, parts, whether an epoch is cut, and the scale."""
        return (_numbers(self.epochs, self.scale),)

    def rest(self, drawn: Drawn, step: int, state: Array) -> tuple[float, float, Array]:
        """As of `GaussianEpochs`: 1/m − 1/n of the examples not yet seen, −1/n of the others."""
        epoch, size, left = self.epochs.next(step)
        expected = np.full(self.epochs.examples, -1.0 / self.epochs.examples)
        (order,) = orders(self.epochs, drawn, epoch)
        expected[order[len(order) - round(left) :]] += 1.0 / left
        share = (left - size) / (size * (left - 1)) if left > 1 else 0.0
        return left, share, expected

    def fill(self, drawn: Drawn, begin: int, end: int, state: Array, out: Array) -> None:
        """The shuffles of the epochs in turn."""
        from sdesim.noise.epoch_kernels import batch_epochs

        parts = self.epochs.parts
        epoch, _, sizes, left = self.epochs.places(begin, end)
        starts = (self.epochs.examples * parts - left) // parts
        batch_epochs(
            np.uint64(drawn.seed), drawn.stream, drawn.first, begin, end, epoch, starts, sizes // parts,
            -self.scale, out,
        )  # fmt: skip


def epoch_kernel(epochs: Epochs, law: str, dt: float) -> NoiseKernel:
    """Increments −dt Σ_i y_i ∇ℓ_i of the steps of shuffled epochs.

    Raises:
        SdesimError: batches that don't come apart into those of the parts of a step.
    """
    if law == "gaussian":
        path: Path = GaussianEpochs(epochs, dt)
    elif (epochs.batches % epochs.parts).any():
        raise SdesimError(
            f"subsampled batches of an epoch must come apart into the {epochs.parts} steps of one learning "
            f"rate, found sizes {', '.join(map(str, sorted(set(epochs.batches.tolist()))))}"
        )
    else:
        path = BatchEpochs(epochs, dt)
    whole = law == "subsample" and epochs.parts == 1
    picks = partial(batches_at, epochs) if whole else None
    return NoiseKernel(KERNELS, "from_table", np.zeros(2), enters="examples", ahead=path, picks=picks)


def parts_of(learning_rate: float, dt: float) -> int:
    """Steps of dt in one of the learning rate.

    Raises:
        SdesimError: not a whole number.
    """
    parts = round(learning_rate / dt)
    if parts < 1 or abs(parts * dt - learning_rate) > 1e-9 * learning_rate:
        raise SdesimError(
            f"dt: found {dt:g}, allowed with sampling epoch: the learning rate {learning_rate:g} over a "
            "whole number"
        )
    return parts


def batches_at(epochs: Epochs, drawn: Drawn, step: int) -> NDArray[np.int64]:
    """The examples (K, b) of the batches of a step, of whole steps of the optimizer."""
    epoch, _, sizes, left = (int(one[0]) for one in epochs.places(step, step + 1))
    begin = epochs.examples - left
    return orders(epochs, drawn, epoch)[:, begin : begin + sizes]


@lru_cache(maxsize=2)
def orders(epochs: Epochs, drawn: Drawn, epoch: int, word: int = 0) -> NDArray[np.int64]:
    """The shuffles (K, n) of an epoch, the same that `BatchEpochs` takes its batches from; of another word,
    such as stand beside the normals of `GaussianEpochs`."""
    from sdesim.noise.epoch_kernels import shuffled_orders

    found = np.empty((drawn.count, epochs.examples), dtype=np.int64)
    shuffled_orders(np.uint64(drawn.seed), drawn.stream, drawn.first, epoch, word, found)
    return found


def _numbers(epochs: Epochs, scale: float) -> Array:
    return np.array([epochs.examples, epochs.batch_size, epochs.parts, epochs.drop_last, scale], dtype=float)
