"""The simulated side: schemes, events, compiled drivers, and `simulate`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdesim.engine.coupled.convergence import convergence as convergence
    from sdesim.engine.coupled.extrapolation import extrapolate as extrapolate
    from sdesim.engine.coupled.mlmc import mlmc as mlmc
    from sdesim.engine.escape import kramers as kramers
    from sdesim.engine.evaluation import NetworkEvaluation as NetworkEvaluation
    from sdesim.engine.events.exit import Exit as Exit
    from sdesim.engine.events.occupancy import Occupancy as Occupancy
    from sdesim.engine.exit_times import exit_statistics as exit_statistics
    from sdesim.engine.fitting import check_fit as check_fit
    from sdesim.engine.given_increments import drive as drive
    from sdesim.engine.given_increments import integrate as integrate
    from sdesim.engine.schemes import SCHEMES as SCHEMES
    from sdesim.engine.simulated_oracle import SimulatedOracle as SimulatedOracle
    from sdesim.engine.simulation import simulate as simulate

# Loaded when asked for: a scheme's or an event's file must not bring the compiler with it.
_HOMES = {
    "NetworkEvaluation": "evaluation",
    "Exit": "events",
    "Occupancy": "events",
    "SCHEMES": "schemes",
    "SimulatedOracle": "simulated_oracle",
    "check_fit": "fitting",
    "convergence": "coupled.convergence",
    "drive": "given_increments",
    "exit_statistics": "exit_times",
    "extrapolate": "coupled.extrapolation",
    "integrate": "given_increments",
    "kramers": "escape",
    "mlmc": "coupled.mlmc",
    "simulate": "simulation",
}
__all__ = [
    "SCHEMES",
    "Exit",
    "NetworkEvaluation",
    "Occupancy",
    "SimulatedOracle",
    "check_fit",
    "convergence",
    "drive",
    "exit_statistics",
    "extrapolate",
    "integrate",
    "kramers",
    "mlmc",
    "simulate",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
