# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Counter-based random numbers: Philox4x32-10, and the elementary functions that turn them into draws.

A draw is a pure function of (seed, stream, trajectory, step, coordinate), so no split of the work can
change a bit. Layout of the 128-bit counter and the 64-bit key (words of 32 bits):

    counter = (trajectory, coordinate | stream << 24, step pair, word)      key = (seed low, seed high)

with trajectory < 2³², coordinate < 2²⁴, stream < 2⁸, pair < 2³²; the steps of a pair are 2·pair and
2·pair + 1. ``word`` counts the calls that one draw needs:

- two normals of a pair: 0;
- stable draw of step 2·pair + s by Chambers–Mallows–Stuck: s + 2·attempt, attempt 0 being the first;
- two uniforms of a pair for inversion: 0, and the number of the attempt where one of them is drawn again;
- isotropic mixing radius of step 2·pair + s (coordinate 0): 1 + s + 2·attempt, and 2²⁰ more for the uniform
  that accepts it where it is tempered; 2²¹ + s + 2·attempt for a normal of an increment that is drawn again;
- two isotropic mixing radii of a pair by inversion (coordinate 0): 1 + attempt.

Its highest 8 bits are the purpose of the draws, which `sdesim.compiled.streams` lists: 0 for the increments
of a simulation, above, 1 for draws of a law outside one (`DRAWS`), whose number stands in the words of
trajectory and step pair. Two purposes share nothing, whatever the seed.

The logarithm is a branch-free polynomial (the series of artanh) as sine, cosine and exponential are in
`sdesim.compiled.elementary`, accurate to about 1e-15, because only such loops are vectorised by LLVM.
Words are held in 64-bit lanes since the 32 × 32 → 64 product is what processors vectorise.

Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011).
"""

from __future__ import annotations

import math

import numpy as np

from sdesim.compiled import streams
from sdesim.compiled.elementary import LN2, from_bits, to_bits
from sdesim.compiled.elementary import cos_core as cos_core
from sdesim.compiled.elementary import exp as exp
from sdesim.compiled.elementary import exp_parts as exp_parts
from sdesim.compiled.elementary import sinc_core as sinc_core
from sdesim.compiled.elementary import sincos_turns as sincos_turns
from sdesim.compiled.jit import compiled

MASK = np.uint64(0xFFFFFFFF)
# The purpose of draws outside a simulation, in its place in ``word``.
DRAWS = np.uint64(streams.DRAWS)
MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = np.uint64(0x9E3779B9)
WEYL_1 = np.uint64(0xBB67AE85)


@compiled
def philox(c0, c1, c2, c3, k0, k1):
    """Philox4x32-10: four output words for a counter (c0 … c3) and a key (k0, k1), all uint64 below 2³²."""
    for _ in range(10):
        p0 = (c0 & MASK) * MULTIPLIER_0
        p1 = (c2 & MASK) * MULTIPLIER_1
        c0 = (p1 >> np.uint64(32)) ^ c1 ^ k0
        c2 = (p0 >> np.uint64(32)) ^ c3 ^ k1
        c1 = p1 & MASK
        c3 = p0 & MASK
        k0 = (k0 + WEYL_0) & MASK
        k1 = (k1 + WEYL_1) & MASK
    return c0, c1, c2, c3


@compiled
def uniform(high, low):
    """Uniform on (0, 1) from two words: (k + ½) 2⁻⁵², k of 52 bits; never 0 or 1, symmetric about ½."""
    mantissa = ((high << np.uint64(20)) | (low >> np.uint64(12))) & np.uint64(0xFFFFFFFFFFFFF)
    return from_bits(mantissa | np.uint64(0x3FF0000000000000)) - (1.0 - 2.0**-53)


@compiled
def uniforms(seed, stream, trajectory, pair, coordinate, word):
    """The two uniforms at one place of the documented counter layout (all arguments uint64)."""
    a, b, c, d = philox(
        trajectory & MASK,
        coordinate | (stream << np.uint64(24)),
        pair & MASK,
        word,
        seed & MASK,
        seed >> np.uint64(32),
    )
    return uniform(a, b), uniform(c, d)


@compiled
def log(x):
    """log x of a positive normal x: x = 2^e m, m in [√½, √2), log m = 2 artanh((m − 1)/(m + 1))."""
    bits = to_bits(x)
    above = bits - np.uint64(0x3FE6A09E667F3BCD)
    e = float(np.int64(above) >> np.int64(52))
    m = from_bits(bits - (above & np.uint64(0xFFF0000000000000)))
    f = (m - 1.0) / (m + 1.0)
    s = f * f
    p = 2.0 / 19
    p = p * s + 2.0 / 17
    p = p * s + 2.0 / 15
    p = p * s + 2.0 / 13
    p = p * s + 2.0 / 11
    p = p * s + 2.0 / 9
    p = p * s + 2.0 / 7
    p = p * s + 2.0 / 5
    p = p * s + 2.0 / 3
    return e * LN2 + (2.0 * f + f * (s * p))


@compiled
def box_muller(u, v):
    """Two independent standard normals from two uniforms on (0, 1)."""
    radius = math.sqrt(-2.0 * log(u))
    sine, cosine = sincos_turns(v)
    return radius * cosine, radius * sine


@compiled
def normals(seed, stream, trajectory, pair, coordinate):
    """Two independent standard normals: for steps 2·pair and 2·pair + 1."""
    u, v = uniforms(seed, stream, trajectory, pair, coordinate, np.uint64(0))
    return box_muller(u, v)


@compiled
def philox_words(counter, key):
    """Four output words for uint64 arrays counter (4,) and key (2,): the entry for known-answer tests."""
    out = np.empty(4, np.uint64)
    out[0], out[1], out[2], out[3] = philox(counter[0], counter[1], counter[2], counter[3], key[0], key[1])
    return out
