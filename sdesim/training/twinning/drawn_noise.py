"""The gradient noise ξ of a twin's steps, drawn as the engine draws increments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdesim.errors import RunError
from sdesim.noise.kernel import Drawn

if TYPE_CHECKING:
    from sdesim.engine.plan import Plan

Array = NDArray[np.float64]
# That of noise whose increments over a share h have the law of √h times those over all.
GAUSSIAN = 2.0


@dataclass(frozen=True, eq=False)
class Noise:
    """ξ of one step, of mean 0.

    Attributes:
        weights: of the examples, (K, n), with ξ = Σ_i w_i ∇ℓ_i; None without.
        picked: the examples (K, B) of minibatches where ξ is their mean gradient less ∇L; None elsewhere.
        added: (α, ξ (K, d)) of noises that know no examples.
        driven: what gives a ∇L + b ξ itself, as of `NoiseKernel.drives`; None elsewhere.
    """

    weights: Tensor | None
    picked: Tensor | None
    added: tuple[tuple[float, Tensor], ...]
    driven: Any = None


class DrawnNoise:
    """What a simulation's noises are to the gradient of one optimizer step.

    A noise's increment ΔN over dt = hη stands for the part −ΔN/η of a gradient, of the law of h^{1/α} ξ. The
    numbers are those of the compiled engine: functions of (seed, stream, trajectory, step, coordinate).

    Args:
        plan: of the simulation.
        share: h.
        draw: which of several independent sets of numbers.

    Raises:
        RunError: a noise that depends on θ otherwise than through the examples, or two that each give the
            gradient itself.
    """

    def __init__(self, plan: Plan, share: float, draw: int = 0) -> None:
        self._eta, self._share = plan.learning_rate, share
        self._sources: list[tuple[float, Any, _Fill]] = []
        stream = draw * sum(kernel.streams for kernel in plan.noise_kernels)
        for noise, kernel in zip(plan.noises, plan.noise_kernels, strict=True):
            if kernel.enters not in ("additive", "examples") or kernel.acts is not None:
                name = getattr(noise, "kind", type(noise).__name__)
                raise RunError(f"noise {name} depends on the state: a twin takes noise of the gradients")
            rows = plan.noise_rows(kernel)
            drawn = Drawn(plan.seed, stream, plan.first, plan.trajectories, rows, plan.steps)
            index = float(getattr(noise, "stability", GAUSSIAN))
            self._sources.append((index, kernel, _Fill(kernel, drawn)))
            stream += kernel.streams

        if sum(kernel.drives is not None for _, kernel, _ in self._sources) > 1:
            raise RunError("a training whose gradients are drawn by a law of their own takes it once")

    @property
    def indices(self) -> list[float]:
        """α of each noise, each value once."""
        return sorted({index for index, _, _ in self._sources})

    @property
    def memory(self) -> dict[str, Array]:
        """States of noises that have one, by name."""
        return {f"noise{k}": fill.state for k, (_, _, fill) in enumerate(self._sources) if fill.ahead}

    def stretch(self, most: int) -> int:
        """How many steps can be opened at once, at most so many."""
        return min([most, *(fill.most for _, _, fill in self._sources if fill.ahead)])

    def open(self, begin: int, end: int) -> None:
        """Make the steps begin … end − 1 ready, after those that went before."""
        for _, _, fill in self._sources:
            fill.open(begin, end)

    def at(self, step: int) -> Noise:
        """ξ of one of the steps that are open."""
        alone = len(self._sources) == 1
        weights: Array | None = None
        added, driven = [], None
        for index, kernel, fill in self._sources:
            if alone and self._share == 1.0 and kernel.picks is not None:
                return Noise(None, torch.from_numpy(fill.picked(step)), ())
            scale = -1.0 / (self._eta * self._share ** (1.0 / index))
            own = np.ascontiguousarray((scale * fill.at(step)).T) if kernel.function else None
            if kernel.drives is not None:
                driven = kernel.drives(fill.drawn, step, own)
                continue
            assert own is not None
            if kernel.enters == "examples":
                weights = own if weights is None else weights + own
            else:
                added.append((index, torch.from_numpy(own)))
        held = None if weights is None else torch.from_numpy(weights)
        return Noise(held, None, tuple(added), driven)


class _Fill:
    """The increments of one noise, pair of steps by pair."""

    def __init__(self, kernel: Any, drawn: Drawn) -> None:
        self._kernel, self._drawn, self.ahead, self.drawn = kernel, drawn, kernel.ahead, drawn
        self._function: Callable[..., Any] | None = None
        if kernel.function:
            self._function = getattr(import_module(kernel.module), kernel.function)
        self._params, self._data = kernel.params, kernel.data
        self._pair, self._held = -1, np.zeros((2, drawn.rows, drawn.count))
        self._scratch = np.empty((2, drawn.rows, drawn.count))
        self.state: Array = np.zeros(0) if self.ahead is None else self.ahead.start(drawn)

    @property
    def most(self) -> int:
        """The most steps of one stretch of a noise that is worked out ahead."""
        return int(self.ahead.most(self._drawn))

    def open(self, begin: int, end: int) -> None:
        if self.ahead is not None and end > begin:
            self._params, self._data = self.ahead.arrays(self._drawn, begin, end, self.state)
            self._pair = -1

    def at(self, step: int) -> Array:
        """(rows, K)."""
        pair, half = divmod(step, 2)
        if pair != self._pair:
            d = self._drawn
            self._held[...] = 0.0
            assert self._function is not None
            self._function(
                np.uint64(d.seed), d.stream, d.first, pair, self._params, self._data, self._held[0],
                self._held[1], self._scratch[0], self._scratch[1],
            )  # fmt: skip
            self._pair = pair
        return np.asarray(self._held[half])

    def picked(self, step: int) -> NDArray[np.int64]:
        """The examples (K, B) that stand behind the increment of a step."""
        found: NDArray[np.int64] = self._kernel.picks(self._drawn, step)
        return found
