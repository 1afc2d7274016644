"""Curves over time: one figure for each quantity or family of quantities, arms side by side.

Every function takes Runs (one, several by name, or views of them), and axes to draw into; without axes it
makes a figure of its own, and it returns the axes. Labels, thresholds and scales are those of the table of
quantities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sdesim.errors import RunError
from sdesim.plots.arms import ArmView, Data, views_of
from sdesim.plots.held import held_panel, is_held
from sdesim.plots.style import (
    NothingToDraw,
    axis_label,
    clock,
    draw,
    finish,
    guide,
    legend,
    one_panel,
    panels,
    scale,
)
from sdesim.runs.quantities import lookup, number, quantities
from sdesim.runs.quantity_row import Quantity


def curve(data: Data, name: str, *, measured: Any = None, ax: Any = None) -> Any:
    """One quantity over time: a line for each trajectory up to six, of more the mean and its 95% band.

    Args:
        data: a Run, a mapping of Runs by name, or a sequence of Runs.
        name: a number of the table of quantities, its literal form, or a part of it ("C_group.0"); or what
            a run holds at its saved steps: "theta" (all coordinates up to five), "theta.0", an observable.
        measured: what `measure` gave of them, in the same form, so that it need not be made again.
        ax: axes to draw into.

    Returns:
        The Axes; real arms are orange, simulated ones blue, the quantity's threshold is dashed where it is
        within reach.

    Raises:
        RunError: no such quantity, one that has no curve, or one that no run holds.

    Example:
        >>> sdesim.plots.curve({"digits": run, "its SDE": twin}, "C_alpha").figure.savefig("c.png")
    """
    views = views_of(data, measured)
    if number(name) is None and is_held(views, name):
        with one_panel(ax) as canvas:
            held_panel(canvas, views, name)
            legend(canvas, ax)
            return canvas
    row = row_of(name, views)
    with one_panel(ax) as canvas:
        panel(canvas, views, row, name)
        legend(canvas, ax)
        return canvas


def loss(data: Data, *, measured: Any = None, axes: Any = None) -> Any:
    """Training loss, and test loss where it is recorded."""
    return _stacked(views_of(data, measured), ("loss", "test_loss"), axes)


def weight_norm(data: Data, *, measured: Any = None, ax: Any = None) -> Any:
    """Euclidean norm of the parameters."""
    return curve(data, "weight_norm", measured=measured, ax=ax)


def probability(data: Data, *, measured: Any = None, ax: Any = None) -> Any:
    """Signal share p = C/(1+C), with p = 0.5, where C = 1."""
    return curve(data, "p", measured=measured, ax=ax)


def intelligence(data: Data, *, measured: Any = None, ax: Any = None) -> Any:
    """The source's index I = p·(S/2)/d_H, with its sign change."""
    return curve(data, "I", measured=measured, ax=ax)


def signal_noise(data: Data, *, measured: Any = None, axes: Any = None) -> Any:
    """Signal |ḡ|² and noise Tr Σ apart, under one another."""
    return _stacked(views_of(data, measured), ("signal", "noise"), axes)


def geometry(data: Data, *, measured: Any = None, axes: Any = None) -> Any:
    """Tail index of the gradients, the dimension deduced from it, and that of the path."""
    return _stacked(views_of(data, measured), ("tail_index", "d_H", "trajectory_dimension"), axes)


def lyapunov(data: Data, *, measured: Any = None, axes: Any = None) -> Any:
    """Lyapunov drift of the loss and exponent of the path, as far as they were measured."""
    return _stacked(views_of(data, measured), ("lyapunov_drift", "lyapunov_exponent"), axes, alone=None)


def consolidation(data: Data, *, measured: Any = None, ax: Any = None) -> Any:
    """C_α with intervals, C* dotted in each arm's colour, and the source's threshold 1; smoothed where the
    measurements are (``measure(run, smooth=True)``)."""
    views, row = views_of(data, measured), _row("C_alpha")
    _some_hold(views, "C_alpha")
    with one_panel(ax) as canvas:
        drawn = []
        for view in views:
            drawn += draw(canvas, [view], _smoothest(view, "C_alpha"))
            drawn += _dotted(canvas, [view], _smoothest(view, "C_star"), "C*, in the colour of its arm")
        scale(canvas, drawn)
        guide(canvas, row.threshold, "C = 1")
        finish(canvas, axis_label(row), clock(views))
        legend(canvas, ax)
        return canvas


def accuracy(data: Data, *, measured: Any = None, ax: Any = None) -> Any:
    """Train (thin) and test (full) accuracy in one panel, so that a lag between them shows."""
    views = views_of(data, measured)
    _some_hold(views, "test_accuracy", "train_accuracy")
    with one_panel(ax) as canvas:
        drawn = draw(canvas, views, "test_accuracy")
        draw(canvas, views, "train_accuracy", label=not drawn, linewidth=0.9, alpha=0.75)
        finish(canvas, "accuracy (test; thin: train)", clock(views))
        legend(canvas, ax)
        return canvas


