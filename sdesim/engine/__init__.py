"""The simulated side: schemes, events, compiled drivers, and `simulate`."""

from sdesim.engine.evaluation import NetworkEvaluation as NetworkEvaluation
from sdesim.engine.events import Exit as Exit
from sdesim.engine.events import Occupancy as Occupancy
from sdesim.engine.given_increments import drive as drive
from sdesim.engine.schemes import SCHEMES as SCHEMES
from sdesim.engine.simulate import simulate as simulate
from sdesim.engine.simulated_oracle import SimulatedOracle as SimulatedOracle

__all__ = ["SCHEMES", "Exit", "NetworkEvaluation", "Occupancy", "SimulatedOracle", "drive", "simulate"]
