# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Normal numbers in float32, four of one call of the generator.

The counter is that of `sdesim.compiled.philox` with the group of four steps, step // 4, in the place of the
pair and word 0; the words (a, b) give the normals of the steps 4 g and 4 g + 1, (c, d) those of 4 g + 2 and
4 g + 3, by Box and Muller: the radius √(−2 log u), u = (a + ½) 2⁻³², rounded to a float32, so with 24 bits
however small it is; the angle of 32 bits. Normals end at 6.76 standard deviations, √(66 log 2), where
2⁻³³ of the law is beyond (float64: 8.57, and 2⁻⁵³). Logarithm, sine and cosine: Cephes Math Library,
S. Moshier, with an error of about one rounding.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from sdesim.compiled.jit import compiled
from sdesim.compiled.philox import MASK, philox

# 2π 2⁻³², a turn of a word of 32 bits; and log 2.
TURN = np.float32(2.0 * math.pi * 2.0**-32)
LN2 = np.float32(math.log(2.0))
HALF, ONE, MINUS_2, WORD = np.float32(0.5), np.float32(1.0), np.float32(-2.0), np.float32(32.0)
# The bits of √½, and those of sign and exponent.
ROOT_HALF, EXPONENT = np.uint32(0x3F3504F3), np.uint32(0xFF800000)
L0, L1, L2 = np.float32(7.0376836292e-2), np.float32(-1.1514610310e-1), np.float32(1.1676998740e-1)
L3, L4, L5 = np.float32(-1.2420140846e-1), np.float32(1.4249322787e-1), np.float32(-1.6668057665e-1)
L6, L7, L8 = np.float32(2.0000714765e-1), np.float32(-2.4999993993e-1), np.float32(3.3333331174e-1)
S0, S1, S2 = np.float32(-1.9515295891e-4), np.float32(8.3321608736e-3), np.float32(-1.6666654611e-1)
C0, C1, C2 = np.float32(2.443315711809948e-5), np.float32(-1.388731625493765e-3), np.float32(4.166664568e-2)


@intrinsic
def to_bits(context, x):
    """The 32 bits of a float32."""

    def build(ctx, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(32))

    return types.uint32(types.float32), build


@intrinsic
def from_bits(context, x):
    """The float32 with these 32 bits."""

    def build(ctx, builder, signature, args):
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.uint32), build


@compiled
def log_word(a):
    """log((a + ½) 2⁻³²) of a word: 2^e m, m in [√½, √2), and a polynomial of m − 1."""
    bits = to_bits(np.float32(a) + HALF)
    above = np.uint32(bits - ROOT_HALF)
    e = np.float32(np.int32(np.int32(above) >> np.int32(23)))
    f = from_bits(np.uint32(bits - np.uint32(above & EXPONENT))) - ONE
    p = L0
    p = p * f + L1
    p = p * f + L2
    p = p * f + L3
    p = p * f + L4
    p = p * f + L5
    p = p * f + L6
    p = p * f + L7
    p = p * f + L8
    s = f * f
    # A sum of products nested, so that there is one way alone to fuse them.
    return (e - WORD) * LN2 + (s * (p * f - HALF) + f)


@compiled
def sincos_word(b):
    """sin and cos of b 2⁻³² turns; the reduction to a quarter turn is exact."""
    quarter = np.uint32(np.uint32(b + np.uint32(0x20000000)) >> np.uint32(30))
    r = np.float32(np.int32(np.uint32(b - np.uint32(quarter << np.uint32(30))))) * TURN
    z = r * r
    p = S0
    p = p * z + S1
    p = p * z + S2
    s = (p * z) * r + r
    q = C0
    q = q * z + C1
    q = q * z + C2
    c = (q * z - HALF) * z + ONE
    odd = np.uint32(quarter & np.uint32(1)) != np.uint32(0)
    sine = c if odd else s
    cosine = s if odd else c
    sine_sign = np.uint32(np.uint32(quarter & np.uint32(2)) << np.uint32(30))
    cosine_sign = np.uint32(np.uint32(np.uint32(quarter + np.uint32(1)) & np.uint32(2)) << np.uint32(30))
    return (
        from_bits(np.uint32(to_bits(sine) ^ sine_sign)),
        from_bits(np.uint32(to_bits(cosine) ^ cosine_sign)),
    )


@compiled
def normal_pair(a, b):
    """Two independent standard normals from two words."""
    radius = math.sqrt(MINUS_2 * log_word(a))
    sine, cosine = sincos_word(b)
    return radius * cosine, radius * sine


@compiled
def words_of(seed, stream, trajectory, group, coordinate):
    """The four words of one group of steps (all arguments uint64)."""
    a, b, c, d = philox(
        trajectory & MASK,
        coordinate | (stream << np.uint64(24)),
        group & MASK,
        np.uint64(0),
        seed & MASK,
        seed >> np.uint64(32),
    )
    return np.uint32(a), np.uint32(b), np.uint32(c), np.uint32(d)
