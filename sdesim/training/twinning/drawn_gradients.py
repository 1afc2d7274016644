"""The gradient noise of a training's own law, by draws of its gradients.

A step wants inputs a E g + b ξ, ξ of mean 0 and covariance Cov g. Of S independent draws g_s of the
training's gradients, each with its own batch, reading, layers and clipping, and standard normals z_s,

    a ḡ + c Σ_s (z_s − z̄) g_s/√(S − 1),  c² = b² − a²/S,

has exactly that mean and that covariance, whatever the law of g: the first term's own spread a² Cov g/S is
what the second lacks. Its price is S minibatch gradients a step. Law "subsample" is one draw, the step of
training itself.

In shuffled epochs the twin follows the epoch's own law:

- Where the loss of a batch is the mean or the sum of those of its examples and nothing is clipped, every
  example is read once in a step, each afresh, and weighted by a/n + b w_i, w of
  `noise.epochs.GaussianEpochs`: the covariance of the examples is that of the epoch, and as
  E w_i² = (1/B − 1/n)/n that of readings and layers W/B, the batch's own, at any share of a step.
- Elsewhere a shuffle of the epoch gives its S = ⌊n/B⌋ batches, as in training, which visits each once in
  random order; all are read in every step and weighted by a/S + b w_s, w of the epochs of S examples in
  batches of 1: given the batches, the covariance of all steps of the epoch is that of the order.

The price of both is n example gradients a step. An epoch with a smaller last batch has the independent draws
above instead, which the deviation `reshuffled` says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdesim.compiled.streams import GRADIENTS, PROBES, sequence
from sdesim.errors import RunError
from sdesim.estimators.core.covariance import GradientMoments
from sdesim.noise.base import Base, Context, Noise, NoiseKernel, Sort
from sdesim.noise.epochs import Epochs, batches_at, epoch_kernel, orders, parts_of
from sdesim.noise.kernel import Drawn
from sdesim.training.twinning.training_law import TrainingLaw

Array = NDArray[np.float64]
# Draws of a step: as many batches as the data hold, in these bounds.
_FEWEST, _MOST = 4, 16
# The word of the shuffles beside an epoch's normals; numbers of gradients that are held at once, 128 MB.
_SHUFFLES, _ROOM = 1, 2**24


@dataclass(frozen=True, eq=False)
class DrawnGradients(Base):
    """Minibatch noise of a `TrainingLaw`; fields as of `noise.Minibatch`, whose kind it stands for.

    Attributes:
        surface: the law. drawn: how training draws its batches.
    """

    surface: TrainingLaw
    batch_size: int
    learning_rate: float
    law: Literal["gaussian", "subsample"] = "gaussian"
    drawn: str | None = None
    drop_last: bool | None = None

    kind = "minibatch"

    @property
    def sort(self) -> Sort:
        """Minibatch."""
        return "minibatch"

    @property
    def label(self) -> str:
        """With B."""
        return f"minibatch B={self.batch_size}"

    @property
    def clips(self) -> bool:
        """Whether gradients are cut down as in training."""
        return self.surface.clips

    @property
    def sampling(self) -> str:
        """How batches are drawn, "epoch" or each for itself."""
        known = self.law == "subsample" or self.way != "draws"
        return "epoch" if self.drawn == "epoch" and known else "with-replacement"

    @property
    def way(self) -> Literal["draws", "examples", "batches"]:
        """Of what Gaussian noise is made."""
        n, size = self.surface.examples, self.batch_size
        if self.drawn != "epoch":
            return "draws"
        if self.surface.weighs:
            return "examples"
        whole = n // size > 1 and (self.drop_last is not False or n % size == 0)
        return "batches" if whole else "draws"

    def epochs(self, parts: int = 1) -> Epochs:
        """The epochs of batches, in so many steps to one of the optimizer."""
        return Epochs(self.surface.examples, self.batch_size, parts, self.drop_last is not False)

    @property
    def draws(self) -> int:
        """S: of each step; 0 where every example is weighted by itself."""
        if self.law == "subsample":
            return 1
        if self.way != "draws":
            return 0 if self.way == "examples" else self.surface.examples // self.batch_size
        return min(max(self.surface.examples // self.batch_size, _FEWEST), _MOST)

    def resolved(self, context: Context) -> Noise:
        """Itself."""
        return self

    def with_batch_size(self, batch_size: int) -> Noise:
        """Gradients of batches of another size, for probes."""
        return replace(self, batch_size=batch_size)

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """No weights of examples, but inputs of steps.

        Raises:
            RunError: batches of training's size that should be those of a part of its step.
        """
        if self.law == "subsample" and not math.isclose(dt, self.learning_rate, rel_tol=1e-9):
            raise RunError(
                "noise subsample steps by the learning rate in a training whose gradients are no sums over "
                f"examples: dt must be {self.learning_rate:g}, got {dt:g}"
            )
        if self.law == "gaussian" and self.way != "draws":
            epochs, rows = self.epochs(parts_of(self.learning_rate, dt)), 0
            if self.way == "batches":
                rows = len(epochs.batches)
                epochs = Epochs(rows, 1, epochs.parts)
            drives = partial(self.drives, epochs.parts)
            return replace(epoch_kernel(epochs, "gaussian", dt), drives=drives, rows=rows)
        settings = [self.batch_size, self.draws, self.sampling == "epoch", self.drop_last is not False]
        return NoiseKernel(
            "", "", np.array(settings, float), enters="examples", drives=partial(self.drives, 1)
        )

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """(n, d) draws of g − ∇L, whole gradients as probes of training read them."""
        draws = self.surface.draws(theta, n, rng, self.batch_size)
        return np.asarray(draws - self.surface.grad(theta))

    def step_gradients(self, theta: Array, n: int, rng: np.random.Generator) -> Array:
        """(n, d) gradients of steps at θ (d,), drift and all, clipped as in training."""
        return self.surface.draws(theta, n, rng, cut=True)

    def noise_moments(self, theta: Array, eta: float) -> GradientMoments | None:
        """None: the draws alone are known."""
        return None

    def drives(self, parts: int, drawn: Drawn, step: int, weights: Array | None) -> Driven:
        """The inputs of a step of the trajectories, of which so many parts are one of the optimizer."""
        numbers = np.arange(drawn.first, drawn.first + drawn.count)
        rows = None
        if self.sampling == "epoch" and self.law == "subsample":
            rows = batches_at(self.epochs(), drawn, step)[:, None]
        elif self.way == "batches":
            epochs = self.epochs(parts)
            shuffles = orders(epochs, drawn, step // epochs.length, _SHUFFLES)
            count = len(epochs.batches)
            rows = shuffles[:, : count * self.batch_size].reshape(drawn.count, count, -1)
        return Driven(self, drawn.seed, drawn.stream, step, numbers, rows, weights)


@dataclass(frozen=True, eq=False)
class Driven:
    """Inputs of one step.

    Attributes:
        noise: whose. seed, stream, step: which. trajectories: their numbers (K,).
        rows: the batches (K, S, B); None where each is drawn.
        weights: in ξ, of the examples (K, n), or of the batches (K, S) where there are any; None elsewhere.
    """

    noise: DrawnGradients
    seed: int
    stream: int
    step: int
    trajectories: NDArray[np.int64]
    rows: NDArray[np.int64] | None
    weights: Array | None

    def among(self, some: slice) -> Driven:
        """Those of some trajectories."""
        rows = None if self.rows is None else self.rows[some]
        weights = None if self.weights is None else self.weights[some]
        return replace(self, trajectories=self.trajectories[some], rows=rows, weights=weights)

    def inputs(self, theta: Tensor, asked: Sequence[tuple[float, float]]) -> list[Tensor]:
        """a E g + b ξ at θ (K, d) for each (a, b), all of one ξ: (K, d) each."""
        made = np.empty((len(asked), *theta.shape))
        with self.noise.surface.open():
            for k, point in enumerate(theta.cpu().numpy()):
                words = (self.seed ^ GRADIENTS, PROBES, int(self.trajectories[k]), self.step, self.stream)
                rng = np.random.Generator(np.random.Philox(sequence(*words)))
                made[:, k] = self._of(point, k, asked, rng)
        return [torch.from_numpy(one).to(theta.device) for one in made]

    def _of(
        self, theta: Array, k: int, asked: Sequence[tuple[float, float]], rng: np.random.Generator
    ) -> Array:
        law = self.noise.surface
        if not np.isfinite(theta).all():
            return np.full((len(asked), len(theta)), np.nan)
        if self.weights is not None and self.rows is not None:
            count = self.weights.shape[1]
            shares = np.stack([a / count + b * self.weights[k] for a, b in asked])
            made, hop = np.zeros((len(asked), len(theta))), max(1, _ROOM // law.size)
            for at in range(0, count, hop):
                made += shares[:, at : at + hop] @ law.batches(theta, self.rows[k, at : at + hop], rng)
            return made
        if self.weights is not None:
            n = law.examples
            return law.weighed(theta, np.stack([a / n + b * self.weights[k] for a, b in asked]), rng)
        if self.noise.law == "subsample":
            if any(a != b for a, b in asked):
                raise RunError("noise subsample is of whole steps of the optimizer: leave dt and form out")
            rows = None if self.rows is None else self.rows[k]
            (one,) = law.draws(theta, 1, rng, cut=True) if rows is None else law.batches(theta, rows, rng)
            return np.stack([a * one for a, _ in asked])
        least = max((a * a / (b * b) for a, b in asked if b), default=1.0)
        count = max(self.noise.draws, math.ceil(least) + 1)
        drawn = law.draws(theta, count, rng, cut=True)
        normals, mean = rng.standard_normal(count), drawn.mean(axis=0)
        spread = (normals - normals.mean()) @ drawn / math.sqrt(count - 1)
        return np.stack([a * mean + math.sqrt(max(b * b - a * a / count, 0.0)) * spread for a, b in asked])
