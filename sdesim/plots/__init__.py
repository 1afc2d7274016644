"""Figures of runs, comparisons, monitors, sweeps and studies: functions of data and axes that give axes.

Each takes ``(data, …, ax=None)``, or ``axes=None`` where it has several panels; without axes it makes a
figure of its own, in the style of our reports. Names load on first use, so that no import needs matplotlib.
"""

from __future__ import annotations

import importlib
from typing import Any

_PLACES = {
    "companions": ("clients", "distance", "layers", "occupancy", "phase_strip"),
    "compared": ("compare",),
    "curves_in_time": (
        "accuracy",
        "consolidation",
        "curvature",
        "curve",
        "edge",
        "further",
        "geometry",
        "intelligence",
        "loss",
        "lyapunov",
        "probability",
        "signal_noise",
        "weight_norm",
    ),
    "fans": ("fan",),
    "health_panel": ("monitor",),
    "landscape.animation": ("animate",),
    "landscape.loss_slice": ("loss_slice",),
    "landscape.paths": ("paths",),
    "landscape.spectrum": ("spectrum",),
    "laws.density": ("density", "gibbs"),
    "laws.fitted": ("stable_fit",),
    "laws.residuals": ("characteristic_function", "residual_qq"),
    "laws.survival": ("survival",),
    "laws.tails": ("hill", "qq"),
    "phase_maps": ("phase_map", "quantity_map"),
    "studies": ("claim", "convergence"),
    "style": ("NothingToDraw", "styled", "svg"),
    "sweep_curves": ("curves",),
}
# Those whose data are a run, which `run.sdesim.plot` draws.
OF_RUNS = tuple(sorted(
    {name for place in ("companions", "curves_in_time") for name in _PLACES[place]} - {"distance"}
    | {"animate", "compare", "density", "fan", "hill", "paths", "qq", "survival"}
))  # fmt: skip
# What figures were called before; they are found by these names still.
_FORMER = {
    "distances": "distance",
    "exits": "survival",
    "panel": "monitor",
    "phases": "phase_strip",
    "quantity": "curve",
}
_NAMES = {name: f"sdesim.plots.{place}" for place, names in _PLACES.items() for name in names}

__all__ = [*sorted(_NAMES)]


def __getattr__(name: str) -> Any:
    name = _FORMER.get(name, name)
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_NAMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
