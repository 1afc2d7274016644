# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Sums over the 64 trajectories of a leaf, in one order whatever the processor's vectors are."""

from __future__ import annotations

import numpy as np

from sdesim.compiled.jit import compiled, compiled_between

# A leaf is summed in eight columns of eight, side by side, and those along a tree.
LANES = 8
LEAF = 64


@compiled
def sum_of_columns(s):
    """The sum of eight numbers, along a tree."""
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))


@compiled
def add_columns(z, s):
    """The sum of 64 numbers along a tree: s (8,) of columns first. As many loops as columns, which LLVM then
    takes several at a time; it would write them out one by one if it knew that they are eight."""
    for w in range(s.shape[0]):
        first = (z[w] + z[w + 32]) + (z[w + 16] + z[w + 48])
        s[w] = first + ((z[w + 8] + z[w + 40]) + (z[w + 24] + z[w + 56]))
    return sum_of_columns(s)


@compiled
def count_live(words, at, row):
    """How many of a leaf are live; words (c, R / 8): the marks, eight in one."""
    total = np.uint64(0)
    for w in range(LEAF // 8):
        total += words[at, row // 8 + w]
    # The sum of all eight bytes, none above 8, in the highest.
    return np.int64((total * np.uint64(0x0101010101010101)) >> np.uint64(56))


@compiled
def centred(x, s, y):
    """The mean of a leaf (64,); y (64,) become the deviations from it."""
    mean = add_columns(x, s) / LEAF
    for w in range(y.shape[0]):
        y[w] = x[w] - mean
    return mean


# Apart, for two ways in one function are both slow.
@compiled_between
def centred_some(x, marks, n, s, y):
    """The same of the n that are marked; deviations of others are 0."""
    # States of others may be NaN, whose product with 0 is no 0.
    for w in range(LEAF):
        y[w] = x[w] if marks[w] else 0.0
    mean = add_columns(y, s) / max(n, 1)
    for w in range(LEAF):
        y[w] = x[w] - mean if marks[w] else 0.0
    return mean


@compiled
def product_sum(a, b, s):
    """Σ a b over a leaf."""
    for w in range(s.shape[0]):
        first = (a[w] * b[w] + a[w + 32] * b[w + 32]) + (a[w + 16] * b[w + 16] + a[w + 48] * b[w + 48])
        last = (a[w + 8] * b[w + 8] + a[w + 40] * b[w + 40]) + (a[w + 24] * b[w + 24] + a[w + 56] * b[w + 56])
        s[w] = first + last
    return sum_of_columns(s)


@compiled
def power_sum(z, y, s):
    """Σ z y over a leaf; z becomes z y."""
    for w in range(z.shape[0]):
        z[w] *= y[w]
    return add_columns(z, s)
