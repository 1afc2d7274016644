"""What a run holds at its saved steps and no table of quantities names: its states and observables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sdesim.plots.arms import ArmView
from sdesim.plots.look import SERIES
from sdesim.plots.style import NothingToDraw, clock, draw, finish
from sdesim.runs.attributes import rows

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def is_held(views: Sequence[ArmView], name: str) -> bool:
    """Whether a run holds a variable over its saved steps, or a coordinate of it ("theta.0")."""
    return any(_is_path(view, name.partition(".")[0]) for view in views)


def held_panel(ax: Any, views: Sequence[ArmView], name: str) -> None:
    """A variable over time: of one with several coordinates the first five, each in a colour of its own.

    Raises:
        NothingToDraw: no run holds it, or that coordinate of it.
    """
    base, _, part = name.partition(".")
    shown = [view for view in views if _is_path(view, base)]
    count = max(_coordinates(view, base) for view in shown)
    if part or not count:
        drawn = draw(ax, shown, name)
    else:
        drawn = []
        for view in shown:
            drawn += _coordinates_of(ax, view, base, several=len(shown) > 1)
    if not drawn:
        raise NothingToDraw(f"no run holds {name} over time")
    said = shown[0].run[base].attrs
    of = f" {part}" if part else f", the first {len(SERIES)} of {count:,}" if count > len(SERIES) else ""
    units = said.get("units", "1")
    words = str(said.get("long_name", base))
    unit = f" ({units})" if units not in ("1", "unknown") and units != words.removesuffix("s") else ""
    finish(ax, f"{words}{of}{unit}", clock(shown))


def _coordinates_of(ax: Any, view: ArmView, base: str, several: bool) -> list[Any]:
    drawn = []
    named = rows(view.run.attrs, "param_names") if base == "theta" else []
    trajectories = view.run.sizes["trajectory"]
    for k in range(min(_coordinates(view, base), len(SERIES))):
        before = len(ax.lines)
        found = draw(ax, [view], f"{base}.{k}", label=False, color=SERIES[k])
        if found:
            letter = "θ" if base == "theta" else "component "
            called = named[k] if k < len(named) else f"{letter}{str(k).translate(_SUBSCRIPTS)}"
            of = f"{view.name}, " if several else ""
            ax.lines[before].set_label(f"{of}{called} ({trajectories:,})")
        drawn += found
    return drawn


def _is_path(view: ArmView, base: str) -> bool:
    return base in view.run and {"trajectory", "step"} <= set(view.run[base].dims)


def _coordinates(view: ArmView, base: str) -> int:
    """How many coordinates a variable has; 0 where it is one number."""
    others = [d for d in view.run[base].dims if d not in ("trajectory", "step")]
    return int(view.run.sizes[others[0]]) if others else 0
