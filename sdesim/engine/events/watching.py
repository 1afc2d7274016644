"""How each event of a simulation is watched: by steps, by moved walls, or by what lies between two steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.events.moved_walls import wall_shift
from sdesim.engine.events.overshoot import StableLaw
from sdesim.engine.events.region import Region

if TYPE_CHECKING:
    from sdesim.engine.schemes import Scheme
    from sdesim.noise import Noise, NoiseKernel

Array = NDArray[np.float64]
# What the path between two steps is taken for, as `sdesim.engine.kernels.watch` reads it.
STEPS, SMOOTH, BRIDGE, VARYING = 0, 1, 2, 3
# Shares of the distance of the walls beyond which a shift, or the length of a step, is not small.
_COARSE_SHIFT, _COARSE_STEP = 0.2, 0.5
_MOST_CORRELATED = 2000


@dataclass(frozen=True, eq=False)
class Watched:
    """One event as it is watched.

    Attributes:
        method: "discrete", "interpolated", "bridge", "moved-walls" or "walk-on-spheres".
        number: of the method in the kernel.
        shift: how far each wall is moved in (walls,), in units of θ.
        inverse: what distances are multiplied by (walls,).
        flags: `exit_coarse`: steps are not small against the distance of the walls; `exit_discrete`: seen
            late, as what lies between the steps is not known.
        law: what walks on spheres read; None without.
    """

    method: str
    number: int
    shift: Array
    inverse: Array
    flags: tuple[str, ...] = ()
    law: Array | None = None


@dataclass(frozen=True, eq=False)
class Paths:
    """What is known of a path between two steps.

    Attributes:
        way: "discrete" for maps, which have nothing there; "interpolated" for paths without noise, or driven
            through a velocity; "bridge" for Gaussian noise; "moved-walls" for others; "unknown".
        variance, rate: (d,) over one step, of the additive part and of the multiplicative per θ_i².
        root: R (d, d) with R Rᵀ the covariance of the additive part where it is not diagonal; (0, 0) else.
        noises: all of them.
        dt: time step.
    """

    way: str
    variance: Array
    rate: Array
    root: Array
    noises: tuple[Any, ...]
    dt: float

    @property
    def bridged(self) -> bool:
        """Whether the state before a step is needed."""
        return self.way in ("bridge", "interpolated")

    def exponent(self, direction: Array, rate: float) -> Any:
        """ψ of the noises along a direction, with the multiplicative part's variance ``rate`` per time."""

        def value(u: Array) -> NDArray[np.complex128]:
            total = np.asarray(0.5 * rate * u * u, dtype=np.complex128)
            for noise in self.noises:
                if noise.sort != "multiplicative":
                    total = total + noise.exponent(u[:, None] * direction)
            return total

        return value


def paths_of(
    noises: Sequence[Noise], kernels: Sequence[NoiseKernel], scheme: Scheme, dim: int, dt: float
) -> Paths:
    """What lies between two steps of a scheme with these noises (resolved)."""
    zero = np.zeros(dim)
    rate = np.zeros(dim)
    for kernel in kernels:
        rate += kernel.rate * dt if kernel.enters == "multiplicative" else 0.0
    way, variance, root = "bridge", zero, np.zeros((0, 0))
    tried = np.ones((1, dim))
    additive = [n for n, k in zip(noises, kernels, strict=True) if k.enters != "multiplicative"]
    # Noises that are worked out ahead follow the time, or their own past, unless they say otherwise.
    steady = all(k.ahead is None or getattr(k.ahead, "independent", False) for k in kernels)
    known = steady and all(getattr(n, "exponent", lambda u: None)(tried) is not None for n in additive)
    multiplied = all(k.gaussian for k in kernels if k.enters == "multiplicative")
    if all(order is None for order in scheme.strong_order.values()):
        way = "discrete"
    elif scheme.velocity or not noises:
        way = "interpolated"
    elif not (known and multiplied):
        way = "unknown"
    elif not all(k.gaussian for k in kernels):
        way = "moved-walls"
    else:
        found = _covariance(additive, dim, dt)
        way = "unknown" if found is None else way
        variance, root = (zero, root) if found is None else found
    return Paths(way, variance, rate, root, tuple(noises), dt)


def _covariance(noises: Sequence[Any], dim: int, dt: float) -> tuple[Array, Array] | None:
    """Variances (d,) of Gaussian noises over a step, and a root of their covariance unless it is diagonal.

    None where that root would be too large.
    """

    def spread(u: Array) -> Array:
        # ψ(u) = ½ uᵀ Cov u per unit of time.
        total: Array = sum((2.0 * dt * np.real(n.exponent(u)) for n in noises), np.zeros(len(u)))
        return total

    # One at a time where all at once would take much memory.
    few = dim <= _MOST_CORRELATED
    variance = spread(np.eye(dim)) if few else np.array([spread(row[None])[0] for row in _units(dim)])
    trial = np.random.default_rng(0).standard_normal((2, dim))
    diagonal = (trial * trial) @ variance
    if np.allclose(spread(trial), diagonal, rtol=1e-9, atol=0.0):
        return variance, np.zeros((0, 0))
    if not few:
        return None
    eye = np.eye(dim)
    pairs = np.array([spread(eye + row) for row in eye])
    covariance = 0.5 * (pairs - variance[:, None] - variance[None, :])
    np.fill_diagonal(covariance, variance)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    # As a bound of the variance in any direction.
    return np.full(dim, float(max(values[-1], 0.0))), np.ascontiguousarray(root)


