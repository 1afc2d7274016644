"""Surfaces of which only some coordinates are trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import SdesimError
from sdesim.kinds.numbers import Array, as_finite, as_theta
from sdesim.surfaces.base import Surface, SurfaceKernel

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
        SdesimError: if the mask or values do not fit.
    """
    kind = MaskedExamples if hasattr(surface, "weighted_gradient") else Masked
    return kind(surface, mask, values)


@dataclass(frozen=True, init=False, eq=False)
class Masked:
    """A surface of which only some coordinates are trained; made by `masked`.

    Wells and their names are the base surface's. `minima` are those of its minima that lie in the plane of
    the fixed values; others may exist in that plane but have no closed form.

    Attributes:
        surface: the base surface of D coordinates.
        mask: booleans (D,).
        values: all coordinates (D,), the trained ones at their start.
    """

    surface: Any
    mask: NDArray[np.bool_]
    values: Array

    def __init__(self, surface: Surface, mask: ArrayLike, values: ArrayLike | None = None) -> None:
        chosen = np.asarray(mask)
        if chosen.shape != (surface.dim,) or chosen.dtype != np.bool_:
            raise SdesimError(
                f"mask must be {surface.dim} booleans, got {chosen.dtype} of shape {chosen.shape}"
            )
        if not chosen.any():
            raise SdesimError("mask must leave at least one coordinate to train")
        point = np.array(surface.start, dtype=np.float64)
        if values is not None:
            fixed = as_finite(values, "values")
            if fixed.shape not in ((), (surface.dim,)):
                raise SdesimError(f"values must be a number or ({surface.dim},), got shape {fixed.shape}")
            point = np.where(chosen, point, fixed)
        object.__setattr__(self, "surface", surface)
        object.__setattr__(self, "mask", chosen.copy())
        object.__setattr__(self, "values", point)

    @property
    def dim(self) -> int:
        """Number of trained coordinates."""
        return int(self.mask.sum())

    @property
    def start(self) -> Array:
        """The trained coordinates of the base surface's start (d,)."""
        return np.array(self.values[self.mask])

    @property
    def wells(self) -> tuple[str, ...]:
        """Those of the base surface."""
        return tuple(self.surface.wells)

    @property
    def groups(self) -> dict[str, slice]:
        """The trained coordinates of each of the base surface's groups; groups without any are left out."""
        before = np.concatenate([[0], np.cumsum(self.mask)])
        groups: Mapping[str, slice] = getattr(self.surface, "groups", {})
        found = {name: slice(int(before[s.start]), int(before[s.stop])) for name, s in groups.items()}
        return {name: s for name, s in found.items() if s.stop > s.start}

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

    def kernel(self) -> SurfaceKernel:
        """The compiled side: the base surface's functions between an embedding and a choice of rows."""
        return self._kernel

    @cached_property
    def _kernel(self) -> SurfaceKernel:
        from sdesim.compiled.generated import generated_module

        base: SurfaceKernel = self.surface.kernel()
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


class MaskedExamples(Masked):
    """A `Masked` surface that is a mean over examples."""

    @property
    def examples(self) -> int:
        """Number of examples n."""
        return int(self.surface.examples)

    def weighted_gradient(self, theta: ArrayLike, weights: ArrayLike) -> Array:
        """Σ_i weights_i ∇ℓ_i(θ): (d,), (n,) → (d,)."""
        return np.asarray(self.surface.weighted_gradient(self.embed(theta), weights)[self.mask])

    def example_gradients(self, theta: ArrayLike, indices: ArrayLike | None = None) -> Array:
        """∇ℓ_i(θ) of the examples ``indices`` (k,), all without them: (d,) → (k, d)."""
        return np.asarray(self.surface.example_gradients(self.embed(theta), indices)[:, self.mask])
