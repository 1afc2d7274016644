# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Sums over the 64 trajectories of a leaf, in one order whatever the processor's vectors are."""

from __future__ import annotations

from sdesim.compiled.jit import compiled

# A leaf is summed in eight columns of eight, side by side, and those along a tree.
LANES = 8
LEAF = 64


@compiled
def sum_of_columns(s):
    """The sum of eight numbers, along a tree."""
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))


@compiled
def count_live(live, at, row):
    """How many of a leaf are live."""
    n = 0
    for w in range(LEAF):
        n += live[at, row + w]
    return n


@compiled
def centred(tile, live, at, k, row, n, s, y):
    """The mean of one coordinate over the n live of a leaf; y (64,) become deviations, 0 of others."""
    for w in range(LANES):
        s[w] = 0.0
    if n == LEAF:
        for i in range(LEAF // LANES):
            for w in range(LANES):
                s[w] += tile[at, k, row + LANES * i + w]
        mean = sum_of_columns(s) / LEAF
        for w in range(LEAF):
            y[w] = tile[at, k, row + w] - mean
        return mean
    # States of others may be NaN, whose product with 0 is no 0.
    for i in range(LEAF // LANES):
        for w in range(LANES):
            s[w] += tile[at, k, row + LANES * i + w] if live[at, row + LANES * i + w] else 0.0
    mean = sum_of_columns(s) / max(n, 1)
    for w in range(LEAF):
        y[w] = tile[at, k, row + w] - mean if live[at, row + w] else 0.0
    return mean


@compiled
def product_sum(a, b, s):
    """Σ a b over a leaf."""
    for w in range(LANES):
        s[w] = 0.0
    for i in range(LEAF // LANES):
        for w in range(LANES):
            s[w] += a[LANES * i + w] * b[LANES * i + w]
    return sum_of_columns(s)
