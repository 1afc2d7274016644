"""The eigenvalues of the Hessian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sdesim.errors import RunError
from sdesim.estimators.curvature.density import SpectralDensity, spectral_density
from sdesim.plots.look import SIMULATED
from sdesim.plots.style import GUIDE, NothingToDraw, finish, legend, one_panel

# Density that is drawn, as a share of the largest: below it is what the smoothing makes.
_FLOOR = 1e-6
# How many times as far as the largest eigenvalue an edge is still worth the room.
_REACH = 2.5


def spectrum(
    data: SpectralDensity | Callable[[Any], Any], dim: int | None = None, *, edge: float | None = None,
    ax: Any = None, **options: Any,
) -> Any:  # fmt: skip
    """Density of the Hessian's eigenvalues, φ(t) = (1/d) Σ_i N(t; λ_i, w²), by stochastic Lanczos quadrature.

    Its axis is logarithmic: of a network nearly all eigenvalues lie at 0, and the few that matter stand out
    to the right. A peak is as wide as the smoothing w, which stands in the legend. The band is the 95%
    interval over the random vectors.

    Args:
        data: what `sdesim.estimators.spectral_density` gave, or a product v (d,) ↦ H v (d,), which is then
            given to it.
        dim: d, with a product. options: further arguments of `spectral_density`.
        edge: a value to mark, such as 2/η, the edge of stability; one far beyond is named only.
        ax: axes to draw into.

    Returns:
        The Axes.

    Raises:
        RunError: a product without dim, or dim with a density. NothingToDraw: a density that is not finite.

    Example:
        >>> hvp = lambda v: surface.hvp(theta, v)
        >>> sdesim.plots.spectrum(hvp, surface.dim, edge=2 / 0.1)
    """
    if isinstance(data, SpectralDensity):
        if dim is not None or options:
            raise RunError("spectrum: dim and options belong to a product, not to a density that is made")
        found = data
    else:
        if dim is None:
            raise RunError("spectrum: a product needs dim, the number of parameters")
        found = spectral_density(data, dim, **options)
    if found.has("nonfinite"):
        raise NothingToDraw("the Hessian's products are not finite")
    colour, top = SIMULATED[0][0], float(found.density.max())
    floor = _FLOOR * top
    with one_panel(ax) as canvas:
        settled = "" if not found.has("not_converged") else ", not settled: more steps"
        name = f"Hessian, {found.n} products, smoothed by {found.width:.2g}{settled}"
        canvas.plot(found.grid, np.maximum(found.density, floor), color=colour, label=name)
        low, high = (np.maximum(x, floor) for x in (found.low, found.high))
        canvas.fill_between(found.grid, low, high, color=colour, alpha=0.16, linewidth=0)
        if edge is not None:
            reach = _REACH * float(np.abs(found.grid).max())
            near = abs(edge) <= reach
            if near:
                canvas.axvline(edge, **GUIDE)
            canvas.plot([], [], label=f"edge {edge:.3g}{'' if near else ', beyond the axis'}", **GUIDE)
        canvas.set_yscale("log")
        canvas.set_ylim(floor, 3 * top)
        finish(canvas, "density of eigenvalues, log axis", "eigenvalue λ (loss/parameter²)")
        legend(canvas, ax, ncols=1)
        return canvas
