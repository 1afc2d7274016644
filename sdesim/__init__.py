"""Simulate the Langevin–Lévy SDE of training, train the real network beside it, measure both alike.

Public names load on first use, so that `import sdesim` stays fast and needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # The package is callable, which type checkers can't know of a module.
    from sdesim.compiled.jit import compiled as compiled

__version__ = "0.1.0"

_SUBPACKAGES = (
    "augmentations",
    "comparison",
    "compiled",
    "data",
    "engine",
    "estimators",
    "events",
    "fits",
    "jumps",
    "kinds",
    "laws",
    "learning_rates",
    "losses",
    "networks",
    "noise",
    "noises",
    "objectives",
    "observables",
    "optimizers",
    "penalties",
    "plots",
    "reductions",
    "report",
    "runs",
    "scenario",
    "schedules",
    "schemes",
    "sdes",
    "sinks",
    "stable",
    "surfaces",
    "training",
    "walls",
    "weightings",
)
_NAMES = {
    "kind": "sdesim.kinds",
    "SDE": "sdesim.sdes",
    "simulate": "sdesim.engine",
    "fit": "sdesim.fits",
    "exit_statistics": "sdesim.engine",
    "integrate": "sdesim.engine",
    "kramers": "sdesim.engine",
    "convergence": "sdesim.engine",
    "extrapolate": "sdesim.engine",
    "mlmc": "sdesim.engine",
    "SCHEMES": "sdesim.engine",
    "Probes": "sdesim.runs",
    "open_run": "sdesim.runs",
    "concat_runs": "sdesim.runs",
    "measure": "sdesim.runs",
    "quantity": "sdesim.runs",
    "compare": "sdesim.comparison",
    "fit_sweep": "sdesim.comparison",
    "calibrate": "sdesim.scenario",
    "resume": "sdesim.scenario",
}

__all__ = ["__version__", *_NAMES, *_SUBPACKAGES]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
    elif name in _SUBPACKAGES:
        value = importlib.import_module(f"sdesim.{name}")
    else:
        raise AttributeError(f"module 'sdesim' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