def curvature(data: Data, *, measured: Any = None, axes: Any = None) -> Any:
    """λ_max with each arm's 2/η, and the normalised margin S under it with its edge at 0."""
    views = views_of(data, measured)
    _some_hold(views, "lambda_max", "S")
    with panels(axes, 2, (5.8, 5.3), sharex=True) as canvas:
        top, bottom = canvas
        drawn = panel(top, views, _row("lambda_max"))
        edges = {2 / v.attribute("learning_rate") for v in views if v.attribute("learning_rate") > 0}
        for edge in sorted(edges):
            # An edge far above every curve would flatten them all; the margin S below still tells of it.
            guide(top, edge, f"2/η = {edge:.3g}")
        panel(bottom, views, _row("S"))
        if axes is None:
            top.label_outer()
        legend(top if drawn else bottom, axes)
        return canvas


def edge(data: Data, *, measured: Any = None, ax: Any = None) -> Any:
    """Largest curvature in the metric of each arm's optimizer, and dotted the λ_crit of that optimizer."""
    of_arms = [v for v in views_of(data, measured) if v.curve("critical_sharpness") is not None]
    if not of_arms:
        raise NothingToDraw("no run holds the critical sharpness of an optimizer")
    with one_panel(ax) as canvas:
        drawn = []
        for view in of_arms:
            found = draw(canvas, [view], "preconditioned_lambda_max")
            drawn += found or draw(canvas, [view], "lambda_max")
        # Far from the edge a linear axis would press the curves flat.
        critical = _dotted(canvas, of_arms, "critical_sharpness", "edge, in the colour of its arm")
        scale(canvas, [*drawn, *critical])
        finish(canvas, "sharpness λmax as the optimizer\nmeets it (1/learning rate)", clock(of_arms))
        legend(canvas, ax)
        return canvas


def further(data: Data, *, measured: Any = None, axes: Any = None) -> Any:
    """Every quantity that has no figure of its own and is not computed from one that has, quantities of one's
    own among them, a panel each."""
    views = views_of(data, measured)
    rows = [q for q in quantities() if q.figure == "further" and not q.follows and _held(views, q.name)]
    if not rows:
        raise NothingToDraw("no run holds a quantity without a figure of its own")
    size = (7.8, 1.0 + 2.0 * ((len(rows) + 1) // 2))
    with panels(axes, len(rows), size, columns=2) as canvas:
        for ax, row in zip(canvas, rows, strict=True):
            panel(ax, views, row)
        legend(_fullest(canvas), axes)
        return canvas


def _row(name: str) -> Quantity:
    found = lookup(name)
    if found is None:
        raise RunError(f"found quantity {name!r}, allowed: {', '.join(q.name for q in quantities())}")
    if found.words or not (found.stepped or found.probed or "." in name):
        raise RunError(f"{name} has no curve over time")
    return found


def row_of(name: str, views: Sequence[ArmView]) -> Quantity:
    """The row of a quantity over time that one of the arms holds.

    Raises:
        RunError: as `curve`.
    """
    row = _row(name)
    _some_hold(views, name)
    return row


def _held(views: Sequence[ArmView], name: str) -> bool:
    return any(v.curve(name) is not None for v in views)


def _smoothest(view: ArmView, name: str) -> str:
    """The smoothed series of a quantity where the measurements hold it."""
    return f"{name}_smooth" if _held([view], f"{name}_smooth") else name


def _some_hold(views: Sequence[ArmView], *names: str) -> None:
    if not any(_held(views, name) for name in names):
        raise NothingToDraw(f"no run holds {' or '.join(names)} over time")


def panel(ax: Any, views: Sequence[ArmView], row: Quantity, name: str = "", label: bool = True) -> list[Any]:
    """One quantity with its threshold; the values drawn."""
    name = name or row.name
    drawn = draw(ax, views, name, label)
    if row.scaled:
        scale(ax, drawn)
    guide(ax, row.threshold)
    words = axis_label(row, name)
    of_training = any(v.kind == "real" for v in views)
    finish(ax, words if of_training else words.removeprefix("training "), clock(views))
    return drawn


def _stacked(
    views: Sequence[ArmView],
    names: Sequence[str],
    axes: Any,
    alone: tuple[float, float] | None = (5.8, 3.2),
) -> Any:
    """Quantities under one another; those that no arm holds are left out. `alone`: size where one is left,
    None for that of a figure of one panel."""
    rows = [_row(name) for name in names if _held(views, name)]
    if not rows:
        raise NothingToDraw(f"no run holds {' or '.join(names)} over time")
    size: Any = alone if len(rows) == 1 else (5.8, 1.1 + 2.1 * len(rows))
    with panels(axes, len(rows), size, sharex=True) as canvas:
        for ax, row in zip(canvas, rows, strict=True):
            panel(ax, views, row)
            if axes is None:
                ax.label_outer()
        legend(_fullest(canvas), axes)
        return canvas


def _fullest(axes: Sequence[Any]) -> Any:
    """The axes with the most names for a legend."""
    return max(axes, key=lambda a: len(a.get_legend_handles_labels()[0]))


def _dotted(ax: Any, views: Sequence[ArmView], name: str, label: str) -> list[Any]:
    """A threshold of each arm, the mean of its trajectories, dotted in its colour; the values drawn."""
    drawn = []
    look: dict[str, Any] = {"linestyle": ":", "linewidth": 1.1}
    for view in views:
        found = view.curve(name)
        if found is not None:
            ax.plot(found[0], found[1].mean, color=view.colour, **look)
            drawn.append(found[1].mean)
    if drawn and label not in ax.get_legend_handles_labels()[1]:
        ax.plot([], [], color="#777777", label=label, **look)
    return drawn
