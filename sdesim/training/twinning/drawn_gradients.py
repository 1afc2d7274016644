"""The gradient noise of a training's own law, by draws of its gradients.

A step wants inputs a E g + b ξ, ξ of mean 0 and covariance Cov g. Of S independent draws g_s of the training's
gradients, each with its own batch, reading, layers and clipping, and standard normals z_s,

    a ḡ + c Σ_s (z_s − z̄) g_s/√(S − 1),  c² = b² − a²/S,

has exactly that mean and that covariance, whatever the law of g: the first term's own spread a² Cov g/S is
what the second lacks. Its price is S minibatch gradients a step. Law "subsample" is one draw, the step of
training itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdesim.compiled.streams import GRADIENTS, PROBES, sequence
from sdesim.errors import RunError
from sdesim.estimators.core.covariance import GradientMoments
from sdesim.noise.base import Base, Context, Noise, NoiseKernel, Sort
from sdesim.noise.epochs import Epochs, batches_at
from sdesim.noise.kernel import Drawn
from sdesim.training.twinning.training_law import TrainingLaw

Array = NDArray[np.float64]
# Draws of a step: as many batches as the data hold, in these bounds.
_FEWEST, _MOST = 4, 16


@dataclass(frozen=True, eq=False)
class DrawnGradients(Base):
    """Minibatch noise of a `TrainingLaw`; fields as of `noise.Minibatch`, whose kind it stands for.

    Attributes:
        surface: the law.
    """

    surface: TrainingLaw
    batch_size: int
    learning_rate: float
    law: Literal["gaussian", "subsample"] = "gaussian"
    sampling: str | None = None
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
    def epochs(self) -> Epochs | None:
        """Where batches are those of shuffled epochs; None where each is drawn by itself."""
        if self.law != "subsample" or self.sampling != "epoch":
            return None
        return Epochs(self.surface.examples, self.batch_size, 1, self.drop_last is not False)

    @property
    def draws(self) -> int:
        """S: of each step."""
        if self.law == "subsample":
            return 1
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
        settings = [self.batch_size, self.draws, float(self.epochs is not None), float(self.drop_last is not False)]
        return NoiseKernel("", "", np.array(settings), enters="examples", drives=self.drives)

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """(n, d) draws of g − ∇L, whole gradients as probes of training read them."""
        draws = self.surface.draws(theta, n, rng, self.batch_size)
        return np.asarray(draws - self.surface.grad(theta))

    def noise_moments(self, theta: Array, eta: float) -> GradientMoments | None:
        """None: the draws alone are known."""
        return None

    def drives(self, drawn: Drawn, step: int) -> Driven:
        """The inputs of a step of the trajectories."""
        numbers = np.arange(drawn.first, drawn.first + drawn.count)
        rows = None if self.epochs is None else batches_at(self.epochs, drawn, step)
        return Driven(self, drawn.seed, drawn.stream, step, numbers, rows)


@dataclass(frozen=True, eq=False)
class Driven:
    """Inputs of one step.

    Attributes:
        noise: whose. seed, stream, step: which. trajectories: their numbers (K,).
        rows: the batches (K, B); None where each is drawn.
    """

    noise: DrawnGradients
    seed: int
    stream: int
    step: int
    trajectories: NDArray[np.int64]
    rows: NDArray[np.int64] | None

    def among(self, some: slice) -> Driven:
        """Those of some trajectories."""
        rows = None if self.rows is None else self.rows[some]
        return replace(self, trajectories=self.trajectories[some], rows=rows)

    def inputs(self, theta: Tensor, asked: Sequence[tuple[float, float]]) -> list[Tensor]:
        """a E g + b ξ at θ (K, d) for each (a, b), all of one ξ: (K, d) each."""
        made = np.empty((len(asked), *theta.shape))
        for k, point in enumerate(theta.cpu().numpy()):
            words = (self.seed ^ GRADIENTS, PROBES, int(self.trajectories[k]), self.step, self.stream)
            rng = np.random.Generator(np.random.Philox(sequence(*words)))
            made[:, k] = self._of(point, None if self.rows is None else self.rows[k], asked, rng)
        return [torch.from_numpy(one).to(theta.device) for one in made]

    def _of(
        self, theta: Array, rows: NDArray[np.int64] | None, asked: Sequence[tuple[float, float]],
        rng: np.random.Generator,
    ) -> Array:  # fmt: skip
        law = self.noise.surface
        if not np.isfinite(theta).all():
            return np.full((len(asked), len(theta)), np.nan)
        if self.noise.law == "subsample":
            if any(a != b for a, b in asked):
                raise RunError("noise subsample is of whole steps of the optimizer: leave dt and form out")
            one = law.batch(theta, rows, rng) if rows is not None else law.draws(theta, 1, rng, cut=True)[0]
            return np.stack([a * one for a, _ in asked])
        least = max((a * a / (b * b) for a, b in asked if b), default=1.0)
        count = max(self.noise.draws, math.ceil(least) + 1)
        drawn = law.draws(theta, count, rng, cut=True)
        normals, mean = rng.standard_normal(count), drawn.mean(axis=0)
        spread = (normals - normals.mean()) @ drawn / math.sqrt(count - 1)
        return np.stack([a * mean + math.sqrt(max(b * b - a * a / count, 0.0)) * spread for a, b in asked])
