"""How an expectation names a moment, a condition, or a quantity that is made of another."""

from __future__ import annotations

import re

WHEN = ("step_when", "time_when")
# Made of another quantity, or of a condition on one: `gain_rank.C_alpha`, `step_when.loss<0.1`.
OF_COMPARISONS = ("twin_distance", "twin_margin")
OF_OTHERS = (*OF_COMPARISONS, "gain_rank", *WHEN)
# Each part begins where the one before it ends, in one way only: a long text takes no longer than it must.
_NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
MOMENT = re.compile(rf"(?P<name>\w+)\s*(?P<sign>[<>])\s*(?P<bound>{_NUMBER})\Z")
