"""Compound Poisson noise: jumps of a law of their own at random times."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any

import numpy as np

from sdesim.errors import SdesimError, first_line
from sdesim.estimators.core.covariance import DiagonalCovariance, GradientMoments
from sdesim.kinds import Misfit, Numbers, OneOf, kind
from sdesim.kinds.fields import Marker
from sdesim.noise.base import Array, Base, NoiseKernel, Sort, check_size
from sdesim.noise.jumps.base import check_draw

# e^{−mean} must be a number, and counting up to it fast.
_MOST_JUMPS = 500.0
_TEXT = '''\
"""Increments of a compound Poisson process with one law of jumps."""

import numpy as np

from sdesim.compiled.jit import compiled
from sdesim.compiled.philox import uniforms
from sdesim.noise.compound_poisson_kernels import count_of
from {module} import {function} as jump


@compiled
def add(seed, stream, trajectory, pair, coordinate, step, u, mean, none, law):
    total = 0.0
    for k in range(count_of(u, mean, none)):
        a, b = uniforms(
            seed,
            np.uint64(stream),
            np.uint64(trajectory),
            np.uint64(pair),
            np.uint64(coordinate),
            np.uint64(1 + step + 2 * k),
        )
        total += jump(a, b, law)
    return total


@compiled
def fill(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    rows, width = out0.shape
    law = params[2 * rows :]
    for i in range(rows):
        mean, none = params[i], params[rows + i]
        for w in range(width):
            u, v = uniforms(
                seed,
                np.uint64(stream),
                np.uint64(first + w),
                np.uint64(pair),
                np.uint64(i),
                np.uint64(0),
            )
            # Most steps have no jump.
            if u > none:
                out0[i, w] += add(seed, stream, first + w, pair, i, 0, u, mean, none, law)
            if v > none:
                out1[i, w] += add(seed, stream, first + w, pair, i, 1, v, mean, none, law)
'''
_ACTING = (
    _TEXT
    + """\


