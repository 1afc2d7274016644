"""The health panel of a monitored training: what is measured, and which knob a trouble points to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sdesim.errors import RunError
from sdesim.plots.look import REAL, SERIES
from sdesim.plots.style import band, course, finish, guide, panels, scale

# A training is real, so it is orange.
FIRST, SECOND = REAL[0][0], SERIES[1]


def monitor(history: Any, *, axes: Any = None) -> Any:
    """The health of a training, from the measurements of a `training.Monitor`.

    Six panels: loss; C with its interval, its threshold C* and the source's 1; signal and noise apart; λ_max
    against the λ_crit of this step size, crosses where it has not converged (a step too long shows here); the
    share of the loss that noise puts back, C*/C (noise too strong shows here: above 1 a step raises the loss
    on average; a larger batch or a smaller rate helps); the index I.

    Args:
        history: measurements, oldest first, or the monitor that has them.
        axes: six axes to draw into, row by row; default three rows of two in a figure of its own.

    Returns:
        The six Axes.

    Raises:
        RunError: no measurements, or another number of axes.

    Example:
        >>> watched = sdesim.training.watch(model, optimizer, loader=loader)
        >>> sdesim.plots.monitor(watched)[0].figure.savefig("health.png")
    """
    history = getattr(history, "history", history)
    if not history:
        raise RunError("monitor: no measurements yet")
    steps = np.array([m.step for m in history])
    with panels(axes, 6, (9.4, 8.6), columns=2, sharex=True) as canvas:
        parts = (_loss, _consolidation, _apart, _sharpness, _noise_share, _index)
        for ax, part in zip(canvas, parts, strict=True):
            part(ax, steps, history)
        for ax in () if axes is not None else canvas[:-2]:
            ax.set_xlabel("")
        return canvas


def _series(history: Sequence[Any], name: str) -> tuple[Any, Any, Any]:
    """Values and bounds; NaN where not measured."""
    rows = [
        (e.value, e.low, e.high) if (e := getattr(m, name)) is not None else (np.nan,) * 3 for m in history
    ]
    value, low, high = np.array(rows, dtype=np.float64).T
    return value, low, high


def _line(ax: Any, x: Any, colour: str, label: str, value: Any, low: Any = None, high: Any = None) -> Any:
    """What was measured, with its band: a line through three readings and more."""
    known = np.isfinite(value)
    if not known.any():
        return value[known]
    course(ax, x[known], value[known], color=colour, label=label)
    if low is not None:
        band(ax, x[known], low[known], high[known], colour)
    return value[known]


def _plain(history: Sequence[Any], name: str) -> Any:
    return np.array([np.nan if (v := getattr(m, name)) is None else v for m in history], dtype=np.float64)


def _close(
    ax: Any, title: str, ylabel: str, drawn: Sequence[Any] = (), edge: tuple[float, str] | None = None
) -> None:
    scale(ax, drawn)
    if edge is not None:
        guide(ax, *edge)
    ax.set_title(title)
    finish(ax, ylabel, "optimizer steps")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="best")
    else:
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", color="#777777")


def _loss(ax: Any, steps: Any, history: Sequence[Any]) -> None:
    drawn = [_line(ax, steps, FIRST, "training", _plain(history, "loss"))]
    validation = _plain(history, "validation_loss")
    if np.isfinite(validation).any():
        drawn.append(_line(ax, steps, SECOND, "validation", validation))
    _close(ax, "Loss", "loss", drawn)


def _consolidation(ax: Any, steps: Any, history: Sequence[Any]) -> None:
    drawn = [_line(ax, steps, FIRST, "C", *_series(history, "C_alpha"))]
    star = _series(history, "C_star")[0]
    if np.isfinite(star).any():
        drawn.append(_line(ax, steps, SECOND, "C*", star))
    _close(ax, "Is the gradient signal or noise?", "C, C*", drawn, (1.0, "C = 1"))


def _apart(ax: Any, steps: Any, history: Sequence[Any]) -> None:
    drawn = [
        _line(ax, steps, FIRST, "signal |μ|²", _plain(history, "signal")),
        _line(ax, steps, SECOND, "noise Tr Σ", _plain(history, "noise")),
    ]
    _close(ax, "Which of the two moved?", "squared gradient", drawn)


def _sharpness(ax: Any, steps: Any, history: Sequence[Any]) -> None:
    value, low, high = _series(history, "lambda_max")
    if np.isfinite(value).any():
        _line(ax, steps, FIRST, "λmax", value, low, high)
        critical = _plain(history, "lambda_crit")
        if np.isfinite(critical).any():
            ax.plot(steps, critical, color=SECOND, linestyle="--", linewidth=1.2, label="λcrit, the edge")
        loose = [m.lambda_max is not None and "not_converged" in m.lambda_max.flags for m in history]
        if any(loose):
            ax.plot(steps[loose], value[loose], "x", color="#777777", label="not converged")
    _close(ax, "Step size: how near is the edge?", "λmax")


def _noise_share(ax: Any, steps: Any, history: Sequence[Any]) -> None:
    star, c = _series(history, "C_star")[0], _series(history, "C_alpha")[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(c > 0, star / c, np.nan)
    drawn = []
    if np.isfinite(share).any():
        drawn.append(_line(ax, steps, FIRST, "C*/C", share))
    rises = (1.0, "above it the loss rises")
    _close(ax, "Noise: what part of the descent it undoes", "C*/C", drawn, rises)


def _index(ax: Any, steps: Any, history: Sequence[Any]) -> None:
    if np.isfinite(_series(history, "I")[0]).any():
        _line(ax, steps, FIRST, "I", *_series(history, "I"))
    _close(ax, "Index I (heuristic; below 0 unstable)", "I", (), (0.0, "zero"))
