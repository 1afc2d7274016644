"""The health panel of a monitored training: what is measured, and which knob a trouble points to."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sdesim.errors import RunError
from sdesim.plots.look import REAL, SERIES
from sdesim.plots.style import band, course, finish, guide, panels, scale

# A training is real, so it is orange.
FIRST, SECOND, THIRD = REAL[0][0], SERIES[1], SERIES[2]
# Layers that are told apart; letters of a line above the panels.
_LAYERS, _LETTERS = 6, 118


def monitor(history: Any, *, axes: Any = None) -> Any:
    """The health of a training, from what a `training.watch` or `training.Monitor` has measured.

    A panel for each question that something was measured for: loss; C with its interval, its threshold C* and
    the source's 1; the critical batch 1/C_1 (gradient noise scale, B_simple) beside the batch in use; λ_max,
    or its share, against the edge of stability of this step size (a step too long shows here); the change of
    training and held-out loss over a step; the rate at which the loss drifts; the cosine of the training and
    the held-out gradient; C of layers; signal and noise apart; the share of the loss that noise puts back,
    C*/C (noise too strong shows here: above 1 a step raises the loss on average; a larger batch or a smaller
    rate helps); the index I. Above them what to change, in two lines (`training.advice_lines`), and below
    them what was not measured.

    Args:
        history: a monitor, its measurements, oldest first, a recorded run with probes, or the path of a run
            or of a folder that a monitor writes.
        axes: axes to draw into, a panel each, those with something measured first; default as many as there
            are, in a figure of its own with the lines.

    Returns:
        The Axes.

    Raises:
        RunError: no measurements, or more axes than panels.

    Example:
        >>> watched = sdesim.training.watch(model, optimizer, loader=loader)
        >>> sdesim.plots.monitor(watched)[0].figure.savefig("health.png")
    """
    return drawn_panels(history, axes=axes)


def drawn_panels(history: Any, *, axes: Any = None, told: bool = True) -> Any:
    """`monitor`, with the lines above the panels or without."""
    from sdesim.training.monitor.history import history_of

    history = history_of(history)
    steps = np.array([m.step for m in history])
    there = [p for p in _PANELS if p.measured(history)] or [_PANELS[0]]
    missing = [p for p in _PANELS if p not in there]
    if axes is not None:
        count = len(np.ravel(np.asarray(axes, dtype=object)))
        if count > len(_PANELS):
            raise RunError(f"axes: found {count}, allowed: at most {len(_PANELS)}, one for each panel")
        there = [*there, *missing][:count]
    count = len(there)
    rows = -(-count // 2)
    size = (9.4 if count > 1 else 5.8, 2.9 * rows + (0.7 if told else 0.2))
    with panels(axes, count, size, columns=2, sharex=True) as canvas:
        for ax, panel in zip(canvas, there, strict=True):
            panel.draw(ax, steps, history)
        if axes is None:
            # The last panel of a column keeps its numbers where the row below it is not full.
            for k, ax in enumerate(canvas):
                if k + 2 < count:
                    ax.set_xlabel("")
                else:
                    ax.tick_params(labelbottom=True)
            _write(canvas[0].figure, history, [p.name for p in missing], told)
        return canvas


def _write(figure: Any, history: Sequence[Any], missing: Sequence[str], told: bool) -> None:
    """What to change above the panels, and what was not measured below them."""
    from sdesim.training.tools.changes import advice_lines

    letters = int(_LETTERS * figure.get_figwidth() / 9.4)
    if told:
        text = "\n".join(
            textwrap.fill(t[:1].upper() + t[1:], letters, subsequent_indent="    ")
            for t in advice_lines(history)
            if t
        )
        figure.suptitle(text, x=0.01, ha="left", fontsize=10)
    if missing:
        text = textwrap.fill(f"Not measured: {', '.join(missing)}.", letters)
        figure.supxlabel(text, x=0.01, ha="left", fontsize=8.5, color="#777777")


def _series(history: Sequence[Any], name: str) -> tuple[Any, Any, Any]:
    """Values and bounds; NaN where not measured."""
    return _estimates([getattr(m, name) for m in history])


def _estimates(found: Sequence[Any]) -> tuple[Any, Any, Any]:
    rows = [(np.nan,) * 3 if e is None else (e.value, e.low, e.high) for e in found]
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


def _critical(history: Sequence[Any]) -> tuple[Any, Any, Any]:
    from sdesim.training.tools.changes import critical_batch

    return _estimates([critical_batch(m) for m in history])


def _batches(history: Sequence[Any]) -> list[Any]:
    return [*_critical(history)[:2], *_series(history, "critical_batch_hessian")[:2]]


def _batch(ax: Any, steps: Any, history: Sequence[Any]) -> None:
    value, low, high = _critical(history)
    bent = _series(history, "critical_batch_hessian")
    used = np.array([m.batch_size or np.nan for m in history], dtype=np.float64)
    # A band without an upper end goes to the top of the axis, and so does a value that is next to none.
    shown = np.concatenate([x[np.isfinite(x)] for x in (low, bent[1], used)])
    seen = np.concatenate([shown, *(x[np.isfinite(x)] for x in (value, high, bent[0], bent[2]))])
    bottom, top = (seen.min() / 2, 2 * max(shown.max(), np.quantile(seen, 0.9))) if shown.size else (0.5, 2.0)
    forms = ((value, low, high, FIRST, "critical batch 1/C₁"), (*bent, THIRD, "with Hessian and edge"))
    if not any(np.isfinite(x).any() for form in forms for x in form[:2]):
        _close(ax, "Batch size: would another one pay?", "examples")
        return
    for middle, below, above, colour, label in forms:
        there, known = np.isfinite(middle) | np.isfinite(below), np.isfinite(below)
        if np.isfinite(middle).any():
            course(ax, steps[there], middle[there], color=colour, label=label)
        if known.any():
            band(ax, steps[known], below[known], np.where(np.isinf(above), top, above)[known], colour)
    course(ax, steps, used, color=SECOND, label="batch in use", linewidth=1.4)
    if shown.size:
        _log(ax, bottom, top)
    _close(ax, "Batch size: would another one pay?", "examples")


def _log(ax: Any, bottom: float, top: float) -> None:
    from sdesim.plots.style import log_ticks

    ax.set_yscale("log")
    ax.set_ylim(bottom, top)
    log_ticks(ax.yaxis, bottom, top)


def _sharpness(ax: Any, steps: Any, history: Sequence[Any]) -> None:
    ratio = _series(history, "edge_ratio")
    if np.isfinite(ratio[0]).any():
        _line(ax, steps, FIRST, "λ/λcrit", *ratio)
        _close(ax, "Step size: how near is the edge?", "λ/λcrit", (), (1.0, "the edge"))
        return
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


def _progress(ax: Any, steps: Any, history: Sequence[Any]) -> None:
    for name, colour, label in (
        ("progress", FIRST, "training"),
        ("progress_heldout", SECOND, "held out"),
    ):
        _line(ax, steps, colour, label, *_series(history, name))
    _close(ax, "What does a step change?", "change of the loss, a step", (), (0.0, "no change"))


def _drift(ax: Any, steps: Any, history: Sequence[Any]) -> None:
    _line(ax, steps, FIRST, "drift", *_series(history, "lyapunov_drift"))
    _close(ax, "Does the loss rise or fall on average?", "drift, loss a unit of time", (), (0.0, "zero"))


def _agreement(ax: Any, steps: Any, history: Sequence[Any]) -> None:
    _line(ax, steps, FIRST, "cosine", *_series(history, "gradient_agreement"))
    _close(ax, "Do train and held-out gradients agree?", "cosine", (), (0.0, "zero"))


def _layers(ax: Any, steps: Any, history: Sequence[Any]) -> None:
    names = list(dict.fromkeys(name for m in history for name in m.groups))
    # Of many the first, the last and some between.
    chosen = [names[k] for k in sorted({round(x) for x in np.linspace(0, len(names) - 1, _LAYERS)})]
    drawn = []
    for k, name in enumerate(chosen):
        value = _estimates([m.groups.get(name) for m in history])[0]
        colours = (FIRST, *SERIES)
        label = f"layer {name}" if name.isdigit() else name
        drawn.append(_line(ax, steps, colours[k % len(colours)], label, value))
    _close(ax, "C of each layer", "C", drawn)
    if len(names) > len(chosen):
        ax.set_title(f"C of {len(chosen)} of {len(names)} layers")
    if len(chosen) > 3:
        ax.legend(loc="best", fontsize=7.5, ncols=2)


def _apart(ax: Any, steps: Any, history: Sequence[Any]) -> None:
    drawn = [
        _line(ax, steps, FIRST, "signal |μ|²", _plain(history, "signal")),
        _line(ax, steps, SECOND, "noise Tr Σ", _plain(history, "noise")),
    ]
    _close(ax, "Which of the two moved?", "squared gradient", drawn)


def _share(history: Sequence[Any]) -> Any:
    """C*/C where C is above 0, by its interval where there is one."""
    star, (c, low, _) = _series(history, "C_star")[0], _series(history, "C_alpha")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((c > 0) & ~(low <= 0), star / c, np.nan)


def _noise_share(ax: Any, steps: Any, history: Sequence[Any]) -> None:
    drawn = [_line(ax, steps, FIRST, "C*/C", _share(history))]
    rises = (1.0, "above it the loss rises")
    _close(ax, "Noise: what part of the descent it undoes", "C*/C", drawn, rises)


def _index(ax: Any, steps: Any, history: Sequence[Any]) -> None:
    _line(ax, steps, FIRST, "I", *_series(history, "I"))
    _close(ax, "Index I (heuristic; below 0 unstable)", "I", (), (0.0, "zero"))


class _Panel:
    """A panel: what it is called where it is left out, what draws it, and whether it holds anything."""

    def __init__(
        self, name: str, draw: Callable[[Any, Any, Sequence[Any]], None],
        values: Callable[[Sequence[Any]], Sequence[Any]],
    ) -> None:  # fmt: skip
        self.name, self.draw = name, draw
        self._values = values

    def measured(self, history: Sequence[Any]) -> bool:
        """Whether something of it was measured."""
        return any(np.isfinite(v).any() for v in self._values(history))


def _quantities(*names: str) -> Callable[[Sequence[Any]], Sequence[Any]]:
    return lambda history: [_series(history, name)[0] for name in names]


def _numbers(*names: str) -> Callable[[Sequence[Any]], Sequence[Any]]:
    return lambda history: [_plain(history, name) for name in names]


_PANELS = (
    _Panel("loss", _loss, _numbers("loss", "validation_loss")),
    _Panel("C", _consolidation, _quantities("C_alpha")),
    _Panel("critical batch", _batch, _batches),
    _Panel("sharpness", _sharpness, _quantities("lambda_max", "edge_ratio")),
    _Panel("progress of a step", _progress, _quantities("progress", "progress_heldout")),
    _Panel("drift", _drift, _quantities("lyapunov_drift")),
    _Panel("agreement with held-out data", _agreement, _quantities("gradient_agreement")),
    _Panel("layers", _layers, lambda history: [[c.value for c in m.groups.values()] for m in history]),
    _Panel("signal and noise", _apart, _numbers("signal", "noise")),
    _Panel("C*/C", _noise_share, lambda history: [_share(history)]),
    _Panel("index I", _index, _quantities("I")),
)  # fmt: skip
