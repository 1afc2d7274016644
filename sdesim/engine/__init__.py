"""The simulated side: schemes, events, compiled drivers, and `simulate`."""

from sdesim.engine.drive import drive as drive
from sdesim.engine.evaluation import NetworkEvaluation as NetworkEvaluation
from sdesim.engine.events import Exit as Exit
from sdesim.engine.events import Occupancy as Occupancy
from sdesim.engine.oracle import SimulatedOracle as SimulatedOracle
from sdesim.engine.schemes import SCHEMES as SCHEMES
from sdesim.engine.simulate import simulate as simulate

__all__ = ["SCHEMES", "Exit", "NetworkEvaluation", "Occupancy", "SimulatedOracle", "drive", "simulate"]
