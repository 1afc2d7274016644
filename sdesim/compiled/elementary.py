# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Sine, cosine, exponential as branch-free polynomials, accurate to about 1e-15, and what they are made of.

Only such loops are vectorised by LLVM, and only they give the same bits for every width of a block: the
processor's library may answer differently for one number than for a vector of them. Coefficients: Cephes
Math Library, S. Moshier; and the series of exp.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from sdesim.compiled.jit import compiled

# Adding 1.5 · 2⁵² rounds to an integer whose value stands in the low bits of the sum.
ROUND = 6755399441055744.0
LN2 = 0.6931471805599453


@intrinsic
def to_bits(context, x):
    """The 64 bits of a float64."""

    def build(ctx, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(64))

    return types.uint64(types.float64), build


@intrinsic
def from_bits(context, x):
    """The float64 with these 64 bits."""

    def build(ctx, builder, signature, args):
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.uint64), build


@intrinsic
def fma(context, x, y, z):
    """x y + z, rounded once: for sums of two products, of which the compiler would fuse either one."""

    def build(ctx, builder, signature, args):
        return builder.fma(*args)

    kind = types.float32 if x == y == z == types.float32 else types.float64
    return kind(kind, kind, kind), build


@compiled
def sinc_core(z):
    """sin(r)/r at z = r², |r| ≤ π/4."""
    p = 1.58962301576546568060e-10
    p = p * z - 2.50507477628578072866e-8
    p = p * z + 2.75573136213857245213e-6
    p = p * z - 1.98412698295895385996e-4
    p = p * z + 8.33333333332211858878e-3
    p = p * z - 1.66666666666666307295e-1
    return p * z + 1.0


@compiled
def cos_core(z):
    """cos(r) at z = r², |r| ≤ π/4."""
    p = -1.13585365213876817300e-11
    p = p * z + 2.08757008419747316778e-9
    p = p * z - 2.75573141792967388112e-7
    p = p * z + 2.48015872888517045348e-5
    p = p * z - 1.38888888888730564116e-3
    p = p * z + 4.16666666666665929218e-2
    return p * (z * z) + (1.0 - 0.5 * z)


@compiled
def sincos_turns(u):
    """sin 2πu and cos 2πu; working in turns makes the reduction to a quarter turn exact."""
    shifted = u * 4.0 + ROUND
    quarter = to_bits(shifted)
    r = (u * 4.0 - (shifted - ROUND)) * (0.5 * math.pi)
    z = r * r
    s = r * sinc_core(z)
    c = cos_core(z)
    odd = (quarter & np.uint64(1)) != np.uint64(0)
    sine = c if odd else s
    cosine = s if odd else c
    sine_sign = (quarter & np.uint64(2)) << np.uint64(62)
    cosine_sign = ((quarter + np.uint64(1)) & np.uint64(2)) << np.uint64(62)
    return from_bits(to_bits(sine) ^ sine_sign), from_bits(to_bits(cosine) ^ cosine_sign)


@compiled
def exp_parts(x):
    """(2^k, r, (e^r − 1)/r) with e^x = 2^k e^r and |r| ≤ ½ log 2; |x| < 700."""
    shifted = x * (1.0 / LN2) + ROUND
    k = shifted - ROUND
    r = (x - k * 0.693145751953125) - k * 1.42860682030941723212e-6
    p = 1.0 / 6227020800
    p = p * r + 1.0 / 479001600
    p = p * r + 1.0 / 39916800
    p = p * r + 1.0 / 3628800
    p = p * r + 1.0 / 362880
    p = p * r + 1.0 / 40320
    p = p * r + 1.0 / 5040
    p = p * r + 1.0 / 720
    p = p * r + 1.0 / 120
    p = p * r + 1.0 / 24
    p = p * r + 1.0 / 6
    p = p * r + 0.5
    p = p * r + 1.0
    return from_bits((to_bits(shifted) + np.uint64(1023)) << np.uint64(52)), r, p


@compiled
def exp(x):
    """e^x for |x| < 700."""
    power, r, p = exp_parts(x)
    return power * (r * p + 1.0)