def _units(dim: int) -> Any:
    for k in range(dim):
        unit = np.zeros(dim)
        unit[k] = 1.0
        yield unit


def watched(region: Region, paths: Paths, reach: float, law: StableLaw | None = None) -> Watched:
    """How a region is watched.

    Args:
        reach: the greatest distance of a start to the nearest wall, which is the size of a region without
            one of its own.
        law: of the noise, where the law of the state is asked for.
    """
    none, one = np.zeros(region.walls), np.ones(region.walls)
    if region.monitoring == "discrete" or paths.way == "discrete":
        return Watched("discrete", STEPS, none, one)
    size = region.size if math.isfinite(region.size) else reach
    if law is not None:
        flags = ("exit_coarse",) if law.unit(paths.dt) > _COARSE_STEP * size else ()
        return Watched("walk-on-spheres", STEPS, none, one, flags, law.values(paths.dt, size))
    if paths.way == "interpolated":
        return Watched("interpolated", SMOOTH, none, one)
    if paths.way == "bridge":
        return _bridged(region, paths, size)
    shift = None if paths.way == "unknown" else _shifts(region, paths)
    if shift is None:
        return Watched("discrete", STEPS, none, one, ("exit_discrete",))
    coarse = ("exit_coarse",) if float(shift.max()) > _COARSE_SHIFT * size else ()
    return Watched("moved-walls", STEPS, shift, one, coarse)


def _bridged(region: Region, paths: Paths, size: float) -> Watched:
    none = np.zeros(region.walls)
    step = math.sqrt(float((paths.variance + paths.rate * size * size).max()))
    flags = ("exit_coarse",) if step > _COARSE_STEP * size else ()
    same = paths.root.shape[0] == 0 and bool((paths.variance == paths.variance[0]).all())
    if not paths.rate.any() and paths.variance[0] > 0.0 and (same or region.normals is not None):
        if region.normals is None:
            spread = np.full(region.walls, paths.variance[0])
        elif paths.root.shape[0]:
            spread = ((region.normals @ paths.root) ** 2).sum(axis=1)
        else:
            spread = region.normals**2 @ paths.variance
        if (spread > 0.0).all():
            return Watched("bridge", BRIDGE, none, 1.0 / np.sqrt(spread), flags)
    return Watched("bridge", VARYING, none, np.ones(region.walls), flags)


def _shifts(region: Region, paths: Paths) -> Array | None:
    """δ of each wall; None where one is not known, or is not the same all along the wall."""
    dim = len(paths.rate)
    if region.normals is None:
        if paths.rate.any() or not _isotropic(paths, dim):
            return None
        unit = np.zeros(dim)
        unit[0] = 1.0
        shift = wall_shift(paths.exponent(unit, 0.0), paths.dt)
        return None if shift is None else np.full(region.walls, shift)
    out = np.zeros(region.walls)
    found: dict[tuple[bytes, float], float | None] = {}
    for k, normal in enumerate(region.normals):
        own = 0.0
        if paths.rate.any():
            # σ is taken at the wall, which must stand at one value of the coordinate that it multiplies.
            if not math.isfinite(region.places[k]):
                if math.isnan(region.places[k]):
                    return None
                continue
            own = float((normal * normal) @ paths.rate) * region.places[k] ** 2 / paths.dt
        key = (np.abs(normal).tobytes(), own)
        if key not in found:
            found[key] = wall_shift(paths.exponent(normal, own), paths.dt)
        shift = found[key]
        if shift is None:
            return None
        out[k] = shift
    return out


def _isotropic(paths: Paths, dim: int) -> bool:
    """Whether ψ is the same in all directions: at a few, of two sizes."""
    if dim == 1:
        return True
    directions = np.random.default_rng(0).standard_normal((8, dim))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    directions[0] = np.eye(dim)[0]
    for size in (1e-2, 1e2):
        values = sum(np.real(n.exponent(size * directions)) for n in paths.noises)
        if not np.allclose(values, np.asarray(values).flat[0], rtol=1e-9, atol=0.0):
            return False
    return True


def reach(region: Region, starts: Array) -> float:
    """The greatest distance of a start (K, d) to the nearest wall of a region."""
    from importlib import import_module

    nearest = region.functions.get("nearest") or getattr(import_module(region.module), region.nearest)
    out = np.empty(len(starts))
    columns = np.array(starts.T, order="C")
    nearest(columns, region.params, np.zeros(region.walls), np.ones(region.walls), out)
    return float(out.max())


def kernel_arrays(
    regions: Sequence[Region], plans: Sequence[Watched], kinds: Sequence[int], paths: Paths
) -> tuple[NDArray[np.int64], Array, Array, bool]:
    """What the kernel reads: (numbers (E, 12), values, root, whether states before a step are needed)."""
    numbers = np.zeros((len(regions), 12), dtype=np.int64)
    parts: list[Array] = [paths.variance, paths.rate]
    dim, place = len(paths.rate), 2 * len(paths.rate)
    for e, (region, plan, kind) in enumerate(zip(regions, plans, kinds, strict=True)):
        end = place + region.params.size
        last = end + 2 * region.walls
        law = 0 if plan.law is None else last
        numbers[e, :11] = [
            kind, place, end, region.walls, end, end + region.walls, plan.number, region.stop, 0, dim, law
        ]  # fmt: skip
        parts += [region.params, plan.shift, plan.inverse]
        place = last
        if plan.law is not None:
            parts.append(plan.law)
            place += plan.law.size
    between = any(plan.number != STEPS or plan.law is not None for plan in plans)
    return numbers, np.concatenate(parts), paths.root, between
