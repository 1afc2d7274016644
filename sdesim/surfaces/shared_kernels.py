# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Compiled functions that several surfaces share; signatures as in `SurfaceKernel`."""

from __future__ import annotations

from sdesim.compiled.jit import compiled


@compiled
def single_well(x, lane, params):
    """0, or −1 for a state that is not finite."""
    for i in range(x.shape[0]):
        # A difference with itself is 0 for finite numbers only.
        if x[i, lane] - x[i, lane] != 0.0:
            return -1
    return 0
