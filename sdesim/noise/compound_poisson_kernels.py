# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""How many jumps there are in a step."""

from __future__ import annotations

from sdesim.compiled.jit import compiled

# Beyond 500 + 30 standard deviations; the sum below may stop short of 1 by its rounding.
_MOST = 1200


@compiled
def count_of(u, mean, none):
    """The Poisson count whose distribution function first reaches u; none = e^{−mean}."""
    share, below, count = none, none, 0
    while u > below and count < _MOST:
        count += 1
        share *= mean / count
        below += share
    return count
