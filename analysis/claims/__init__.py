"""The ledger: every claim of the theory as a small study, its verdict decided by its numbers; see README.md.

A study is a function registered under `claim`; the files named after parts of the theory add theirs.
"""

from . import (  # noqa: F401
    advice,
    batch_sizes,
    clients,
    computing,
    consolidation,
    convergence,
    criticality,
    crossing,
    decoding,
    dimension,
    directions,
    edge,
    escapes,
    estimating,
    flatness,
    floor,
    gaps,
    grokking,
    heldout,
    landscape,
    lyapunov,
    margins,
    minima,
    noiseless,
    odds,
    phases,
    phenomena,
    polyak,
    probability,
    pruning,
    rates,
    recipes,
    regimes,
    regularising,
    remainder,
    sparse,
    steps,
    tails,
    tickets,
    trust,
    tuning,
    universality,
    valley,
    walks,
    whole,
)
from .document import claims_page, picture, summary
from .lab import Lab, shared
from .ledger import BASES, Finding, Study, choose, claim, studies
from .run import Ledger, run_claims, run_group
from .stored import stored
from .survivors import survivors_page
from .table import moved, show

__all__ = [
    "BASES",
    "Finding",
    "Lab",
    "Ledger",
    "Study",
    "choose",
    "claim",
    "claims_page",
    "moved",
    "picture",
    "run_claims",
    "run_group",
    "shared",
    "show",
    "stored",
    "studies",
    "summary",
    "survivors_page",
]
