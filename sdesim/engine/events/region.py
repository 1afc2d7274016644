"""What the kernel watches of an event: a region with its walls, as compiled functions and numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Monitoring = Literal["continuous", "discrete"]


@dataclass(frozen=True, eq=False)
class Region:
    """A region with walls, each with a distance that is positive inside.

    The compiled functions take a block x (d, W) of states and the parameters (p,):

    - ``nearest(x, params, shift, inverse, out)``: out (W,) = min over the walls k of (distance − shift[k]) ·
      inverse[k];
    - ``gap(x, lane, wall, params) -> float``: the distance of one lane to one wall, to first order where the
      wall is curved;
    - ``normal(x, lane, wall, params, out)``: out (d,), the unit normal of that wall, outward.

    Attributes:
        module: dotted name of the module that holds them.
        nearest, gap, normal: their names.
        params: float64 (p,).
        walls: how many.
        outside: θ (k, d) → which of the points lie outside (k,).
        normals: (walls, d) where the walls are flat; None where they are curved.
        places: (walls,), the coordinate that a wall at right angles to an axis stands at; NaN for others.
        size: a length against which a shift of the walls is small: half the width, for balls a d-th of the
            radius; ∞ where only the start tells.
        stop: whether a trajectory stays where it left.
        monitoring: "continuous" or "discrete".
        overshoot: whether the law of the state behind the walls is asked for.
        exact: whether ``gap`` is the distance itself, and not only near the wall.
        functions: compiled functions by the three names, where they can't be imported; ``module`` is then
            empty.
    """

    module: str
    params: Array
    walls: int
    outside: Callable[[Array], NDArray[np.bool_]]
    normals: Array | None
    places: Array
    size: float = math.inf
    stop: bool = True
    monitoring: Monitoring = "continuous"
    overshoot: bool = False
    exact: bool = False
    nearest: str = "nearest"
    gap: str = "gap"
    normal: str = "normal"
    functions: Mapping[str, Any] = field(default_factory=dict)


def along_axes(coordinates: Array, signs: Array, dim: int) -> Array:
    """Unit vectors (walls, d) along coordinates, up or down."""
    out = np.zeros((len(coordinates), dim))
    out[np.arange(len(coordinates)), coordinates] = signs
    return out


def interval(
    lower: float,
    upper: float,
    coordinate: int,
    dim: int,
    stop: bool,
    monitoring: Monitoring,
    overshoot: bool = False,
) -> Region:
    """lower ≤ θ_i ≤ upper; wall 0 is the lower one."""
    width = upper - lower
    return Region(
        "sdesim.engine.events.exit_kernels",
        np.array([lower, upper, float(coordinate)]),
        2,
        lambda theta: (theta[:, coordinate] < lower) | (theta[:, coordinate] > upper),
        along_axes(np.full(2, coordinate), np.array([-1.0, 1.0]), dim),
        np.array([lower, upper]),
        0.5 * width,
        stop,
        monitoring,
        overshoot,
        True,
    )
