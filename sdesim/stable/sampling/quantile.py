# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""The compiled look-up in a quantile table; see `sdesim.stable.sampling.inversion` for its layout."""

from __future__ import annotations

import numpy as np

from sdesim.compiled.elementary import from_bits, to_bits
from sdesim.compiled.jit import compiled

# Biased exponent of 2⁻⁵³, the smallest v.
FIRST_EXPONENT = np.uint64(1023 - 53)
# Bits of a mantissa, and the number of octaves of v.
MANTISSA = np.uint64(52)


@compiled
def quantile(u, table, first, bits):
    """x(u) from the table (flat) that starts at row ``first``; u = (k + ½) 2⁻⁵²."""
    # Without a comparison: as a branch it would be mispredicted half of the time.
    offset = u - 0.5
    pattern = to_bits(0.5 - abs(offset))
    cell = (pattern >> (MANTISSA - bits)) - (FIRST_EXPONENT << bits)
    side = (to_bits(offset) >> np.uint64(63)) * (MANTISSA << bits)
    rest = ((pattern << bits) & np.uint64(0xFFFFFFFFFFFFF)) | np.uint64(0x3FF0000000000000)
    t = from_bits(rest) - 1.5
    row = (first + side + cell) << np.uint64(3)
    x = table[row + np.uint64(7)]
    x = x * t + table[row + np.uint64(6)]
    x = x * t + table[row + np.uint64(5)]
    x = x * t + table[row + np.uint64(4)]
    x = x * t + table[row + np.uint64(3)]
    x = x * t + table[row + np.uint64(2)]
    x = x * t + table[row + np.uint64(1)]
    return x * t + table[row]
