"""One quantity of two arms over time, as a small SVG that a page holds many of.

The figures of `sdesim.plots` are matplotlib's and weigh ten times as much; a matrix has curves in every
cell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from sdesim.comparison.align import Series
from sdesim.io.text import for_html
from sdesim.plots.inline_svg import relative
from sdesim.report.words import number

Array = NDArray[np.float64]

WIDTH, HEIGHT = 430, 262
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 8, 10, 34
# More seeds than these are a band from the lowest to the highest, with their mean.
MOST_LINES = 8
_MOST_POINTS = 60
_TICKS = 5


def curves(arms: Sequence[tuple[str, str, Series]], label: str) -> str:
    """The ``<svg>`` of a quantity over time.

    Seeds are lines, more than eight of them a band from the lowest to the highest around their mean; a series
    of one or two saved points is dots, for what lay between was not seen. Values that are positive and spread
    over a decade stand on a log axis.

    Args:
        arms: (name, CSS class that colours it, series) of each.
        label: what the picture shows, for those who don't see it.
    """
    shown = [(look, *pair) for _, look, s in arms if (pair := _thinned(s)) is not None]
    if not shown:
        return ""
    everything = np.concatenate([values[np.isfinite(values)] for _, _, values in shown])
    times = np.concatenate([time for _, time, _ in shown])
    log = bool(everything.min() > 0 and everything.max() > 10 * np.quantile(everything, 0.05))
    across = _Axis(float(times.min()), float(times.max()), _LEFT, WIDTH - _RIGHT)
    up = _Axis(float(everything.min()), float(everything.max()), HEIGHT - _BOTTOM, _TOP, log)
    body = [*_grid(across, up)]
    for look, time, values in shown:
        body += _arm(look, time, values, across, up)
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{for_html(label)}">'
    return head + "".join(body) + "</svg>"


class _Axis:
    """A linear or logarithmic map of values to pixels, with places for its ticks."""

    def __init__(self, low: float, high: float, start: float, end: float, log: bool = False) -> None:
        if high <= low:
            pad = abs(low) * 0.1 or 1.0
            low, high = (low, low * 2) if log else (low - pad, high + pad)
        self.log, self.start, self.end = log, start, end
        self.low, self.high = (math.log10(low), math.log10(high)) if log else (low, high)

    def at(self, values: Array) -> Array:
        v = np.log10(values) if self.log else np.asarray(values)
        return self.start + (v - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        if not self.log:
            step = _step((self.high - self.low) / _TICKS)
            first = math.ceil(self.low / step - 1e-9)
            return [k * step for k in range(first, math.floor(self.high / step + 1e-9) + 1)]
        low, high = math.floor(self.low), math.ceil(self.high)
        factors = (1, 2, 5) if self.high - self.low < 1.6 else (1,)
        every = max(1, round((high - low) / (_TICKS + 1)))
        found = [f * 10.0**k for k in range(low, high + 1, every) for f in factors]
        return [t for t in found if self.low - 1e-9 <= math.log10(t) <= self.high + 1e-9]


def _step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(f for f in (1, 2, 5, 10) if f * power >= rough * (1 - 1e-9)) * power)


def _thinned(s: Series) -> tuple[Array, Array] | None:
    """Times (T,) and values (n, T) of trajectories with any value, thinned to what a small picture shows."""
    rows = np.isfinite(s.values).any(axis=1)
    if not rows.any():
        return None
    times, values = np.nanmean(s.time[rows], axis=0), s.values[rows]
    kept = np.isfinite(times) & np.isfinite(values).any(axis=0)
    places = np.flatnonzero(kept)
    if places.size > _MOST_POINTS:
        places = places[np.unique(np.linspace(0, places.size - 1, _MOST_POINTS).round().astype(int))]
    return times[places], values[:, places]


def _grid(across: _Axis, up: _Axis) -> Iterator[str]:
    for tick, y in zip(up.ticks(), up.at(np.array(up.ticks())), strict=True):
        yield f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{number(tick, 3)}</text>'
    for tick, x in zip(across.ticks(), across.at(np.array(across.ticks())), strict=True):
        anchor = "end" if x > WIDTH - 20 else "middle"
        yield f'<text x="{x:.1f}" y="{HEIGHT - 19}" text-anchor="{anchor}">{number(tick, 4)}</text>'
    words = "time (learning rate × steps)" + (", log scale upwards" if up.log else "")
    yield f'<text x="{(_LEFT + WIDTH) / 2:.0f}" y="{HEIGHT - 4}" text-anchor="middle">{words}</text>'


def _arm(look: str, time: Array, values: Array, across: _Axis, up: _Axis) -> Iterator[str]:
    x = across.at(time)
    if time.size <= 2:
        for row in values:
            for a, b in zip(x, up.at(row), strict=True):
                if math.isfinite(b):
                    yield f'<circle class="{look}" cx="{a:.1f}" cy="{b:.1f}" r="2.6"/>'
        return
    if len(values) <= MOST_LINES:
        for row in values:
            yield f'<path class="line {look}" d="{_path(x, up.at(row))}"/>'
        return
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    seen = np.isfinite(low)
    x_seen, ends = x[seen], (up.at(low)[seen], up.at(high)[seen])
    outline = _path(np.concatenate([x_seen, x_seen[::-1]]), np.concatenate([ends[0], ends[1][::-1]]))
    yield f'<path class="band {look}" d="{outline}z"/>'
    mean = np.exp(np.nanmean(np.log(values), axis=0)) if up.log else np.nanmean(values, axis=0)
    yield f'<path class="line {look}" d="{_path(x, up.at(mean))}"/>'


def _path(x: Array, y: Array) -> str:
    """The path through the finite points, broken where one is missing."""
    text, pen = "", "M"
    for a, b in zip(x, y, strict=True):
        if not math.isfinite(b):
            pen = "M"
            continue
        text += f"{pen}{a:.1f} {b:.1f}"
        pen = "L"
    return relative(text)
