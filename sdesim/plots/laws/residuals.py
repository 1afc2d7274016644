"""A fitted series beside its model: quantiles of residuals, characteristic function of innovations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri

from sdesim.errors import RunError
from sdesim.fits.result import Fit
from sdesim.kinds.numbers import level_of
from sdesim.plots.laws.fitted import shown_places
from sdesim.plots.look import LAW, SERIES, SIMULATED
from sdesim.plots.style import GUIDE, finish, legend, one_panel

Array = NDArray[np.float64]
_POINTS = 121
# The law's characteristic function is drawn to where it has fallen to this.
_FALLEN = 0.02


def residual_qq(data: Fit, *, level: float = 0.95, ax: Any = None) -> Any:
    """Residuals of a fit against normal quantiles; a model whose tails are too light bends away.

    The residuals are the normal scores Φ⁻¹(F(x₁ | x₀)), standard normal under any model, the i-th of n
    ordered ones over Φ⁻¹((i − ½)/n). The band holds each by itself with probability `level`, for the
    parameters as they are: Φ⁻¹ of the quantiles of Beta(i, n − i + 1).

    Args:
        data: from `sdesim.fit`.
        level: of the band.
        ax: axes to draw into.

    Returns:
        The Axes.

    Raises:
        RunError: level outside (0, 1).

    Example:
        >>> sdesim.plots.residual_qq(sdesim.fit(x, "ornstein-uhlenbeck", dt=0.01))
    """
    level = level_of(level, error=RunError)
    n = data.n
    at = shown_places(n)
    x = ndtri((at + 0.5) / n)
    share = 0.5 * (1.0 - level)
    low, high = (ndtri(betaincinv(at + 1.0, n - at + 0.0, p)) for p in (share, 1.0 - share))
    with one_panel(ax, (4.8, 4.2)) as canvas:
        canvas.fill_between(
            x, low, high, color="#D9D9D9", linewidth=0, zorder=0, label=f"{level:.0%} under the model"
        )
        canvas.plot(x, x, **GUIDE)
        values = np.sort(data.residuals)[at]
        name = f"residuals ({n:,})"
        canvas.plot(x, values, "o", color=SIMULATED[0][0], markersize=3, linestyle="none", label=name)
        canvas.set_title(f"{data.model.kind}")
        finish(canvas, "normal score of the residual", "normal quantile")
        legend(canvas, ax)
        return canvas


def characteristic_function(data: Fit, *, level: float = 0.95, ax: Any = None) -> Any:
    """Characteristic function of the innovations of a fit, beside the fitted one.

    Points: the mean of cos uy and of sin uy over the innovations y, in units of their spread under the model.
    Lines: E cos uy and E sin uy. The bands hold each point by itself with probability `level` for the
    parameters as they are: Var cos uy = ½ (1 + φ(2u)) − φ(u)² of the real parts, alike of the imaginary ones.

    Args:
        data: from `sdesim.fit`.
        level: of the band.
        ax: axes to draw into.

    Returns:
        The Axes.

    Raises:
        RunError: level outside (0, 1).

    Example:
        >>> sdesim.plots.characteristic_function(sdesim.fit(x, "jump-diffusion", dt=1 / 250))
    """
    level = level_of(level, error=RunError)
    model, theta, n = data.model, data.theta, data.n
    y = model.innovations(theta, data.data)

    def law(u: Array) -> Any:
        return model.characteristic(theta, data.data, u)

    end = 1.0
    while end < 64.0 and abs(law(np.array([end]))[0]) > _FALLEN:
        end *= 1.25
    u = np.linspace(0.0, end, _POINTS)
    fitted, twice = law(u), law(2.0 * u)
    # Column by column, so that long series take no room.
    found = np.array([np.exp(1j * v * y).mean() for v in u])
    z = float(ndtri(0.5 + 0.5 * level))
    spread = np.sqrt(
        np.maximum([0.5 * (1 + twice.real) - fitted.real**2, 0.5 * (1 - twice.real) - fitted.imag**2], 0.0)
    )
    with one_panel(ax, (5.4, 4.0)) as canvas:
        for k, (name, part) in enumerate((("real part", np.real), ("imaginary part", np.imag))):
            middle, half = part(fitted), z * spread[k] / math.sqrt(n)
            colour = SERIES[k]
            canvas.fill_between(u, middle - half, middle + half, color=colour, alpha=0.16, linewidth=0)
            line = {**LAW, "linestyle": "-" if k == 0 else (0, (3, 2))}
            canvas.plot(u, middle, label=f"{name}, model", **line)
            canvas.plot(
                u[::3], part(found)[::3], "os"[k], color=colour, markersize=3, linestyle="none", label=name
            )
        canvas.set_title(f"{data.model.kind}")
        finish(canvas, "characteristic function of the innovations", "u, over their spread under the model")
        legend(canvas, ax)
        return canvas
