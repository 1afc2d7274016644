"""Logarithm, sine, cosine and exponential to a few roundings."""

import math

import numpy as np

from sdesim.compiled import philox as generator


@generator.compiled
def elementary(x, turns):
    """log x, sin and cos of 2π turns, exp(turns)."""
    out = np.empty((4, x.size))
    for i in range(x.size):
        out[0, i] = generator.log(x[i])
        out[1, i], out[2, i] = generator.sincos_turns(turns[i])
        out[3, i] = generator.exp(100.0 * turns[i])
    return out


def test_elementary_functions_are_accurate_to_a_few_roundings():
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.random(20000), 2.0 ** rng.uniform(-60, 60, 20000), 1 + 1e-9 * rng.random(20000)])
    turns = rng.uniform(-0.5, 1.0, x.size)

    log, sine, cosine, exp = elementary(x, turns)

    # 2 ulp of 1.1e-16 for log; the reference angle 2π·turns is itself rounded by up to 7e-16 (|angle| < 2π);
    # exp carries the rounding of its argument, up to 100 × 1.1e-16.
    np.testing.assert_allclose(log, np.log(x), rtol=1e-15, atol=0)
    np.testing.assert_allclose(sine, np.sin(2 * math.pi * turns), rtol=0, atol=1.5e-15)
    np.testing.assert_allclose(cosine, np.cos(2 * math.pi * turns), rtol=0, atol=1.5e-15)
    np.testing.assert_allclose(exp, np.exp(100.0 * turns), rtol=3e-14)
