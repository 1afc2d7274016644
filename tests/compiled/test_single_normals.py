"""Normals in float32: the elementary functions against NumPy's, the law, and how far it reaches."""

import math

import numpy as np
import pytest

from sdesim.compiled.jit import compiled
from sdesim.compiled.single_normals import log_word, normal_pair, sincos_word


@compiled
def _all(a, b, log, sine, cosine, z0, z1):
    for k in range(a.size):
        log[k] = log_word(a[k])
        sine[k], cosine[k] = sincos_word(b[k])
        z0[k], z1[k] = normal_pair(a[k], b[k])


def read(a, b):
    outs = [np.empty(len(a), np.float32) for _ in range(5)]
    _all(np.asarray(a, np.uint32), np.asarray(b, np.uint32), *outs)
    return [out.astype(np.float64) for out in outs]


@pytest.fixture(scope="module")
def words():
    edges = [0, 1, 2, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 129, 2**32 - 128, 2**32 - 1]
    edges += [k * 2**29 + e for k in range(8) for e in (0, 1)]
    rng = np.random.default_rng(0)
    small = (2.0 ** rng.uniform(0, 32, 20_000)).astype(np.uint64)
    return np.concatenate([edges, small, rng.integers(0, 2**32, 20_000)]).astype(np.uint64)


def test_logarithm_sine_and_cosine_are_right_to_a_few_roundings(words):
    log, sine, cosine, *_ = read(words, words)

    # u is rounded to 24 bits before its logarithm is taken.
    u = (words.astype(np.float32) + np.float32(0.5)).astype(np.float64) * 2.0**-32
    np.testing.assert_allclose(log, np.log(u), rtol=3e-7, atol=0)
    angle = 2.0 * np.pi * words.astype(np.float64) * 2.0**-32
    np.testing.assert_allclose(sine, np.sin(angle), rtol=0, atol=2e-7)
    np.testing.assert_allclose(cosine, np.cos(angle), rtol=0, atol=2e-7)


def test_normals_reach_as_far_as_is_said_and_are_finite_everywhere(words):
    *_, z0, z1 = read(words, words[::-1])
    *_, farthest, _ = read([0], [0])

    assert np.isfinite(z0).all()
    assert np.isfinite(z1).all()
    assert farthest[0] == pytest.approx(math.sqrt(66 * math.log(2)), rel=1e-6)


def test_moments_and_tails_are_those_of_the_normal_law():
    n = 100_000
    rng = np.random.default_rng(11)
    *_, z0, z1 = read(rng.integers(0, 2**32, n), rng.integers(0, 2**32, n))
    z = np.concatenate([z0, z1])

    # Five standard errors of each moment, 6e-7 a side.
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(z**power) - mean) < 5 * math.sqrt(variance / z.size)
    assert abs(np.mean(z0 * z1)) < 5 / math.sqrt(n)
    assert abs(np.mean(z0**2 * z1**2) - 1) < 5 * math.sqrt(8 / n)
    for limit in (0.01, 1.0, 3.0):
        p = math.erf(limit / math.sqrt(2))
        assert abs(np.mean(np.abs(z) < limit) - p) < 5 * math.sqrt(p * (1 - p) / z.size)
