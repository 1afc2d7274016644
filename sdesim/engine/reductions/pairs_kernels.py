# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Sums of products of leaves, for covariances and correlations; signatures as in `ReductionKernel`."""

from __future__ import annotations

import numpy as np

from sdesim.compiled.jit import compiled_apart
from sdesim.engine.reductions.leaf_kernels import LANES, LEAF, centred, centred_some, count_live, product_sum


@compiled_apart
def take_covariance(tile, live, columns, partners, params, out):
    """Sums: count n, leaves L, Σ (n_l − 1), Σ (n_l − 1)², means (d,), then for i ≥ j in this order each T
    numbers: M_ij = Σ of products about the mean, Σ_l M², Σ_l (n_l − 1) M."""
    d = tile.shape[1]
    pairs = d * (d + 1) // 2
    s, y, words = np.empty(LANES), np.empty((d, LEAF)), live.view(np.uint64)
    for c in range(columns.shape[0]):
        at = columns[c]
        for leaf in range(out.shape[0]):
            row = LEAF * leaf
            n, marks = count_live(words, at, row), live[at, row : row + LEAF]
            rest = max(n - 1, 0)
            out[leaf, c, 0] = n
            out[leaf, c, 1] = 1.0 if rest > 0 else 0.0
            out[leaf, c, 2] = rest
            out[leaf, c, 3] = rest * rest
            for k in range(d):
                states = tile[at, k, row : row + LEAF]
                if n == LEAF:
                    out[leaf, c, 4 + k] = centred(states, s, y[k])
                else:
                    out[leaf, c, 4 + k] = centred_some(states, marks, n, s, y[k])
            place = 4 + d
            for i in range(d):
                for j in range(i + 1):
                    total = product_sum(y[i], y[j], s)
                    out[leaf, c, place] = total
                    out[leaf, c, place + pairs] = total * total
                    out[leaf, c, place + 2 * pairs] = rest * total
                    place += 1


@compiled_apart
def merge_covariance(into, other, params):
    """M_ij += δ_i δ_j n_a n_b / n; all else adds up."""
    d = int(params[0])
    pairs = d * (d + 1) // 2
    for node in range(into.shape[0]):
        for c in range(into.shape[1]):
            a, b = into[node, c, 0], other[node, c, 0]
            if b == 0.0:
                continue
            if a == 0.0:
                for v in range(into.shape[2]):
                    into[node, c, v] = other[node, c, v]
                continue
            n = a + b
            place = 4 + d
            for i in range(d):
                gap = other[node, c, 4 + i] - into[node, c, 4 + i]
                for j in range(i + 1):
                    with_j = other[node, c, 4 + j] - into[node, c, 4 + j]
                    into[node, c, place] += other[node, c, place] + gap * with_j * (a * (b / n))
                    place += 1
            for v in range(place, place + 2 * pairs):
                into[node, c, v] += other[node, c, v]
            for i in range(d):
                into[node, c, 4 + i] += (other[node, c, 4 + i] - into[node, c, 4 + i]) * (b / n)
            for v in range(4):
                into[node, c, v] += other[node, c, v]


# Numbers of a lag and coordinate.
LAGGED = 13


@compiled_apart
def take_lagged(tile, live, columns, partners, params, out):
    """Sums of each lag and coordinate: count n, leaves L, means of θ now (x) and a lag before (y), Σ xx, xy,
    yy about them, and over leaves the sums of their products xx·xx, xy·xy, yy·yy, xx·xy, xx·yy, xy·yy."""
    d, lags = tile.shape[1], partners.shape[1]
    s, x, y, words = np.empty(LANES), np.empty(LEAF), np.empty(LEAF), live.view(np.uint64)
    for c in range(columns.shape[0]):
        at = columns[c]
        for leaf in range(out.shape[0]):
            row = LEAF * leaf
            n, marks = count_live(words, at, row), live[at, row : row + LEAF]
            for lag in range(lags):
                before = partners[c, lag]
                for k in range(d):
                    place = LAGGED * (lag * d + k)
                    if before < 0 or n == 0:
                        for v in range(LAGGED):
                            out[leaf, c, place + v] = 0.0
                        continue
                    out[leaf, c, place] = n
                    out[leaf, c, place + 1] = 1.0 if n > 1 else 0.0
                    # Who is live now was so before.
                    now, past = tile[at, k, row : row + LEAF], tile[before, k, row : row + LEAF]
                    if n == LEAF:
                        out[leaf, c, place + 2] = centred(now, s, x)
                        out[leaf, c, place + 3] = centred(past, s, y)
                    else:
                        out[leaf, c, place + 2] = centred_some(now, marks, n, s, x)
                        out[leaf, c, place + 3] = centred_some(past, marks, n, s, y)
                    xx, xy, yy = product_sum(x, x, s), product_sum(x, y, s), product_sum(y, y, s)
                    out[leaf, c, place + 4] = xx
                    out[leaf, c, place + 5] = xy
                    out[leaf, c, place + 6] = yy
                    out[leaf, c, place + 7] = xx * xx
                    out[leaf, c, place + 8] = xy * xy
                    out[leaf, c, place + 9] = yy * yy
                    out[leaf, c, place + 10] = xx * xy
                    out[leaf, c, place + 11] = xx * yy
                    out[leaf, c, place + 12] = xy * yy


@compiled_apart
def merge_lagged(into, other, params):
    """Products about the common means; all else adds up."""
    for node in range(into.shape[0]):
        for c in range(into.shape[1]):
            for place in range(0, into.shape[2], LAGGED):
                a, b = into[node, c, place], other[node, c, place]
                if b == 0.0:
                    continue
                if a == 0.0:
                    for v in range(LAGGED):
                        into[node, c, place + v] = other[node, c, place + v]
                    continue
                n = a + b
                gap = other[node, c, place + 2] - into[node, c, place + 2]
                before = other[node, c, place + 3] - into[node, c, place + 3]
                weight = a * (b / n)
                for v in range(4, LAGGED):
                    into[node, c, place + v] += other[node, c, place + v]
                into[node, c, place + 4] += gap * gap * weight
                into[node, c, place + 5] += gap * before * weight
                into[node, c, place + 6] += before * before * weight
                into[node, c, place + 2] += gap * (b / n)
                into[node, c, place + 3] += before * (b / n)
                into[node, c, place] = n
                into[node, c, place + 1] += other[node, c, place + 1]
