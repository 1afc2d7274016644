"""The sampling noise of minibatch SGD as a driving noise: state-dependent, with the exact covariance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray

from sdesim.errors import SdesimError
from sdesim.estimators.core.covariance import ExampleCovariance, GradientMoments, kept_parts
from sdesim.kinds import InCode, Misfit, kind
from sdesim.noise.base import MOST_ROWS, Array, Base, Context, Noise, NoiseKernel, Sort
from sdesim.noise.epochs import Epochs, epoch_kernel, parts_of
from sdesim.noise.kernel import Drawn

KERNELS = "sdesim.noise.minibatch_kernels"
# Example gradients are taken in chunks of at most this many numbers (128 MB).
CHUNK = 2**24


@kind("noises", "minibatch")
@dataclass(frozen=True)
class Minibatch(Base):
    """The sampling noise of minibatch gradients, with their own covariance wherever θ is.

    Increments −√(η dt) (g_B − ∇L), g_B the gradient over B examples drawn with replacement.

    Law "subsample" draws the batch; at dt = η an Euler step with it is the SGD step itself. Law "gaussian"
    is the Gaussian of equal covariance, √(η dt) Σ_i (z_i − z̄) ∇ℓ_i/√(B n), z standard normal (n,): one
    weighted full-batch gradient and no matrix.

    Sampling "epoch" is that of shuffled epochs, without replacement: the steps of an epoch make up for one
    another, as those of training do, and the noise's part of the drift vanishes on average where ηλn/B is
    small. The Gaussian then has the exact covariance of the batches, of all steps of an epoch (see
    `sdesim.noise.epochs`), and dt must be η over a whole number; gradients are read as independent batches.

    Args:
        surface: a surface that is a mean of n examples' losses, such as `MLP`; the simulated one without it.
        batch_size: B; the real arm's without it.
        learning_rate: η; the simulation's without it.
        law: "gaussian" or "subsample".
        sampling: "with-replacement" or "epoch"; the real arm's without it, else with replacement.
        drop_last: whether an epoch leaves out what fills no batch, as the real arm's does or doesn't.

    Raises:
        Misfit: if a value is out of its range or the surface is not a mean over examples.

    Example:
        {kind: minibatch, batch_size: 32}
    """

    surface: Annotated[Any, InCode()] = None
    batch_size: Annotated[int, Ge(1), Lt(MOST_ROWS)] | None = None
    learning_rate: Annotated[float, Gt(0)] | None = None
    law: Literal["gaussian", "subsample"] = "gaussian"
    sampling: Literal["with-replacement", "epoch"] | None = None
    drop_last: bool | None = None

    def __post_init__(self) -> None:
        if self.surface is not None:
            check_examples(self.surface)

    @property
    def sort(self) -> Sort:
        """Minibatch."""
        return "minibatch"

    @property
    def label(self) -> str:
        """With B where it is known."""
        return f"minibatch B={self.batch_size}" if self.batch_size else "minibatch"

    @property
    def needs(self) -> tuple[str, ...]:
        """What is taken from the simulation and the real arm."""
        names = ("surface", "batch_size", "learning_rate")
        return tuple(name for name in names if getattr(self, name) is None)

    @property
    def learning_rate_power(self) -> float | None:
        """½ where η is the simulation's; None of epochs, whose steps are of one η."""
        if self.sampling == "epoch":
            return None
        return 0.5 if self.learning_rate is None else 0.0

    def problems_at(self, context: Context, dt: float) -> Iterator[tuple[tuple[str, ...], str]]:
        """Batches of an epoch must come apart into those of the steps of one learning rate."""
        sampling, batch_size = self.sampling or context.sampling, self.batch_size or context.batch_size
        if sampling != "epoch":
            return
        try:
            parts = parts_of(self.learning_rate or context.learning_rate, dt)
        except SdesimError as error:
            yield (), str(error)
            return
        if self.law == "subsample" and batch_size % parts:
            rule = f"a dt whose {parts} steps to a learning rate share out the batch of {batch_size}"
            yield ("law",), f"found subsample, allowed: gaussian, or {rule}"

    def resolved(self, context: Context) -> Noise:
        """With the surface and η of the simulation and the batch size of the real arm, where it lacks them.

        Raises:
            SdesimError: if there is no batch size to take, or the surface is no mean over examples.
        """
        if not self.needs:
            return self
        batch_size = self.batch_size or context.batch_size
        if not batch_size:
            raise SdesimError("minibatch noise needs batch_size: there is no real arm with minibatches")
        surface = context.surface if self.surface is None else self.surface
        if surface is None:
            raise SdesimError("minibatch noise needs a surface that is a mean over examples, such as MLP")
        sampling = self.sampling or context.sampling or "with-replacement"
        drop_last = context.drop_last if self.drop_last is None else self.drop_last
        rate = self.learning_rate or context.learning_rate
        own = getattr(surface, "own_noise", None)
        if own is not None:
            return own(batch_size, rate, self.law, sampling, drop_last)  # type: ignore[no-any-return]
        return Minibatch(surface, batch_size, rate, self.law, sampling, drop_last)  # type: ignore[arg-type]

    def state_numbers(self, context: Context, examples: int = 0) -> float:
        """Of Gaussian epochs what the rest of one must make up for, of each example."""
        count = examples if self.surface is None else self.examples
        sampling = self.sampling or context.sampling
        return float(count) if sampling == "epoch" and self.law == "gaussian" else 0.0

    def with_batch_size(self, batch_size: int) -> Noise:
        """With minibatches of another size."""
        return replace(self, batch_size=batch_size)

    @property
    def examples(self) -> int:
        """n, the number of examples of the surface."""
        return examples_of(self.surface)

    def _known(self) -> tuple[int, float]:
        """B and η.

        Raises:
            SdesimError: if the noise is not resolved.
        """
        if self.surface is None or self.batch_size is None or self.learning_rate is None:
            raise SdesimError(f"minibatch noise must be resolved first: it lacks {' and '.join(self.needs)}")
        return self.batch_size, self.learning_rate

    def validate(self, dim: int) -> None:
        """Check that the noise's own surface has dim coordinates.

        Raises:
            SdesimError: if it has not.
        """
        if self.surface is not None and self.surface.dim != dim:
            raise SdesimError(
                f"the minibatch noise's surface has {self.surface.dim} coordinates, the simulated one {dim}"
            )

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """Example weights for dt; η is the noise's own learning rate."""
        batch_size, rate = self._known()
        scale = math.sqrt(rate * dt)
        self.validate(dim)
        if not self.surface.kernel().offers("weighted_grad"):
            found = type(self.surface).__name__
            raise SdesimError(f"minibatch noise needs the compiled weighted_grad that {found} does not have")
        if self.sampling == "epoch":
            epochs = Epochs(self.examples, batch_size, parts_of(rate, dt), self.drop_last is not False)
            return epoch_kernel(epochs, self.law, dt)
        if self.law == "subsample":
            params = np.array([scale, float(batch_size)])
            picks = partial(_picked, self.examples, batch_size)
            return NoiseKernel(KERNELS, "minibatch_subsample", params, enters="examples", picks=picks)
        params = np.array([scale / math.sqrt(batch_size * self.examples)])
        return NoiseKernel(KERNELS, "minibatch_gaussian", params, enters="examples", gaussian=True)

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """(n, d) draws of g_B − ∇L (or its Gaussian) at this batch size; they do not depend on eta."""
        batch_size, _ = self._known()
        examples = self.examples
        if self.law == "subsample":
            counts = rng.multinomial(batch_size, np.full(examples, 1.0 / examples), size=n)
            weights = counts / batch_size - 1.0 / examples
        else:
            z = rng.standard_normal((n, examples))
            weights = (z - z.mean(axis=1, keepdims=True)) / math.sqrt(batch_size * examples)
        return weighted_sum(self.surface, np.asarray(theta, dtype=np.float64), weights)

    def noise_moments(self, theta: Array, eta: float) -> GradientMoments | None:
        """Mean 0 and Σ₁/B of the example gradients, under both laws; None where the surface has none."""
        batch_size, _ = self._known()
        point, surface = np.asarray(theta, dtype=np.float64), self.surface
        if not hasattr(surface, "example_gradients"):
            return None
        count, step = self.examples, max(1, CHUNK // surface.dim)

        def blocks() -> Iterator[Array]:
            for start in range(0, count, step):
                yield surface.example_gradients(point, np.arange(start, min(start + step, count)))

        parts = kept_parts(blocks, count * surface.dim)
        weights = np.full(count, 1.0 / math.sqrt(count * batch_size))
        covariance = ExampleCovariance(parts, np.asarray(surface.grad(point)), weights)
        return GradientMoments(np.zeros(surface.dim), covariance)


def _picked(examples: int, batch_size: int, drawn: Drawn, step: int) -> NDArray[np.int64]:
    """The minibatches (K, B) of a step."""
    from sdesim.noise.minibatch_kernels import picked_examples

    found = np.empty((2, drawn.count, batch_size), dtype=np.int64)
    pair, half = divmod(step, 2)
    picked_examples(
        np.uint64(drawn.seed), drawn.stream, drawn.first, pair, examples, found[0], found[1]
    )  # fmt: skip
    return np.asarray(found[half])


def examples_of(surface: Any) -> int:
    """n; by its kernel for a surface that does not say it itself."""
    if hasattr(surface, "examples"):
        return int(surface.examples)
    kernel = surface.kernel()
    return int(kernel.examples) if kernel.offers("weighted_grad") else 0


def check_examples(surface: Any) -> None:
    """Refuse a surface that is no mean over examples, or one over too many.

    Raises:
        Misfit: naming what it must be.
    """
    count = examples_of(surface)
    if count < 1:
        raise Misfit((), "minibatch noise needs a surface that is a mean over examples, such as MLP")
    if count >= MOST_ROWS:
        raise Misfit((), f"minibatch noise takes fewer than {MOST_ROWS} examples, found {count}")


def weighted_sum(surface: Any, theta: Array, weights: Array) -> Array:
    """Σ_i weights[k, i] ∇ℓ_i(θ): weights (m, n) → (m, d), by matrix products with the example gradients."""
    if not hasattr(surface, "example_gradients"):
        return np.stack([surface.weighted_gradient(theta, row) for row in weights])
    total = np.zeros((weights.shape[0], surface.dim))
    step = max(1, CHUNK // surface.dim)
    for start in range(0, weights.shape[1], step):
        indices = np.arange(start, min(start + step, weights.shape[1]))
        total += weights[:, indices] @ surface.example_gradients(theta, indices)
    return total
