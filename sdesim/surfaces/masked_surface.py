"""Surfaces of which only some coordinates are trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import ArrayLike, NDArray

from sdesim.compiled.streams import SURFACES, own_rng
from sdesim.kinds import InCode, Misfit, Numbers, OneOf, kind
from sdesim.kinds.arrays import NoNumbers, real_array
from sdesim.kinds.numbers import Array, as_theta
from sdesim.surfaces.base import Base, Surface, SurfaceKernel
from sdesim.surfaces.evaluated import Embedded

_HEAD = '''\
"""The compiled functions of a surface of which only some coordinates are trained."""

import numpy as np

from sdesim.compiled.jit import {decorator} as compiled
from sdesim.surfaces.masked_kernels import base_params, embed, embed_lane, embed_vector, pick
'''
_FUNCTIONS = {
    "loss": """

@compiled
def loss(x, params, data0, data1, out):
    base_loss(embed(x, params), base_params(params), data0, data1, out)
""",
    "grad": """

@compiled
def grad(x, params, data0, data1, out):
    point = embed(x, params)
    full = np.empty_like(point)
    base_grad(point, base_params(params), data0, data1, full)
    pick(full, params, out)
""",
    "hvp": """

@compiled
def hvp(x, v, params, data0, data1, out):
    point = embed(x, params)
    full = np.empty_like(point)
    base_hvp(point, embed_vector(v, params), base_params(params), data0, data1, full)
    pick(full, params, out)
""",
    "weighted_grad": """

@compiled
def weighted_grad(x, weights, params, data0, data1, out):
    point = embed(x, params)
    full = np.empty_like(point)
    base_weighted_grad(point, weights, base_params(params), data0, data1, full)
    pick(full, params, out)
""",
    "well": """

@compiled
def well(x, lane, params):
    return base_well(embed_lane(x, lane, params), 0, base_params(params))
