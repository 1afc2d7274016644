# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""How many jumps there are in a step."""

from __future__ import annotations

from numba import types
from numba.extending import overload

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


@compiled
def nothing(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    """No increments that are known before the state is."""
    return


def rate_of(found, i):
    """The i-th of several rates, or the one of all coordinates."""
    return found[i] if hasattr(found, "shape") else found


@overload(rate_of)
def _rate_of(found, i):
    if isinstance(found, types.Array):
        return lambda found, i: found[i]
    return lambda found, i: found
