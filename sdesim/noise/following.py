"""Noise whose size follows a learning rate that changes in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from sdesim.errors import SdesimError
from sdesim.noise.base import Array, Base, Context, Noise, NoiseKernel, Sort
from sdesim.noise.modulated import modulated
from sdesim.schedules.base import Base as Schedule
from sdesim.surfaces.base import Surface


@dataclass(frozen=True, eq=False)
class Following(Base):
    """A noise that is of gradients, at the learning rate of each moment.

    Attributes:
        recipe: the noise, not resolved. context: what it takes from the simulation, at η = 1.
        rate: η(t).
    """

    recipe: Noise
    context: Context
    rate: Schedule

    @property
    def unit(self) -> Noise:
        """The noise at η = 1."""
        return self.recipe.resolved(replace(self.context, learning_rate=1.0))

    @property
    def sort(self) -> Sort:
        """That of the noise."""
        return self.recipe.sort

    @property
    def tail_index(self) -> float | None:
        """That of the noise."""
        return self.recipe.tail_index

    @property
    def batch_size(self) -> int | None:
        """That of the noise, resolved."""
        return self.unit.batch_size

    @property
    def surface(self) -> Surface | None:
        """That of the noise, resolved."""
        return self.unit.surface

    @property
    def label(self) -> str:
        """That of the noise."""
        return self.recipe.label

    @property
    def streams(self) -> int:
        """Those of the noise."""
        return self.recipe.streams

    def at(self, time: float) -> Noise:
        """The noise at the learning rate of a time."""
        return self.recipe.resolved(replace(self.context, learning_rate=self.rate(time)))

    def problems_until(self, time: float) -> Iterator[tuple[str, str]]:
        """None: the learning rate is looked at where it is given."""
        yield from ()

    def validate(self, dim: int) -> None:
        """Check that the noise suits dim coordinates.

        Raises:
            SdesimError: if it does not.
        """
        self.unit.validate(dim)

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """The increments at η = 1, times what η makes of them over each step."""
        stability = self.tail_index or 2.0
        power = float(getattr(self.recipe, "learning_rate_power", 0.0))
        return modulated(self.unit.kernel(dim, dt, 1.0), self.rate, dt, power * stability, 1.0 / stability)

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """None of one moment is known.

        Raises:
            SdesimError: always.
        """
        raise SdesimError("the learning rate changes in time: at(time) gives the noise of one moment")


def resolved(noise: Noise, context: Context, rate: float | Schedule) -> Noise:
    """The noise with all of its parameters known, at a learning rate that may change in time.

    Raises:
        SdesimError: the context lacks what it needs.
    """
    if not hasattr(noise, "resolved"):
        return noise
    if isinstance(rate, Schedule) and "learning_rate" in noise.needs:
        return Following(noise, context, rate)
    return noise.resolved(context)
