"""Every estimator on data with known answers: bias, spread, coverage, false alarms; see README.md.

A case is one `Case` in the registry `CASES`; the files named after parts of the estimators add theirs.
"""

from . import (  # noqa: F401
    curvature,
    dimension,
    dynamics,
    gradients,
    pooling,
    progress,
    smoothing,
    tails,
    transition,
)
from .case import CASES, Case, Event, register
from .result import Calibration
from .rows import Rate, Row
from .run import calibrate, estimator_names, replicate

__all__ = [
    "CASES",
    "Calibration",
    "Case",
    "Event",
    "Rate",
    "Row",
    "calibrate",
    "estimator_names",
    "register",
    "replicate",
]
