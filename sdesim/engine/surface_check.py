"""A surface that is not sdesim's, held once against differences before it is simulated."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdesim.compiled import blocks
from sdesim.compiled.sources import is_own
from sdesim.engine.kernel_check import check_surface_functions
from sdesim.errors import SdesimError
from sdesim.kinds.numbers import Array
from sdesim.surfaces.base import Surface
from sdesim.surfaces.derivative_check import check_gradient, check_product

# Two ways to one gradient agree to the rounding of a long sum.
_SAME = 1e-6


def check_surface(surface: Surface, start: Array) -> None:
    """Refuse a surface of others whose functions can't be relied on, or are not derivatives of its loss.

    sdesim's own kinds are tested; `custom` and `TorchSurface` look at what they are given when they are made.

    Args:
        surface: to be simulated. start: where that begins (d,).

    Raises:
        SdesimError: in one line: which function is wrong, where, and both numbers.
    """
    if all(is_own(type(part).__module__) for part in _parts(surface)):
        return
    name, kernel, dim = type(surface).__name__, surface.kernel(), surface.dim
    check_surface_functions(kernel, start, f"surface {name}")
    if not kernel.offers("loss"):
        return
    loss, slope = kernel.function("loss"), kernel.function("grad")

    def gradient(theta: Array) -> Array:
        return blocks.gradients(slope, dim, theta, kernel.arrays)

    try:
        check_gradient(lambda t: float(blocks.losses(loss, dim, t, kernel.arrays)), gradient, start)
        if kernel.offers("hvp"):
            product = kernel.function("hvp")
            check_product(gradient, lambda t, v: blocks.products(product, dim, t, v, kernel.arrays), start)
    except SdesimError as error:
        raise SdesimError(f"surface {name}: {error}") from None
    beside = start + 0.05 * (1.0 + np.abs(start))
    _same(gradient(beside), surface.grad(beside), f"surface {name}: grad of the kernel and in Python")
    if kernel.weighted_grad is not None and kernel.examples:
        even = np.full(kernel.examples, 1.0 / kernel.examples)
        mean = blocks.weighted(kernel.function("weighted_grad"), dim, beside, even, kernel.arrays)
        _same(gradient(beside), mean, f"surface {name}: grad, and weighted_grad with equal weights 1/n,")


def _parts(surface: Any) -> list[Any]:
    """The surface and those that it is made of."""
    found = []
    while surface is not None:
        found.append(surface)
        surface = getattr(surface, "surface", None)
    return found


def _same(one: Array, other: Any, what: str) -> None:
    there = np.asarray(other, dtype=np.float64)
    if not np.isfinite(one).all() or np.allclose(there, one, rtol=_SAME, atol=_SAME * np.abs(one).max()):
        return
    k = int(np.argmax(np.abs(there - one)))
    raise SdesimError(f"{what} differ beside the start: coordinate {k} is {one[k]:.6g} and {there[k]:.6g}")
