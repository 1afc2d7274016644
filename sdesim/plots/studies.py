"""What studies find: how errors fall with the step, and whether a claim holds."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sdesim.errors import RunError
from sdesim.plots.look import GUIDE, SERIES
from sdesim.plots.style import NothingToDraw, finish, legend, log_ticks, one_panel

# Standard errors by which an error must stand out of the noise to be a point of a line.
_SEEN = 2.0
_WIDTH = 92
_GROUPS = (
    ("stated", "as stated"),
    ("fair_checks", "in its fair reading"),
    ("corrected_checks", "what holds instead"),
)
_OUTCOMES: dict[Any, tuple[str, str, str]] = {
    True: ("#1B8A5A", "o", "full"),
    False: ("#C2452D", "D", "full"),
    None: ("#A98600", "o", "left"),
}


def convergence(data: Any, *, orders: Sequence[float] = (), ylabel: str = "error", ax: Any = None) -> Any:
    """Errors over the time step on two logarithmic axes, where order p is a line of slope p.

    Bars are two standard errors. An error that does not stand out of its own noise by as much is a hollow
    mark without a line: it bounds the error and shows no order.

    Args:
        data: (dt, error) or (dt, error, se), or an object with these attributes; several by name. Where it
            has ``slope``, ``low`` and ``high``, they stand in the legend.
        orders: slopes of dashed guides; default those that objects state (``stated``).
        ylabel: of the error, with its units.
        ax: axes to draw into.

    Returns:
        The Axes.

    Raises:
        RunError: arrays of different lengths. NothingToDraw: no positive error.

    Example:
        >>> sdesim.plots.convergence({"Euler": ([0.1, 0.05], [0.02, 0.01])}, orders=[1])
    """
    named = data if isinstance(data, Mapping) else {"": data}
    given = {name: _errors(x) for name, x in named.items()}
    seen = np.array([p for dt, e, _ in given.values() for p in zip(dt[e > 0], e[e > 0], strict=True)])
    if not seen.size:
        raise NothingToDraw("no error is positive, so none has a logarithm")
    stated = [getattr(x, "stated", None) for x in named.values()]
    slopes = list(orders) or sorted({float(s) for s in stated if s is not None})
    with one_panel(ax) as canvas:
        canvas.set(xscale="log", yscale="log")
        for k, (name, (dt, error, se)) in enumerate(given.items()):
            look = {"color": SERIES[k % len(SERIES)], "marker": "osD^v"[k % 5], "markersize": 4.5}
            clear = error > _SEEN * se
            label = f"{name}{_order(named[name])}" or None
            bars = {"capsize": 2, "elinewidth": 1.0, **look}
            canvas.errorbar(dt[clear], error[clear], yerr=_SEEN * se[clear], label=label, **bars)
            faint = ~clear & (error > 0)
            canvas.plot(dt[faint], error[faint], linestyle="none", markerfacecolor="white", **look)
        (left, low), (right, high) = seen.min(axis=0), seen.max(axis=0)
        for slope in slopes:
            # Through the largest step, below the errors.
            x = np.array([left, right])
            canvas.plot(x, 0.6 * high * (x / right) ** slope, label=f"slope {slope:g}", **GUIDE)
        canvas.set_xlim(left / 1.3, right * 1.3)
        canvas.set_ylim(low / 3, high * 3)
        log_ticks(canvas.xaxis, left, right)
        log_ticks(canvas.yaxis, low / 3, high * 3)
        finish(canvas, ylabel, "time step dt")
        legend(canvas, ax)
        return canvas


def _errors(given: Any) -> tuple[Any, Any, Any]:
    if hasattr(given, "dt") and hasattr(given, "error"):
        parts = [given.dt, given.error, getattr(given, "se", None)]
    else:
        parts = [*given, None][:3]
    dt, error = (np.asarray(x, dtype=np.float64) for x in parts[:2])
    se = np.zeros_like(error) if parts[2] is None else np.asarray(parts[2], dtype=np.float64)
    if not (dt.ndim == 1 and dt.shape == error.shape == se.shape):
        raise RunError(f"convergence: found shapes {dt.shape}, {error.shape}, {se.shape}, allowed: all (n,)")
    order = np.argsort(dt)
    return dt[order], error[order], se[order]


def _order(given: Any) -> str:
    slope, low, high = (getattr(given, name, None) for name in ("slope", "low", "high"))
    if slope is None or not np.isfinite(slope):
        return ""
    span = "" if low is None or high is None else f" [{low:.2f}, {high:.2f}]"
    return f": order {slope:.2f}{span}"


def claim(record: Mapping[str, Any], *, ax: Any = None) -> Any:
    """A claim, the verdict on it, and the statements that the verdict follows from, each with its number.

    A green circle: its interval shows it. A red diamond: it shows the opposite. A half circle: neither.

    Args:
        record: an entry of ``claims.json``, as `sdesim claims` writes it.
        ax: axes to draw into.

    Returns:
        The Axes.

    Raises:
        RunError: a record without id, claim and verdict.

    Example:
        >>> found = json.load(open("claims.json"))["claims"]
        >>> sdesim.plots.claim(found[2])
    """
    if lacking := [k for k in ("id", "claim", "verdict") if k not in record]:
        raise RunError(f"claim: the record has no {lacking[0]!r}, allowed: an entry of claims.json")
    rows: list[tuple[str, Any]] = []
    for key, title in _GROUPS:
        checks = record.get(key) or []
        rows += [(title, "")] if checks else []
        rows += [(str(c["text"]), c["holds"]) for c in checks]
    wrapped = [(textwrap.wrap(text, _WIDTH) or [""], holds) for text, holds in rows]
    heading = textwrap.wrap(f"{record['id']}. {record['claim']}", _WIDTH - 14)
    lines = sum(len(text) for text, _ in wrapped)
    with one_panel(ax, (7.4, 0.7 + 0.2 * (lines + len(heading)))) as canvas:
        canvas.set_axis_off()
        canvas.set_title("\n".join([*heading, str(record["verdict"])]), loc="left")
        canvas.set(xlim=(0, 1), ylim=(max(lines, 1) + 0.2, -0.6))
        place = 0
        for text, holds in wrapped:
            group = isinstance(holds, str)
            if not group:
                colour, marker, fill = _OUTCOMES[holds]
                look: dict[str, Any] = {"color": colour, "marker": marker, "fillstyle": fill, "markersize": 7}
                canvas.plot([0.012], [place], markerfacecoloralt="white", **look)
            words = "\n".join(text)
            x, weight = (0.0, "bold") if group else (0.035, "normal")
            canvas.text(x, place - 0.35, words, va="top", fontsize=9, fontweight=weight)
            place += len(text)
        return canvas
