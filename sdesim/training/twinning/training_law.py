"""The loss of a training whose steps no mean over fixed examples describes, as a surface with its own noise.

Dropout, augmentation, labels drawn anew, batch normalisation in training, examples drawn by weights, summed
or otherwise reduced losses and frozen parameters: a step descends a minibatch's gradient g(θ) whose
randomness is that of the draw, of the reading and of the layers together. The SDE has the drift −E g and the
covariance Cov g, which draws of g itself tell, clipped as training clips them.

- With batch normalisation L(θ) is the expected loss of a batch of B in training mode, and E g its gradient;
  the running statistics play no part.
- Loss and Hessian are read as the recording reads them: on fixed readings, masks and partitions of the
  examples. What drives the twin is drawn anew at each step, so that no path adapts to those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from sdesim.errors import RunError
from sdesim.kinds.numbers import as_theta
from sdesim.networks.fully_connected import flat_parameters
from sdesim.surfaces.base import Base, SurfaceKernel
from sdesim.training.data.augmentation import fresh_batches
from sdesim.training.data.batches import rows_of, takes_whole_batch
from sdesim.training.data.examples import Examples
from sdesim.training.data.fresh_examples import oracle_of
from sdesim.training.loop.copies import copied
from sdesim.training.loop.one_seed import isolated_torch
from sdesim.training.loop.prepared import examples_and_order
from sdesim.training.loop.recipe import Recipe
from sdesim.training.probes.network_oracle import masked_groups
from sdesim.training.probes.reduction import MEAN, SUM
from sdesim.training.probes.trial import Trial, tried
from sdesim.training.twinning.module_evaluation import ModuleEvaluation

Array = NDArray[np.float64]
# So many examples are read and weighted at once.
_ROWS = 2048


class TrainingLaw(Base):
    """L and stochastic gradients of a training, as its probes read them, at any θ (d,).

    Args:
        recipe: of the training.

    Attributes:
        examples: n. batch_size: B, n for full batches. width: 1, trajectories are taken one by one.
        trial: what a few examples tell of network and loss.

    Raises:
        RunError: the recipe's parts don't fit one another.
    """

    width = 1

    def __init__(self, recipe: Recipe) -> None:
        self._recipe, self._opened = recipe, False
        found, self.test, self.order = examples_and_order(recipe)
        self.train: Examples = found
        self._model = copied(recipe.module)
        self.device = next(self._model.parameters()).device
        self._batch = self.order.batch_size or len(found)
        self.trial: Trial = tried(self._model, recipe.loss_fn, found.x, found.y, self.order.batch_size)
        self._oracle = self._of(found, self._batch)
        mask, start = recipe.mask, flat_parameters(self._model)
        self._mask = None if mask is None else np.asarray(mask, dtype=bool)
        self._start = start if self._mask is None else start[self._mask]
        self._moves = np.concatenate(
            [np.full(p.numel(), float(p.requires_grad)) for p in self._model.parameters()]
        )

    @contextmanager
    def open(self) -> Iterator[None]:
        """The network is called inside, in one thread, and all generators are as they were afterwards; a
        nested one does nothing."""
        if self._opened:
            yield
            return
        with isolated_torch(), self._oracle.called.open():
            self._opened = True
            try:
                yield
            finally:
                self._opened = False

    def _of(self, examples: Examples, batch: int) -> Any:
        return oracle_of(
            examples, self._model, self._recipe.loss_fn, batch, mode="train", trial=self.trial, seed=0,
            training_batch=self._batch,
        )  # fmt: skip

    def of_batches(self, size: int) -> Any:
        """The oracle of batches of another size, as probes may ask for."""
        return self._oracle if size == self._batch else self._of(self.train, size)

    @property
    def dim(self) -> int:
        """d."""
        return len(self._start)

    @property
    def size(self) -> int:
        """D, the number of all parameters."""
        return len(self._moves)

    @property
    def start(self) -> Array:
        """The module's own weights."""
        return self._start

    @property
    def examples(self) -> int:
        """n."""
        return len(self.train)

    @property
    def batch_size(self) -> int:
        """B."""
        return self._batch

    @cached_property
    def groups(self) -> Mapping[str, slice]:
        """Coordinates of each layer."""
        whole = self._oracle.groups
        return whole if self._mask is None else masked_groups(whole, self._mask)

    def kernel(self) -> SurfaceKernel:
        """Nothing compiled: no scheme but one that walks by itself takes it."""
        return SurfaceKernel("", "grad", "loss", np.zeros(0), examples=self.examples, lanes=1)

    def full(self, theta: ArrayLike) -> Array:
        """All weights (D,), those that a mask leaves out 0."""
        point = np.array(theta, dtype=np.float64)
        if self._mask is None:
            return point
        whole = np.zeros(len(self._mask))
        whole[self._mask] = point
        return whole

    def trained(self, gradients: Array) -> Array:
        """Gradients (…, D) along θ (…, d), those of frozen parameters 0."""
        moved = gradients * self._moves
        return np.asarray(moved if self._mask is None else moved[..., self._mask])

    def _each(self, theta: ArrayLike) -> tuple[list[Array], tuple[int, ...]]:
        points = as_theta(theta, self.dim)
        return [self.full(point) for point in points.reshape(-1, self.dim)], points.shape[:-1]

    def loss(self, theta: ArrayLike) -> Array:
        """L, as a recording saves it: (…, d) → (…)."""
        points, shape = self._each(theta)
        with self.open():
            return np.array([self._oracle.loss(point) for point in points]).reshape(shape)

    def grad(self, theta: ArrayLike) -> Array:
        """∇L of the fixed readings: (…, d) → (…, d)."""
        points, shape = self._each(theta)
        with self.open():
            slopes = [self.trained(self._oracle.gradient(point)) for point in points]
        return np.array(slopes).reshape(*shape, self.dim)

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """∇²L(θ) v: (…, d), (…, d) → (…, d)."""
        point, along = np.broadcast_arrays(as_theta(theta, self.dim), as_theta(v, self.dim, "v"))
        points, shape = self._each(point)
        vectors, _ = self._each(along)
        with self.open():
            found = [
                self.trained(self._oracle.hvp(p, w * self._moves))
                for p, w in zip(points, vectors, strict=True)
            ]
        return np.array(found).reshape(*shape, self.dim)

    def draws(
        self, theta: Array, n: int, rng: np.random.Generator, size: int | None = None, cut: bool = False
    ) -> Array:  # fmt: skip
        """n independent gradients at θ (d,) of batches of B or another size, each drawn, read and computed
        anew: (n, d).

        Args:
            cut: whether each is cut down as training cuts it; probes read whole gradients.
        """
        with self.open():
            made = self.of_batches(size or self._batch).gradients(self.full(theta), n, rng)
        return self.clipped(made, cut)

    def batches(self, theta: Array, rows: NDArray[np.int64], rng: np.random.Generator) -> Array:
        """The clipped gradients (S, d) at θ of batches of these examples (S, B), read and computed anew."""
        train, point = self.train, self.full(theta)
        with self.open():
            if train.reader is None:
                chosen = torch.from_numpy(np.ascontiguousarray(rows))
                return self.clipped(self._oracle.gradients_of(point, chosen, rng))
            parts = fresh_batches(train.reader, np.ascontiguousarray(rows), rng, alone=True)
            return np.concatenate(
                [self.clipped(self._oracle.gradients_at(point, x, y, at, rng)) for x, y, at in parts]
            )

    @property
    def weighs(self) -> bool:
        """Whether gradients are means or sums of those of the examples of a batch, each drawn alike and read
        for itself."""
        trial, whole = self.trial, takes_whole_batch(self._recipe.loss_fn)
        plain = trial.reduction in (MEAN, SUM) and not (trial.in_batches or trial.in_place or whole)
        return plain and not self.clips and self.train.weights is None

    def weighed(self, theta: Array, weights: Array, rng: np.random.Generator) -> Array:
        """Σ_i w_i ∇ℓ_i at θ (d,) for each of several weights (m, n), the examples read anew: (m, d).

        ∇ℓ_i is on the scale of a batch's gradient: of a sum B times that of an example.
        """
        train, called, n = self.train, self._oracle.called, self.examples
        made = np.zeros((len(weights), called.dim))
        with self.open():
            flat = called.point(self.full(theta))
            for begin in range(0, n, _ROWS):
                rows = torch.arange(begin, min(begin + _ROWS, n))
                reading, layers = (int(seed) for seed in rng.integers(2**63, size=2))
                if train.reader is None:
                    x, y = rows_of(train.x, rows), rows_of(train.y, rows)
                else:
                    x, y = train.reader.read(rows, reading)
                for k, shares in enumerate(weights[:, begin : begin + len(rows)]):
                    called.reseed(layers)
                    given = torch.from_numpy(np.ascontiguousarray(shares)).to(called.device)
                    made[k] += called.gradient(flat, called.inputs(x), called.inputs(y), given)[1]
        return self.trained(made * (self._batch if self.trial.reduction == SUM else 1.0))

    def clipped(self, gradients: Array, cut: bool = True) -> Array:
        """Gradients (n, D) of what is trained (n, d), cut down as training cuts them if asked for."""
        clip: Any = self._recipe.clip
        moved = self.trained(gradients)
        return moved if clip is None or not cut else np.asarray(clip.cut_rows(moved))

    @property
    def clips(self) -> bool:
        """Whether training cuts gradients down."""
        return self._recipe.clip is not None

    @property
    def attributes(self) -> dict[str, Any]:
        """What a run of it says, as a recording does."""
        names = ("loss_reduction", "modes", "coupled")
        found = {name: value for name, value in self.trial.attributes().items() if name in names}
        return found | ({"clipping": "active"} if self.clips else {})

    @cached_property
    def read(self) -> ModuleEvaluation | None:
        """Accuracies and test loss at θ, as a recording reads them; None where they are of more than θ, as
        with running statistics, or of whole batches."""
        recipe, kept = self._recipe, (part for part in self._model.modules())
        if takes_whole_batch(recipe.loss_fn) or any(getattr(p, "track_running_stats", False) for p in kept):
            return None
        accuracy = self.train.accuracy(recipe.module, recipe.loss_fn, self.test)
        scale = 1.0
        if self.trial.reduction == SUM and self.test is not None:
            scale = self._batch / len(self.test)
        return ModuleEvaluation(
            recipe.module, recipe.loss_fn, self.train, self.test, accuracy, recipe.mask,
            shares=self.train.shares, test_scale=scale,
        )  # fmt: skip

    # As the evaluator of `optimizer_steps`, one trajectory after the other.

    def losses(self, theta: Tensor) -> Tensor:
        """L: (K, d) → (K,)."""
        return torch.from_numpy(np.asarray(self.loss(theta.cpu().numpy())))

    def gradients(self, theta: Tensor) -> Tensor:
        """∇L of the fixed readings, cut down as training cuts it: (K, d) → (K, d)."""
        slopes = self.grad(theta.cpu().numpy())
        clip: Any = self._recipe.clip
        made = torch.from_numpy(slopes if clip is None else clip.cut_rows(slopes))
        return made.to(theta.device)

    def weighted(self, theta: Tensor, weights: Tensor) -> Tensor:
        """None: its gradients are no weighted sums of the examples'.

        Raises:
            RunError: always.
        """
        raise RunError("the gradients of this training are no weighted sums of those of fixed examples")

    def picked(self, theta: Tensor, indices: Tensor) -> Tensor:
        """None: its batches are drawn by its own noise.

        Raises:
            RunError: always.
        """
        raise RunError("the gradients of this training are drawn by its own noise")

    @property
    def evaluator(self) -> TrainingLaw:
        """Itself."""
        return self

    def own_noise(
        self, batch_size: int, learning_rate: float, law: Any, sampling: str | None, drop_last: bool | None
    ) -> Any:
        """Its minibatch noise, in the place of `noise.Minibatch` with these fields.

        Raises:
            RunError: it is asked for batches of another size than training's, or drawn otherwise.
        """
        from sdesim.training.twinning.drawn_gradients import DrawnGradients

        if batch_size != self._batch:
            raise RunError(f"batch_size must be {self._batch}, that of the training, got {batch_size}")
        return DrawnGradients(self, batch_size, learning_rate, law, sampling, drop_last)
