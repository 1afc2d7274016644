# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Merging of sums that add up."""

from __future__ import annotations

from sdesim.compiled.jit import compiled_apart


@compiled_apart
def add_up(into, other, params):
    """Both, as `ReductionKernel` says."""
    for node in range(into.shape[0]):
        for c in range(into.shape[1]):
            for v in range(into.shape[2]):
                into[node, c, v] += other[node, c, v]
