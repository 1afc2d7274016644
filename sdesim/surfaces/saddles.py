"""Saddles on the boundary of a well, sought from its minimum to each of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sdesim.errors import SdesimError
from sdesim.kinds.numbers import Array, as_index

if TYPE_CHECKING:
    from sdesim.surfaces.base import Surface

# Images of a string, rounds of it, and of Newton's method.
_IMAGES, _ROUNDS, _NEWTON = 25, 3000, 60
# Dense Hessians beyond this size would take their time.
_MOST = 200
_SAME = 1e-6


def find_saddles(surface: Surface, well: int) -> Array:
    """The saddles over which lowest paths leave a well: (m, d), the lowest first; (0, d) with one well.

    Between the minimum of the well and every other one a string of images descends until it lies along the
    gradient (the string method); its first top is made exact by Newton's method, and counts if the Hessian
    has exactly one negative eigenvalue there and the way down on one side ends in the well, on the other in
    another. Saddles that no string meets are not found: with many wells, or several ways between two,
    the surface's own `saddles` knows better.

    Args:
        surface: with `minima` in the order of `wells`.
        well: number of the well.

    Raises:
        SdesimError: minima that don't go with the wells, more than 200 coordinates, or a string without a
            saddle.

    Source: W. E, W. Ren & E. Vanden-Eijnden, "Simplified and improved string method", J. Chem. Phys. 126
    (2007) 164103.
    """
    well = as_index(well, surface.wells, "well")
    minima = np.asarray(surface.minima())
    if len(minima) != len(surface.wells):
        raise SdesimError(
            f"surface: found {len(minima)} minima of {len(surface.wells)} wells, between which no saddle "
            "can be sought"
        )
    if surface.dim > _MOST:
        raise SdesimError(
            f"surface: found {surface.dim} coordinates, allowed: at most {_MOST} to seek saddles"
        )
    found: list[Array] = []
    for other in range(len(minima)):
        if other == well:
            continue
        saddle = _between(surface, minima[well], minima[other], well)
        size = 1.0 + float(np.abs(saddle).max())
        if all(float(np.abs(saddle - known).max()) > _SAME * size for known in found):
            found.append(saddle)
    found.sort(key=lambda s: float(surface.loss(s)))
    return np.array(found).reshape(-1, surface.dim)


def dense(surface: Surface, theta: Array) -> Array:
    """∇²L (d, d) at one point."""
    from sdesim.surfaces.base import hessian

    return hessian(surface, theta)


def _between(surface: Surface, start: Array, end: Array, well: int) -> Array:
    """The first saddle from the minimum ``start`` on the lowest way to ``end``."""
    length = float(np.linalg.norm(end - start))
    # A straight line may lie on a ridge by symmetry, which no descent would leave.
    bend = np.random.default_rng(0).standard_normal(surface.dim) * (1e-3 * length if surface.dim > 1 else 0.0)
    share = np.linspace(0.0, 1.0, _IMAGES)[:, None]
    line = start + share * (end - start) + np.sin(np.pi * share) * bend
    for tries in range(4):
        line = _relax(surface, line, length)
        values = np.asarray(surface.loss(line))
        inside = np.asarray(surface.well(line)) == well
        last = int(np.flatnonzero(inside)[-1]) if not inside.all() else _IMAGES - 2
        first_out = int(np.argmax(~inside)) if not inside.all() else last
        low, high = max(0, min(first_out, last) - 2), min(_IMAGES, first_out + 3)
        top = low + int(np.argmax(values[low:high]))
        saddle = _newton(surface, line[top], length / _IMAGES)
        if saddle is not None and _parts(surface, saddle, well, length):
            return saddle
        # Images of one more way: farther to the side, refined where the top is.
        line = start + share * (end - start) + np.sin(np.pi * share) * bend * 10.0 ** (tries + 1)
    raise SdesimError(
        f"surface: no saddle was found between the well {surface.wells[well]!r} and the minimum at "
        f"{np.array2string(end, precision=4)}"
    )


def _relax(surface: Surface, line: Array, length: float) -> Array:
    """A string of images moved down the gradient, and spread evenly again after each step."""
    curvature = max(float(np.abs(np.linalg.eigvalsh(dense(surface, x))).max()) for x in line[::4])
    step = 0.2 / max(curvature, 1e-12)
    for _ in range(_ROUNDS):
        moved = line - step * np.asarray(surface.grad(line))
        moved[0], moved[-1] = line[0], line[-1]
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(moved, axis=0), axis=1))])
        if not np.isfinite(along[-1]):
            break
        even = np.linspace(0.0, along[-1], len(line))
        spread = np.stack([np.interp(even, along, moved[:, k]) for k in range(line.shape[1])], axis=1)
        change = float(np.abs(spread - line).max())
        line = spread
        if change < 1e-7 * length:
            break
    return line


def _newton(surface: Surface, theta: Array, reach: float) -> Array | None:
    """The saddle near a point: up along the lowest curvature and down along the others, as Newton steps."""
    x = theta.copy()
    for _ in range(_NEWTON):
        gradient = np.asarray(surface.grad(x))
        values, vectors = np.linalg.eigh(dense(surface, x))
        # One direction goes up, all others down, whatever the signs still are.
        curvature = np.maximum(np.abs(values), 1e-12)
        curvature[0] = -curvature[0]
        move = -vectors @ ((vectors.T @ gradient) / curvature)
        size = float(np.linalg.norm(move))
        x = x + move * min(1.0, reach / max(size, 1e-300))
        if not np.isfinite(x).all():
            return None
        if size < 1e-13 * (1.0 + float(np.linalg.norm(x))):
            break
    values = np.linalg.eigvalsh(dense(surface, x))
    slope = float(np.linalg.norm(surface.grad(x)))
    exact = slope <= 1e-7 * max(1.0, float(np.abs(values).max())) * (1.0 + float(np.linalg.norm(x)))
    index = int((values < 0).sum())
    return x if exact and index == 1 else None


def _parts(surface: Surface, saddle: Array, well: int, length: float) -> bool:
    """Whether the ways down from a saddle end in the well on one side, and in another on the other."""
    _, vectors = np.linalg.eigh(dense(surface, saddle))
    ends = []
    for sign in (-1.0, 1.0):
        x = saddle + sign * 1e-3 * length * vectors[:, 0]
        curvature = float(np.abs(np.linalg.eigvalsh(dense(surface, x))).max())
        for _ in range(2000):
            gradient = np.asarray(surface.grad(x))
            if float(np.linalg.norm(gradient)) < 1e-6 * curvature * length:
                break
            x = x - gradient * (0.5 / max(curvature, 1e-12))
            curvature = max(curvature, float(np.abs(np.linalg.eigvalsh(dense(surface, x))).max()))
        ends.append(int(surface.well(x)))
    return (ends[0] == well) != (ends[1] == well)
