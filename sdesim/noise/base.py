"""What every noise offers, how the engine finds its compiled fill function, and the base to subclass."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError
from sdesim.estimators.core.covariance import GradientMoments
from sdesim.kinds.bases import Defaults, default
from sdesim.noise.big_jumps import BigJumps as BigJumps
from sdesim.noise.draws import increments
from sdesim.noise.kernel import Array as Array
from sdesim.noise.kernel import NoiseKernel as NoiseKernel
from sdesim.surfaces.base import Surface


@dataclass(frozen=True)
class Context:
    """What a noise may take from the simulation that it drives, and from the real arm that it imitates.

    Attributes:
        dim: number of coordinates d.
        learning_rate: η.
        surface: the simulated surface; None where there is none yet.
        batch_size: of the real arm's minibatches; 0 without.
        trace: Tr Σ of the real arm's stochastic gradients, mean over its probes; NaN where it is not known.
        sampling: how the real arm draws its minibatches, "epoch" or "with-replacement"; empty without one.
        drop_last: whether its epochs leave out what fills no batch.
    """

    dim: int
    learning_rate: float
    surface: Surface | None = None
    batch_size: int = 0
    trace: float = math.nan
    sampling: str = ""
    drop_last: bool = True

    def known_trace(self) -> float:
        """Tr Σ.

        Raises:
            SdesimError: if it is not known.
        """
        if not math.isfinite(self.trace):
            raise SdesimError("match needs probes of the real arm's gradients")
        return self.trace


Sort = Literal["gaussian", "levy", "multiplicative", "minibatch"]


class Noise(Protocol):
    """A driving noise: independent increments over dt, and the stochastic gradient that it stands for.

    The engine also reads, where a noise has them:

    - ``tail_index``: the α below 2 of increments without a variance, neither truncated nor tempered; None
      without it. Runs keep the smallest, and estimators flag what such tails leave undefined.
    - ``stability``: α where increments over h dt have the law of h^{1/α} times those over dt, as far as
      nothing is cut off; 2 without it.
    - ``drawn_by``: by which of its samplers the increments are drawn, kept with the run; None without it.
    - ``sort``: "gaussian", "levy", "multiplicative" or "minibatch", known without building a kernel.
    - ``needs_trial``: whether only `kernel` tells that its increments can be drawn at one dt.
    - ``streams``: how many stream numbers it takes; 1 without it.
    - ``at`` and ``problems_until``: of noise whose coefficients change in time.
    - ``learning_rate_power``: p where increments at η are η^p times those at 1; None where they are not.
    - ``state_numbers`` and ``path_numbers``: what a trajectory's increments hold in memory.
    - ``steady``: of multiplicative noise, whether its size is the same at all times.
    - ``batch_size`` and ``surface``, of noise that is drawn from examples: B, and the loss whose they are,
      which must be the one that is simulated.
    """

    @property
    def sort(self) -> Sort:
        """What matters to a scheme; "levy" is any additive noise that is not Gaussian."""
        ...

    @property
    def tail_index(self) -> float | None:
        """α < 2 where increments have infinite variance, else None."""
        ...

    @property
    def drawn_by(self) -> str | None:
        """How its increments are drawn, where there is a choice; None without."""
        ...

    @property
    def batch_size(self) -> int | None:
        """B of minibatches; 0 without, None where it is still to be taken from a `Context`."""
        ...

    @property
    def surface(self) -> Surface | None:
        """The surface whose gradients the noise weights; None without."""
        ...

    @property
    def label(self) -> str:
        """What a figure calls it."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Fields of `Context` without which it can't be resolved; none once it is."""
        ...

    @property
    def needs_trial(self) -> bool:
        """Whether only `kernel` tells that its increments can be drawn at one dt."""
        ...

    @property
    def streams(self) -> int:
        """How many stream numbers its increments take."""
        ...

    def state_numbers(self, context: Context, examples: int = 0) -> float:
        """Numbers of the state that its increments carry from step to step, of one trajectory.

        Args:
            examples: n of the loss that is simulated; 0 where it is no mean over examples.
        """
        ...

    def path_numbers(self, dim: int) -> float:
        """Numbers of one trajectory for each step, where the whole path is held."""
        ...

    def at(self, time: float) -> Noise:
        """The noise with the coefficients that it has at a time; itself where none changes."""
        ...

    def problems_until(self, time: float) -> Iterator[tuple[str, str]]:
        """(field, message) of coefficients that are none somewhere in [0, time]."""
        ...

    def problems_at(self, context: Context, dt: float) -> Iterator[tuple[tuple[str, ...], str]]:
        """(path, message) of what can't be drawn at a step of dt, as far as the context tells."""
        ...

    def resolved(self, context: Context) -> Noise:
        """The noise with all of its parameters known.

        Raises:
            SdesimError: if the context lacks one.
        """
        ...

    def with_batch_size(self, batch_size: int) -> Noise:
        """The noise with minibatches of another size; itself where it has none."""
        ...

    def validate(self, dim: int) -> None:
        """Check that the noise suits dim coordinates; SdesimError says what does not."""
        ...

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """The compiled side, with all constants of dt worked out."""
        ...

    def exponent(self, u: Array) -> NDArray[np.complex128] | None:
        """ψ(u) with E exp(iu·X_t) = exp(−tψ(u)) of additive noise with independent increments of one law:
        (n, d) → (n,); None where it is not known."""
        ...

    def big_jumps(self, dim: int) -> BigJumps | None:
        """How often jumps of a size come, where that is a power law; None else."""
        ...

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """(n, d) draws of the noise part of a stochastic gradient at theta (d,) and learning rate eta."""
        ...

    def noise_moments(self, theta: Array, eta: float) -> GradientMoments | None:
        """Mean and covariance of `gradient_noise`; the covariance None where only the mean is known, and
        None in all where not even that is."""
        ...

    def weighted_noise(
        self, theta: Array, eta: float, n: int, growth: float, rng: np.random.Generator
    ) -> tuple[Array, Array] | None:
        """Draws (n, d) and weights (n,) of which means of functions that grow like |noise|^growth are made
        with a finite variance, mean of w f ≈ E f of `gradient_noise`. Each half of the draws is spread evenly
        over the law, where that is known. None where there is no such mean, or no way to it."""
        ...