""",
}


def masked(surface: Surface, mask: ArrayLike, values: ArrayLike | None = None) -> Masked:
    """The surface as a function of the coordinates where ``mask`` is true; the others are held fixed.

    L_M(x) = L(θ),  θ_i = x_k for the k-th trained coordinate i, θ_i = values_i elsewhere.

    Args:
        surface: any surface; one with examples keeps them, so that minibatch noise works on it too.
        mask: booleans (D,), at least one true.
        values: of the fixed coordinates: a number, or (D,) of which the entries at trained coordinates are
            not used; those of ``surface.start`` without it. 0 prunes the weights of a network.

    Returns:
        `Masked`, whose dim is the number of true entries.

    Raises:
        Misfit: if the mask or values do not fit.
    """
    return Masked(surface, mask, values)


@kind("surfaces", "masked")
@dataclass(frozen=True)
class Masked(Base):
    """A surface of which only some coordinates are trained: those listed, or a random share.

    L_M(x) = L(θ),  θ_i = x_k for the k-th trained coordinate i, θ_i held fixed elsewhere. Wells and their
    names are the base surface's. `minima` are those of its minima that lie in the plane of the fixed values;
    others may exist in that plane but have no closed form. `values` (D,) are all coordinates, the trained
    ones at their start.

    Args:
        surface: the base surface of D coordinates.
        mask: booleans (D,), true where a coordinate is trained.
        values: of the fixed coordinates: a number, or (D,) of which the entries at trained coordinates are
            not used; those of the base surface's start without it.
        keep: share of the coordinates that are trained, chosen at random; at least one is.
        coordinates: numbers of those that are trained.
        seed: of the choice.

    Raises:
        Misfit: if the mask or values do not fit.

    Example:
        {kind: masked, surface: {kind: styblinski, dim: 4}, coordinates: [0, 2]}
    """

    surface: Annotated[Any, OneOf("surfaces", take=("dim", "start", "groups", "examples", "kernel"))]
    given_mask: Annotated[Any, InCode()] = field(default=None, metadata={"called": "mask"})
    fixed: Annotated[Any, Numbers(0, 1)] | None = field(default=None, metadata={"called": "values"})
    keep: Annotated[float, Gt(0), Le(1)] | None = None
    coordinates: tuple[Annotated[int, Ge(0)], ...] | None = None
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0

    def __post_init__(self) -> None:
        total = int(self.surface.dim)
        if self.given_mask is not None:
            self._take_mask(total)
        ways = (self.given_mask, self.keep, self.coordinates)
        if sum(way is not None for way in ways) != 1:
            raise Misfit((), "give exactly one of keep and coordinates (in Python also mask)")
        for k, coordinate in enumerate(self.coordinates or ()):
            if coordinate >= total:
                raise Misfit(("coordinates", k), f"found {coordinate}, allowed: 0 to {total - 1}")
        if self.coordinates == ():
            raise Misfit("coordinates", "found [], allowed: at least one coordinate to train")
        if isinstance(self.fixed, np.ndarray) and len(self.fixed) != total:
            raise Misfit("values", f"found {len(self.fixed)} numbers, allowed: one or {total}")

    def _take_mask(self, total: int) -> None:
        """Take a copy of the mask."""
        try:
            mask = np.array(real_array(self.given_mask))
        except NoNumbers as error:
            raise Misfit("mask", f"{error}, allowed: {total} booleans") from None
        if mask.shape != (total,) or mask.dtype != np.bool_:
            found = f"found {mask.dtype} of shape {mask.shape}"
            raise Misfit("mask", f"{found}, allowed: {total} booleans")
        if not mask.any():
            raise Misfit("mask", "found none that is true, allowed: at least one coordinate to train")
        mask.setflags(write=False)
        object.__setattr__(self, "given_mask", mask)

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """Which coordinates are trained (D,)."""
        if self.given_mask is not None:
            return np.array(self.given_mask)
        total = int(self.surface.dim)
        if self.coordinates is not None:
            chosen = np.array(self.coordinates, dtype=np.int64)
        else:
            chosen = own_rng(self.seed, SURFACES).permutation(total)[: self.dim]
        mask = np.zeros(total, dtype=np.bool_)
        mask[chosen] = True
        return mask

    @cached_property
    def values(self) -> Array:
        """All coordinates (D,), the trained ones at their start."""
        point = np.array(self.surface.start, dtype=np.float64)
        return point if self.fixed is None else np.where(self.mask, point, self.fixed)

    @property
    def dim(self) -> int:
        """Number of trained coordinates, told without choosing them."""
        if self.given_mask is not None:
            return int(self.given_mask.sum())
        if self.coordinates is not None:
            return len(set(self.coordinates))
        assert self.keep is not None
        return max(1, round(self.keep * int(self.surface.dim)))

    @property
    def numbers(self) -> float:
        """Those of the base surface, and of all coordinates which are trained and where they are."""
        return float(getattr(self.surface, "numbers", 0.0)) + 3.0 * int(self.surface.dim)

    @property
    def start(self) -> Array:
        """The trained coordinates of the base surface's start (d,)."""
        return np.array(self.values[self.mask])

    @property
    def wells(self) -> tuple[str, ...]:
        """Those of the base surface."""
        return tuple(self.surface.wells)

    @property
    def examples(self) -> int:
        """Those of the base surface; 0 where it is no mean over examples."""
        return int(self.surface.examples)

    @property
    def groups(self) -> dict[str, slice]:
        """The trained coordinates of each of the base surface's groups; groups without any are left out."""
        before = np.concatenate([[0], np.cumsum(self.mask)])
        groups: Mapping[str, slice] = self.surface.groups
        found = {name: slice(int(before[s.start]), int(before[s.stop])) for name, s in groups.items()}
        return {name: s for name, s in found.items() if s.stop > s.start}

    @property
    def growth(self) -> float | None:
        """At most that of the base surface."""
        found: float | None = getattr(self.surface, "growth", None)
        return found

    def embed(self, theta: ArrayLike) -> Array:
        """All coordinates of the base surface: (…, d) → (…, D)."""
        trained = as_theta(theta, self.dim)
        full = np.broadcast_to(self.values, (*trained.shape[:-1], len(self.values))).copy()
        full[..., self.mask] = trained
        return full

    def loss(self, theta: ArrayLike) -> Array:
        """L(embed(θ)): (…, d) → (…)."""
        return np.asarray(self.surface.loss(self.embed(theta)))

    def grad(self, theta: ArrayLike) -> Array:
        """The trained coordinates of ∇L: (…, d) → (…, d)."""
        return np.asarray(self.surface.grad(self.embed(theta))[..., self.mask])

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """The trained rows and columns of ∇²L, times v: (…, d), (…, d) → (…, d)."""
        vector = as_theta(v, self.dim, "v")
        along = np.zeros((*vector.shape[:-1], len(self.values)))
        along[..., self.mask] = vector
        return np.asarray(self.surface.hvp(self.embed(theta), along)[..., self.mask])

    def minima(self) -> Array:
        """The base surface's minima whose fixed coordinates have the fixed values: (m, d)."""
        minima = np.asarray(self.surface.minima())
        away = np.abs(minima - self.values)[:, ~self.mask]
        return np.array(minima[np.all(away <= 1e-9, axis=1)][:, self.mask])

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """The base surface's well at embed(θ): (…, d) → (…)."""
        return np.asarray(self.surface.well(self.embed(theta)), dtype=np.int64)

    def weighted_gradient(self, theta: ArrayLike, weights: ArrayLike) -> Array:
        """Σ_i weights_i ∇ℓ_i(θ): (d,), (n,) → (d,)."""
        return np.asarray(self.surface.weighted_gradient(self.embed(theta), weights)[self.mask])

    @property
    def example_gradients(self) -> Callable[..., Array]:
        """``example_gradients(theta, indices=None)``, (d,) → (k, d), where the base surface has it."""
        of_all = self.surface.example_gradients
        return lambda theta, indices=None: np.asarray(of_all(self.embed(theta), indices)[:, self.mask])

    def evaluation(
        self, x_test: ArrayLike | None = None, y_test: ArrayLike | None = None, labelled: bool | None = None
    ) -> Embedded | None:
        """That of the base surface, at all of its coordinates."""
        inner = self.surface.evaluation(x_test, y_test, labelled)
        return None if inner is None else Embedded(inner, self.embed)

    def kernel(self) -> SurfaceKernel:
        """The compiled side: the base surface's functions between an embedding and a choice of rows."""
        return self._kernel

    @cached_property
    def _kernel(self) -> SurfaceKernel:
        from sdesim.compiled.generated import generated_module
        from sdesim.surfaces.timed import steady

        base: SurfaceKernel = steady(self.surface.kernel(), "masked")
        text = _HEAD.format(decorator="compiled_in_memory" if base.functions else "compiled")
        names = {}
        offered = [name for name in _FUNCTIONS if getattr(base, name) is not None]
        for name in offered:
            if name in base.functions:
                names[f"base_{name}"] = base.functions[name]
            else:
                text += f"from {base.module} import {getattr(base, name)} as base_{name}\n"
        text += "".join(_FUNCTIONS[name] for name in offered)
        module = generated_module(text, names)
        head = [float(self.dim), float(len(self.values))]
        params = np.concatenate([head, np.flatnonzero(self.mask), self.values, base.params])
        return SurfaceKernel(
            module="" if base.functions else module.__name__,
            grad="grad",
            loss="loss",
            params=params,
            data0=base.data0,
            data1=base.data1,
            weighted_grad="weighted_grad" if "weighted_grad" in offered else None,
            examples=base.examples,
            well="well" if "well" in offered else None,
            lanes=base.lanes,
            hvp="hvp" if "hvp" in offered else None,
            functions={name: getattr(module, name) for name in offered} if base.functions else {},
        )