@compiled
def act(x, seed, stream, first, step, params, data, out):
    dt = params[0]
    for w in range(x.shape[1]):
        found = rate(column(x, w))
        for i in range(x.shape[0]):
            mean = dt * rate_of(found, i)
            # Also where it is no number; such a trajectory is lost, and says so.
            if not 0.0 <= mean <= params[1]:
                out[i, w] = np.nan
                continue
            u, v = uniforms(
                seed,
                np.uint64(stream),
                np.uint64(first + w),
                np.uint64(step // 2),
                np.uint64(i),
                np.uint64(0),
            )
            part = step % 2
            u = v if part == 1 else u
            none = np.exp(-mean)
            if u > none:
                out[i, w] += add(seed, stream, first + w, step // 2, i, part, u, mean, none, params[2:])
"""
)


@dataclass(frozen=True)
class _Rate(Marker):
    """A number, one for each coordinate, or in Python a function of the state."""

    def read(self, value: Any) -> Any:
        return value if callable(value) else Numbers(0, 1).read(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return Numbers(0, 1).__get_pydantic_json_schema__(core, handler)


@kind("noises", "compound-poisson")
@dataclass(frozen=True)
class CompoundPoisson(Base):
    """Σ_{k ≤ N_t} J_k in each coordinate: jumps at a rate, each with a size of its own.

    The coordinates jump independently. Increments are exact at any dt: the number of jumps in a step is
    Poisson with mean rate · dt. They are not compensated: the mean of the noise is rate · E J per unit of
    time. A rate that depends on the state is that at the start of each step (weak order 1); where it is
    negative or no number, the trajectory is lost, with status 1.

    Args:
        rate: jumps per unit of time, a number or (d,), not negative; in Python also a function of the state
            θ (d,), which gives either and which Numba can compile.
        jumps: the law of J, a kind of `sdesim.jumps`.

    Raises:
        Misfit: the rate is negative.

    Source: R. Merton, J. Financial Econ. 3 (1976) 125; R. Cont & P. Tankov, Financial Modelling with Jump
    Processes (2004), §6.1.

    Example:
        {kind: compound-poisson, rate: 50.0, jumps: {kind: normal, mean: 0.0, std: 0.1}}
    """

    rate: Annotated[Any, _Rate()]
    jumps: Annotated[Any, OneOf("jumps", take=("module", "function", "params"))]

    def __post_init__(self) -> None:
        if not callable(self.rate) and np.any(np.asarray(self.rate) < 0):
            raise Misfit("rate", f"found {np.min(self.rate):g}, allowed: numbers of at least 0")

    @property
    def sort(self) -> Sort:
        """Levy: additive, and not Gaussian."""
        return "levy"

    @property
    def tail_index(self) -> float | None:
        """That of the jumps, where their law says one."""
        found: float | None = self._said("tail_index")
        return found

    def _said(self, what: str) -> Any:
        """What the law of the jumps says of itself; None where it does not."""
        return getattr(self.jumps, what, None)

    @property
    def label(self) -> str:
        """With the rate where it is one number."""
        rate = f" rate={self.rate:g}" if isinstance(self.rate, float) else ""
        return f"compound-poisson{rate}"

    @property
    def needs_trial(self) -> bool:
        """Whether dt may be too long for the rate."""
        return True

    def validate(self, dim: int) -> None:
        """Check that the rate is for dim coordinates.

        Raises:
            SdesimError: if its shape does not fit.
        """
        check_size(len(self.rate) if isinstance(self.rate, np.ndarray) else None, dim, "rate")

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """Increments over dt; the learning rate plays no part.

        Raises:
            SdesimError: there would be more than 500 jumps in a step.
        """
        from sdesim.compiled.generated import generated_module

        self.validate(dim)
        check_draw(self.jumps)
        if callable(self.rate):
            return self._acting(dim, dt)
        mean = np.array(np.broadcast_to(self.rate, (dim,)), dtype=np.float64) * dt
        if mean.max() > _MOST_JUMPS:
            raise SdesimError(f"compound Poisson noise jumps {mean.max():g} times a step: use a smaller dt")
        module = generated_module(_TEXT.format(module=self.jumps.module, function=self.jumps.function))
        params = np.concatenate([mean, np.exp(-mean), self.jumps.params])
        size = self._size(mean)
        return NoiseKernel(module.__name__, "fill", params, divisible=True, size=size, dithers=False)

    def _size(self, mean: Array) -> Array:
        """Standard deviation or scale of an increment with so many jumps (d,); NaN where it is not known."""
        spread = self._said("spread")
        root = mean ** (1.0 / (self.tail_index or 2.0))
        return root * (math.nan if spread is None else spread)

    def _acting(self, dim: int, dt: float) -> NoiseKernel:
        text = _ACTING.format(module=self.jumps.module, function=self.jumps.function)
        act = acting(
            text.replace("import compiled\n", "import compiled_in_memory as compiled\n"), self.rate, dim
        )
        params = np.concatenate([[dt, _MOST_JUMPS], self.jumps.params])
        home = "sdesim.noise.compound_poisson_kernels"
        # How often it jumps is not known here.
        size = np.full(dim, math.nan)
        return NoiseKernel(
            home, "nothing", params, acts="act", functions={"acts": act}, size=size, dithers=False
        )

    def _at_state(self, theta: Array) -> CompoundPoisson:
        """With the rate that it has at a state (d,)."""
        if not callable(self.rate):
            return self
        point = np.array(theta, dtype=np.float64)
        return replace(self, rate=np.asarray(self.rate(point), dtype=np.float64))

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """(n, d) draws of minus an increment over η, divided by η, at the rate of the state."""
        return Base.gradient_noise(self._at_state(theta), theta, eta, n, rng)

    def noise_moments(self, theta: Array, eta: float) -> GradientMoments | None:
        """Mean −rate E J and Σ = rate E J²/η, as far as the jumps have them."""
        dim = np.asarray(theta).shape[-1]
        self.validate(dim)
        rate = np.broadcast_to(np.asarray(self._at_state(theta).rate, dtype=np.float64), (dim,))
        first, second = self._said("mean"), self._said("second_moment")
        if first is None:
            return None
        mean = -rate * first
        if second is None:
            return GradientMoments(mean, None)
        scale = np.sqrt(rate) * math.sqrt(second / eta)
        return GradientMoments(mean, DiagonalCovariance(scale))


@lru_cache(maxsize=32)
def acting(text: str, rate: Callable[..., Any], dim: int) -> Any:
    """The compiled function of a rate that depends on the state, one for the same function.

    Raises:
        SdesimError: Numba can't compile the rate, or it gives neither a number nor (d,).
    """
    from sdesim.compiled.generated import generated_module
    from sdesim.noise.compound_poisson_kernels import rate_of
    from sdesim.surfaces.custom_kernels import column

    names = {"rate": compiled_rate(rate, dim), "rate_of": rate_of, "column": column}
    return generated_module(text, names).act


def compiled_rate(function: Callable[..., Any], dim: int) -> Any:
    """A user's rate, compiled.

    Raises:
        SdesimError: Numba can't compile it, `first_calls` refuses it, or it gives neither a number nor (d,).
    """
    from numba.core.errors import NumbaError
    from numba.extending import is_jitted

    from sdesim.compiled.first_call import PLACES, first_calls
    from sdesim.compiled.jit import compiled_in_memory
    from sdesim.compiled.tuples import states_beside

    try:
        jitted = function if is_jitted(function) else compiled_in_memory(function)
        places = [(x,) for x in states_beside(np.zeros(dim))[:PLACES]]
        found = np.asarray(first_calls(jitted, "rate", places))
    except (NumbaError, TypeError) as error:
        lines = [line.strip() for line in str(error).splitlines()]
        told = next((ln for ln in lines if ln and not ln.startswith("Failed in")), first_line(error))
        raise SdesimError(f"rate: Numba can't compile the function of the state: {told}") from None
    if found.shape not in ((), (dim,)) or found.dtype.kind not in "iuf":
        raise SdesimError(f"rate must give a number or ({dim},), got {found.dtype} of shape {found.shape}")
    return jitted
