"""A simulated and a real run side by side: curves, distances, tests, phases and one-line verdicts."""

from typing import Any

from sdesim.comparison.bands import Bands as Bands
from sdesim.comparison.bands import Reach as Reach
from sdesim.comparison.bands import bands as bands
from sdesim.comparison.bands import phase_shares as phase_shares
from sdesim.comparison.bands import time_to as time_to
from sdesim.comparison.compare import Comparison as Comparison
from sdesim.comparison.compare import compare as compare
from sdesim.comparison.equivalence import Equivalence as Equivalence
from sdesim.comparison.equivalence import equivalence as equivalence
from sdesim.comparison.paths import PathTest as PathTest
from sdesim.comparison.paths import path_test as path_test
from sdesim.comparison.phases import PhaseComparison as PhaseComparison
from sdesim.comparison.phases import cohen_kappa as cohen_kappa
from sdesim.comparison.phases import compare_phases as compare_phases
from sdesim.comparison.phases import phase_segments as phase_segments
from sdesim.comparison.quantity import Curve as Curve
from sdesim.comparison.quantity import QuantityComparison as QuantityComparison
from sdesim.comparison.ranking import Ranked as Ranked
from sdesim.comparison.ranking import Ranking as Ranking
from sdesim.comparison.ranking import rank as rank
from sdesim.comparison.sde_limit import SdeLimit as SdeLimit
from sdesim.comparison.sde_limit import sde_limit as sde_limit
from sdesim.comparison.sweep_fits import SweepFit as SweepFit
from sdesim.comparison.sweep_fits import SweepFits as SweepFits
from sdesim.comparison.sweep_fits import fit_sweep as fit_sweep
from sdesim.comparison.sweep_table import SweepTable as SweepTable

__all__ = [
    "QUANTITIES",
    "Bands",
    "Comparison",
    "Curve",
    "Equivalence",
    "PathTest",
    "PhaseComparison",
    "QuantityComparison",
    "Ranked",
    "Ranking",
    "Reach",
    "SdeLimit",
    "SweepFit",
    "SweepFits",
    "SweepTable",
    "bands",
    "cohen_kappa",
    "compare",
    "compare_phases",
    "equivalence",
    "fit_sweep",
    "path_test",
    "phase_segments",
    "phase_shares",
    "rank",
    "sde_limit",
    "time_to",
]


def __getattr__(name: str) -> Any:
    if name == "QUANTITIES":
        from sdesim.runs.quantities import names

        return names(lambda row: row.compared and not row.words)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
