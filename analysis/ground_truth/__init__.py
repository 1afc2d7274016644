"""The engine against exact values: every case as rows of (quantity, exact, estimate, standard error).

``CASES`` maps the number of a case to its definition; the tests run each small (not those whose truth
other tests hold), ``python -m
analysis.ground_truth`` runs each large and prints one table.
"""

from analysis.ground_truth import (  # noqa: F401
    coefficients,
    descent,
    equations,
    escape,
    exits,
    linear,
    multiplicative,
    noises,
    stable,
    wells,
)
from analysis.ground_truth.case import CASES as _CASES
from analysis.ground_truth.case import Case as Case
from analysis.ground_truth.case import Row as Row
from analysis.ground_truth.case import table as table

CASES = dict(sorted(_CASES.items()))
