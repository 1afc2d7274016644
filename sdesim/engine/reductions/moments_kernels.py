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
    for leaf in range(out.shape[0]):
        row = LEAF * leaf
        for c in range(columns.shape[0]):
            at = columns[c]
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
    binomial = np.zeros((powers + 1, powers + 1))
    for p in range(powers + 1):
        binomial[p, 0] = 1.0
        for i in range(1, p + 1):
            binomial[p, i] = binomial[p - 1, i - 1] + binomial[p - 1, i]
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
                n = a + b
                gap = other[node, c, d + k] - into[node, c, d + k]
                of_a, of_b = -gap * (b / n), gap * (a / n)
                for p in range(powers, 1, -1):
                    # The sum of order 1 about a mean is 0, that of order 0 the count.
                    total = into[node, c, p * d + k] + other[node, c, p * d + k]
                    step_a, step_b = of_a, of_b
                    for i in range(1, p - 1):
                        from_a, from_b = into[node, c, (p - i) * d + k], other[node, c, (p - i) * d + k]
                        total += binomial[p, i] * (step_a * from_a + step_b * from_b)
                        step_a *= of_a
                        step_b *= of_b
                    total += (step_a * of_a) * a + (step_b * of_b) * b
                    into[node, c, p * d + k] = total
                into[node, c, d + k] += gap * (b / n)
                into[node, c, k] = n
