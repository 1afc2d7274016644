"""Noise whose size changes in time: a kernel of unit size, and a factor for each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sdesim.noise.kernel import GROUP, Array, Drawn, NoiseKernel
from sdesim.schedules.base import Base as Schedule
from sdesim.schedules.base import OfTime

_MOST = 2**16
_TEXT = '''\
"""The increments of a noise of unit size, times a factor for each step."""

import numpy as np

from sdesim.compiled.jit import compiled
from {module} import {function} as unit


@compiled
def fill(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    span = int(params[1])
    at = 2 + 2 * pair - int(params[0])
    before, after = params[at], params[at + 1]
    rows, width = out0.shape
    one, other = np.zeros((rows, width)), np.zeros((rows, width))
    unit(seed, stream, first, pair, params[2 + span :], data, one, other, scratch0, scratch1)
    for i in range(rows):
        for w in range(width):
            out0[i, w] += before * one[i, w]
            out1[i, w] += after * other[i, w]
'''


@dataclass(frozen=True, eq=False)
class Factors:
    """Factors (mean of f^power over each step)^root, before the params of the kernel of unit size.

    params = [the first step, how many factors, the factors, the kernel's own params].
    """

    schedule: Schedule
    power: float
    root: float
    dt: float
    params: Array
    data: Array

    @property
    def identity(self) -> tuple[Array, ...]:
        """The schedule's parameters, and how factors are made of its values."""
        return self.schedule.params, np.array([self.power, self.root])

    @property
    def functions(self) -> Mapping[str, Callable[..., Any]]:
        """The schedule's function."""
        own = self.schedule
        return {"schedule": own.function if isinstance(own, OfTime) else own.value}

    def most(self, drawn: Drawn) -> int:
        """As many steps as make half a megabyte."""
        return _MOST

    def reach(self, steps: int) -> int | None:
        """No end, unless the schedule is of the whole run."""
        return None

    def start(self, drawn: Drawn) -> Array:
        """No state."""
        return np.zeros((0, drawn.count))

    def arrays(self, drawn: Drawn, begin: int, end: int, state: Array) -> tuple[Array, Array]:
        """The factors of the groups that the steps lie in."""
        first = begin - begin % GROUP
        means = self.schedule.step_means(first, end, drawn.steps, self.dt, self.power)
        factors = np.append(means**self.root, np.zeros(-len(means) % GROUP))
        return np.concatenate([[first, len(factors)], factors, self.params]), self.data


def modulated(unit: NoiseKernel, schedule: Schedule, dt: float, power: float, root: float) -> NoiseKernel:
    """The kernel times (1/dt ∫ f^power ds)^root over each step: its increments have then the exact law.

    Args:
        unit: the kernel where f = 1.
        schedule: f ≥ 0. dt: of the kernel.
        power, root: 1 and ½ for a diffusion, α and 1/α for the scale of α-stable noise.
    """
    from sdesim.compiled.generated import generated_module

    module = generated_module(_TEXT.format(module=unit.module, function=unit.function))
    ahead = Factors(schedule, power, root, dt, unit.params, unit.data)
    # How small the schedule makes it is not known here, so that float32 can't promise to keep it.
    size = None if unit.size is None else np.full_like(unit.size, np.nan)
    return replace(
        unit, module=module.__name__, function="fill", setter=None, ahead=ahead, single=None, size=size,
        split=None,
    )  # fmt: skip
