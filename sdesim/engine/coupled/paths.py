"""An equation walked at several step lengths at once, all through the same noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.engine.fitting import check_fit
from sdesim.engine.growth import growth_of
from sdesim.engine.kernels.codegen import coupled_driver
from sdesim.engine.plan import check_kernels, own_noise, several
from sdesim.engine.schemes import Scheme, as_scheme
from sdesim.engine.surface_check import check_surface
from sdesim.errors import SdesimError
from sdesim.kinds import Misfit
from sdesim.kinds.numbers import as_finite, positive
from sdesim.noise import NoiseKernel
from sdesim.noise.kernel import Drawn

Array = NDArray[np.float64]
# A block's arrays of this many numbers stay in the cache; a chunk of them is what one call walks.
_BLOCK, _CHUNK = 4096, 2**16


@dataclass(frozen=True, eq=False)
class Coupled:
    """A checked equation on [0, T], whose step is still open. Made by `coupled`.

    Attributes:
        surface, noises, scheme: what is walked, the scheme as it was chosen.
        start: x₀ (d,).
        duration: T.
    """

    surface: Any
    noises: tuple[Any, ...]
    scheme: Scheme
    start: Array
    duration: float

    @property
    def dim(self) -> int:
        """d."""
        return int(self.start.size)

    @property
    def tail_index(self) -> float | None:
        """The smallest α of noises without a variance; None where there are none."""
        found = [getattr(n, "tail_index", None) for n in self.noises]
        return min((float(a) for a in found if a is not None), default=None)

    @property
    def lanes(self) -> int:
        """W, a power of two between 64 and 512."""
        return int(2 ** np.clip(np.log2(_BLOCK / self.dim) // 1, 6, 9))

    @property
    def chunk(self) -> int:
        """How many paths one call walks: a multiple of W."""
        return self.lanes * max(1, _CHUNK // (self.lanes * self.dim))

    @cached_property
    def exchangeable(self) -> bool:
        """Whether the increments of two steps may change places: independent ones of one law."""
        return all(k.ahead is None for k in self._kernels(1))

    def _kernels(self, steps: int) -> tuple[NoiseKernel, ...]:
        dt = self.duration / steps
        return _kernels(self, steps, dt)

    def walk(
        self, steps: int, ratios: Sequence[int], key: int, first: int, count: int,
        turned: Sequence[bool] | None = None,
    ) -> Array:  # fmt: skip
        """States at T, (L, d, count), of the trajectories first … first + count − 1.

        Args:
            steps: how many the shortest step takes to T.
            ratios: how many of them each of the L paths takes at once; divisors of ``steps``.
            key: seed of the draws. count: at most `chunk`.
            turned: whether a path takes the two increments of each pair in the other order.
        """
        turned = [False] * len(ratios) if turned is None else turned
        whole = count - count % self.lanes
        parts = [
            self._walk(steps, ratios, turned, key, begin, size, min(size, self.lanes))
            for begin, size in ((first, whole), (first + whole, count - whole))
            if size
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    def _walk(
        self, steps: int, ratios: Sequence[int], turned: Sequence[bool], key: int, first: int, count: int,
        lanes: int,
    ) -> Array:  # fmt: skip
        dt, kernels, kernel = self.duration / steps, self._kernels(steps), self.surface.kernel()
        levels, blocks, scheme = len(ratios), count // lanes, self.scheme
        x = np.empty((blocks, levels, self.dim, lanes))
        x[...] = self.start[:, None]
        v = np.zeros((blocks, levels, self.dim if scheme.velocity else 0, lanes))
        entering = {k.enters for k in kernels}
        rows = (
            self.dim if scheme.auxiliary else 0,
            self.dim if "multiplicative" in entering else 0,
            kernel.factors,
        )
        rates = [k.rate for k in kernels if k.enters == "multiplicative"]
        rate = np.sum(rates, axis=0) if rates else np.zeros(0)
        params = np.array([scheme.params(r * dt) for r in ratios])
        given = (params, rate, scheme.work_arrays(self.dim))
        surface = (kernel.params, kernel.data0, kernel.data1)
        ahead, stream = {}, 0
        for k, noise in enumerate(kernels):
            if noise.ahead is not None:
                drawn = Drawn(key, stream, first, count, self.dim, steps)
                ahead[k] = (noise.ahead, drawn, noise.ahead.start(drawn))
            stream += noise.streams
        longest = max(ratios) * (2 if max(ratios) % 2 else 1)
        stretch = min((a.most(drawn) for a, drawn, _ in ahead.values()), default=steps)
        stretch = max(longest, stretch // longest * longest)
        for begin in range(0, steps, stretch):
            end = min(begin + stretch, steps)
            arrays = [(noise.params, noise.data) for noise in kernels]
            for k, (path, drawn, state) in ahead.items():
                arrays[k] = path.arrays(drawn, begin, end, state)
            # An empty tuple has no type to compile for.
            noise_params = tuple(a for a, _ in arrays) or (np.zeros(0),)
            noise_data = tuple(a for _, a in arrays) or (np.zeros((0, 0)),)
            _driver(self, steps).walk(
                np.uint64(key), first, begin, end, dt, np.array(ratios, np.int64), np.array(turned, np.bool_),
                surface, noise_params, noise_data, given, rows, x, v,
            )  # fmt: skip
        return np.ascontiguousarray(x.transpose(1, 2, 0, 3)).reshape(levels, self.dim, count)


@lru_cache(maxsize=64)
def _kernels(equation: Coupled, steps: int, dt: float) -> tuple[NoiseKernel, ...]:
    """The compiled sides of the noises at the shortest step."""
    kernel = equation.surface.kernel()
    own = own_noise(equation.surface, kernel, dt)
    return own + tuple(n.kernel(equation.dim, dt, dt) for n in equation.noises)


@lru_cache(maxsize=64)
def _driver(equation: Coupled, steps: int) -> Any:
    return coupled_driver(equation.surface.kernel(), equation._kernels(steps), equation.scheme)


def coupled(
    surface: Any, noise: Any, theta0: ArrayLike | None, duration: float, scheme: str | Scheme, steps: int
) -> Coupled:
    """Check an equation that is to be walked at several step lengths.

    Args:
        surface, noise, theta0, scheme: as in `simulate`, theta0 the same for all trajectories.
        duration: T.
        steps: a number of steps to T at which it is checked.

    Raises:
        SdesimError: what does not fit, or has no meaning where the step changes, in one line.
    """
    if isinstance(surface, type) or not all(hasattr(surface, name) for name in ("grad", "kernel", "start")):
        raise SdesimError("the equation must be one of sdesim.sdes, or a surface of sdesim.surfaces")
    noises, duration = several(noise), positive(duration, "T")
    dt = duration / steps
    start = as_finite(surface.start if theta0 is None else theta0, "theta0")
    if start.shape not in ((), (surface.dim,)):
        raise SdesimError(f"theta0 must be a number or ({surface.dim},), got shape {start.shape}")
    for k, one in enumerate(noises):
        if getattr(one, "needs", ()):
            raise Misfit(("noise", k), f"found one that waits for {' and '.join(one.needs)}")
        if getattr(one, "learning_rate_power", 0.0) != 0.0 or getattr(one, "batch_size", 0):
            raise Misfit(("noise", k), "found one that follows the learning rate, allowed: noises in time")
    if found := list(check_fit(surface, noises, scheme, dt=dt, steps=steps, trial=False)):
        raise Misfit(found)
    chosen = as_scheme(scheme)
    if hasattr(chosen, "resolved"):
        chosen = chosen.resolved(surface, noises, growth_of)
    if chosen.steps_by_learning_rate:
        rule = f"{chosen.name!r} is a map whose step is the learning rate, allowed: a scheme of an equation"
        raise Misfit("scheme", rule)
    x0 = np.array(np.broadcast_to(start, (surface.dim,)), dtype=np.float64)
    equation = Coupled(surface, noises, chosen, x0, duration)
    check_surface(surface, x0.copy())
    kernels = equation._kernels(steps)
    check_kernels(chosen, surface.kernel(), kernels)
    own = len(kernels) - len(noises)
    for k, one in enumerate(kernels):
        if not one.divisible or one.acts is not None:
            rule = "found one whose increment over a step is no sum of those over its parts"
            raise Misfit(("noise", k - own), f"{rule}, so that long and short steps can't share it")
    return equation
