# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call,call-arg"
"""Counts in fixed bins, and extremes, which no order of merging changes; as in `ReductionKernel`.

Counts of d coordinates, (d, B + 2) in one row: below the first edge, B bins, above the last.
"""

from __future__ import annotations

import numpy as np

from sdesim.compiled.elementary import to_bits
from sdesim.compiled.jit import compiled_apart


@compiled_apart
def take_counts(tile, live, columns, partners, params, out):
    """params = [bins per unit where they are equal, else 0; edges (B + 1,)]; the last bin has both edges."""
    d, bins = tile.shape[1], params.shape[0] - 2
    scale, low, high = params[0], params[1], params[bins + 1]
    for c in range(columns.shape[0]):
        at = columns[c]
        for k in range(d):
            start = k * (bins + 2)
            for row in range(tile.shape[2]):
                if not live[at, row]:
                    continue
                x = tile[at, k, row]
                if x < low:
                    place = 0
                elif x >= high:
                    place = bins if x == high else bins + 1
                elif scale > 0.0:
                    place = min(int((x - low) * scale), bins - 1)
                    # The edges decide, not the rounding of the quotient.
                    if x < params[1 + place]:
                        place -= 1
                    elif x >= params[2 + place]:
                        place += 1
                    place += 1
                else:
                    first, last = 0, bins
                    while last - first > 1:
                        middle = (first + last) // 2
                        if x >= params[1 + middle]:
                            first = middle
                        else:
                            last = middle
                    place = first + 1
                out[0, c, start + place] += 1.0


@compiled_apart
def take_octave_counts(tile, live, columns, partners, params, out):
    """params = [bins of one sign n, the shift of the bits of |θ|, the number of the first bin]; negative bins
    outwards in, one around 0, positive ones."""
    d, side = tile.shape[1], int(params[0])
    shift, first = int(params[1]), int(params[2])
    bins = 2 * side + 1
    for c in range(columns.shape[0]):
        at = columns[c]
        for k in range(d):
            start = k * (bins + 2)
            for row in range(tile.shape[2]):
                if not live[at, row]:
                    continue
                x = tile[at, k, row]
                size = min((np.int64(to_bits(abs(x))) >> shift) - first, side)
                middle = side + 1
                place = middle
                if size >= 0:
                    place = middle + 1 + size if x > 0.0 else middle - 1 - size
                out[0, c, start + place] += 1.0


@compiled_apart
def take_extremes(tile, live, columns, partners, params, out):
    """Smallest (d,) and largest (d,)."""
    d = tile.shape[1]
    for c in range(columns.shape[0]):
        at = columns[c]
        for k in range(d):
            low, high = out[0, c, k], out[0, c, d + k]
            for row in range(tile.shape[2]):
                x = tile[at, k, row] if live[at, row] else low
                low = min(low, x)
                x = x if live[at, row] else high
                high = max(high, x)
            out[0, c, k] = low
            out[0, c, d + k] = high


@compiled_apart
def merge_extremes(into, other, params):
    """The smaller and the larger."""
    d = into.shape[2] // 2
    for node in range(into.shape[0]):
        for c in range(into.shape[1]):
            for k in range(d):
                into[node, c, k] = min(into[node, c, k], other[node, c, k])
                into[node, c, d + k] = max(into[node, c, d + k], other[node, c, d + k])
