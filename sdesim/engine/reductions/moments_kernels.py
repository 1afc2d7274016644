# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Central sums of powers of leaves, and their merging; signatures as in `ReductionKernel`.

params = [P]; sums (V,) = (P + 1) d numbers: counts (d,), means (d,), then Σ (θ − mean)^p (d,) for p = 2 … P.
"""

from __future__ import annotations

import numpy as np

from sdesim.compiled.jit import compiled_apart
from sdesim.engine.reductions.leaf_kernels import LANES, LEAF, centred, centred_some, count_live, power_sum


@compiled_apart
def take_moments(tile, live, columns, partners, params, out):
    """The central sums of every leaf, about its own mean."""
    powers, d = int(params[0]), tile.shape[1]
    s, y, z, words = np.empty(LANES), np.empty(LEAF), np.empty(LEAF), live.view(np.uint64)
    for c in range(columns.shape[0]):
        at = columns[c]
        for leaf in range(out.shape[0]):
            row = LEAF * leaf
            n = count_live(words, at, row)
            for k in range(d):
                states = tile[at, k, row : row + LEAF]
                if n == LEAF:
                    mean = centred(states, s, y)
                else:
                    mean = centred_some(states, live[at, row : row + LEAF], n, s, y)
                out[leaf, c, k] = n
                out[leaf, c, d + k] = mean
                for w in range(z.shape[0]):
                    z[w] = y[w]
                for p in range(2, powers + 1):
                    out[leaf, c, p * d + k] = power_sum(z, y, s)


@compiled_apart
def merge_moments(into, other, params):
    """Both sets of sums about their common mean: Σ_i C(p, i) δ^i M_{p−i} of each, δ its mean's distance."""
    powers = int(params[0])
    d = into.shape[2] // (powers + 1)
    # choose[i, p] = C(p, i); sums of one coordinate side by side, so that all orders go at once.
    choose = np.zeros((powers + 1, powers + 1))
    for p in range(powers + 1):
        choose[0, p] = 1.0
        for i in range(1, p + 1):
            choose[i, p] = choose[i - 1, p - 1] + choose[i, p - 1]
    left, right, total = np.empty(powers + 1), np.empty(powers + 1), np.empty(powers + 1)
    for node in range(into.shape[0]):
        for c in range(into.shape[1]):
            for k in range(d):
                a, b = into[node, c, k], other[node, c, k]
                if b == 0.0:
                    continue
                if a == 0.0:
                    for p in range(powers + 1):
                        into[node, c, p * d + k] = other[node, c, p * d + k]
                    continue
                for p in range(powers + 1):
                    left[p], right[p] = into[node, c, p * d + k], other[node, c, p * d + k]
                    total[p] = left[p] + right[p]
                n, gap = a + b, right[1] - left[1]
                of_a, of_b = -gap * (b / n), gap * (a / n)
                # The sum of order 1 about a mean is 0, that of order 0 the count.
                step_a, step_b = of_a, of_b
                for i in range(1, powers + 1):
                    for p in range(i + 2, powers + 1):
                        total[p] += choose[i, p] * (step_a * left[p - i] + step_b * right[p - i])
                    if i > 1:
                        total[i] += step_a * a + step_b * b
                    step_a *= of_a
                    step_b *= of_b
                for p in range(2, powers + 1):
                    into[node, c, p * d + k] = total[p]
                into[node, c, d + k] = left[1] + gap * (b / n)
                into[node, c, k] = n