class Base(Defaults):
    """What a noise of one's own inherits.

    A frozen dataclass with `sort` and `kernel` is a whole noise. One whose increments have infinite variance
    says so by `tail_index`, so that what they make undefined is flagged.
    """

    @default
    def sort(self) -> Sort:
        """ "gaussian", "levy" (other additive noise), "multiplicative" or "minibatch"."""
        raise SdesimError(
            f"{type(self).__name__} must have sort: gaussian, levy, multiplicative or minibatch"
        )

    @default
    def tail_index(self) -> float | None:
        """None: increments have a variance."""
        return None

    @default
    def stability(self) -> float:
        """2: increments over h dt have about the law of √h times those over dt."""
        return 2.0

    @default
    def drawn_by(self) -> str | None:
        """None: there is one way to draw its increments."""
        return None

    @default
    def constant_diffusion(self) -> float | None:
        """D where the noise is √(2D) dW with one constant number D; None: it is not, or not known to be."""
        return None

    @default
    def batch_size(self) -> int | None:
        """0: there are no minibatches."""
        return 0

    @default
    def surface(self) -> Surface | None:
        """None: the noise knows no surface."""
        return None

    @default
    def label(self) -> str:
        """The kind's name, or the class's."""
        return str(getattr(self, "kind", type(self).__name__))

    @default
    def needs(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    @default
    def needs_trial(self) -> bool:
        """False: its increments can be drawn at any dt."""
        return False

    @default
    def learning_rate_power(self) -> float | None:
        """0: increments don't depend on the learning rate."""
        return 0.0

    @default
    def steady(self) -> bool:
        """True: its size is the same at all times."""
        return True

    @default
    def streams(self) -> int:
        """1: how many stream numbers its increments take."""
        return 1

    def state_numbers(self, context: Context, examples: int = 0) -> float:
        """0: increments need none from those before."""
        return 0.0

    def path_numbers(self, dim: int) -> float:
        """0: increments are drawn as they are needed."""
        return 0.0

    def at(self, time: float) -> Noise:
        """Itself: no coefficient changes."""
        return self

    def problems_until(self, time: float) -> Iterator[tuple[str, str]]:
        """None: no coefficient changes."""
        yield from ()

    def problems_at(self, context: Context, dt: float) -> Iterator[tuple[tuple[str, ...], str]]:
        """None: it can be drawn at any step, or the kernel tells."""
        yield from ()

    def resolved(self, context: Context) -> Noise:
        """Itself: all of its parameters are known."""
        return self

    def with_batch_size(self, batch_size: int) -> Noise:
        """Itself: there are no minibatches."""
        return self

    def validate(self, dim: int) -> None:
        """Check that the generator can number the coordinates.

        Raises:
            SdesimError: if there are too many.
        """
        check_size(None, dim, "")

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """The compiled side; every noise has its own.

        Raises:
            SdesimError: always.
        """
        raise SdesimError(f"{type(self).__name__} must have kernel(dim, dt, learning_rate)")

    def exponent(self, u: Array) -> NDArray[np.complex128] | None:
        """None: not known; exits are then watched at the steps alone."""
        return None

    def big_jumps(self, dim: int) -> BigJumps | None:
        """None: no jumps of a power law."""
        return None

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """(n, d) draws of minus an increment over η, divided by η; increments θ_i dM_i of the multiplicative.

        Raises:
            SdesimError: for noise that weights examples, which must have its own.
        """
        point = np.asarray(theta, dtype=np.float64)
        dim = point.shape[-1]
        kernel = self.kernel(dim, eta, eta)
        if kernel.enters == "examples":
            raise SdesimError(f"{type(self).__name__} must have gradient_noise(theta, eta, n, rng)")
        drawn = increments(kernel, dim, n, seed=int(rng.integers(2**63)))[0] / -eta
        return np.asarray(drawn * point if kernel.enters == "multiplicative" else drawn)

    def noise_moments(self, theta: Array, eta: float) -> GradientMoments | None:
        """None: nothing is known but the draws."""
        return None

    def weighted_noise(
        self, theta: Array, eta: float, n: int, growth: float, rng: np.random.Generator
    ) -> tuple[Array, Array] | None:
        """Draws with weights 1; None where the variance is infinite."""
        if self.tail_index is not None:
            return None
        return self.gradient_noise(theta, eta, n, rng), np.ones(n)


# The generator's counter gives 24 bits to the coordinate.
MOST_ROWS = 2**24


def check_size(given: int | None, dim: int, name: str) -> None:
    """Check that a parameter for ``given`` coordinates (None: for any number) suits dim coordinates.

    Raises:
        SdesimError: if it does not, or dim is beyond what the generator can number.
    """
    if dim >= MOST_ROWS:
        raise SdesimError(f"noise can drive fewer than {MOST_ROWS} coordinates, the surface has {dim}")
    if given is not None and given != dim:
        raise SdesimError(f"{name} is for {given} coordinates, but the surface has {dim}")
