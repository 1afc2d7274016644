"""The counter-based generator: published vectors, elementary functions, independence of the split."""

import math
from importlib import import_module

import numpy as np
import pytest

from sdesim.compiled import philox as generator
from sdesim.noise import Gaussian, Minibatch, NoiseKernel, Stable, increments, philox4x32
from sdesim.surfaces import SurfaceKernel

# Known-answer vectors of the Random123 distribution (kat_vectors, philox4x32 with 10 rounds).
VECTORS = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


class Examples:
    """A surface of 40 examples in 3 coordinates, as far as the noise looks at it."""

    dim = 3
    vectors = np.random.default_rng(0).standard_normal((40, 3))

    def kernel(self):
        return SurfaceKernel("", "", "", np.zeros(0), weighted_grad="w", examples=40)

    def example_gradients(self, theta, indices):
        return self.vectors[indices]


CASES = {
    "gaussian-scalar": (Gaussian(0.3), 5),
    "gaussian-diagonal": (Gaussian([0.1, 0.2, 0.3]), 3),
    "gaussian-full": (Gaussian([[0.5, 0.2], [0.2, 0.4]]), 2),
    "gaussian-factor": (Gaussian(factor=np.arange(6.0).reshape(3, 2)), 3),
    "stable": (Stable(1.5, 0.2), 5),
    "stable-skewed": (Stable(1.0, 0.2, skew=0.7), 5),
    "stable-clipped": (Stable(0.9, 0.2, skew=-1.0, truncation=0.5), 5),
    "stable-rejected": (Stable(1.2, [0.2, 0.1], truncation=0.1, rule="reject"), 2),
    "isotropic": (Stable(1.5, 0.2, structure="isotropic"), 5),
    "isotropic-clipped": (Stable(1.5, 0.2, structure="isotropic", truncation=0.1), 5),
    "isotropic-rejected": (Stable(1.5, 0.2, structure="isotropic", truncation=0.1, rule="reject"), 5),
    "inverted": (Stable(1.5, [0.2, 0.1, 0.3], skew=0.5, method="inversion"), 3),
    "inverted-rejected": (Stable(1.2, 0.2, truncation=0.1, rule="reject", method="inversion"), 2),
    "tempered": (Stable(1.2, [0.2, 0.1, 0.2], tempering=0.5), 3),
    "isotropic-tempered": (Stable(1.5, 0.2, structure="isotropic", tempering=60.0, truncation=0.1), 5),
    "minibatch-gaussian": (Minibatch(Examples(), 4, 0.1), 3),
    "minibatch-subsample": (Minibatch(Examples(), 4, 0.1, law="subsample"), 3),
}


def fill(kernel: NoiseKernel, rows: int, first: int, width: int, pair: int = 7, seed: int = 2**63 + 5):
    """(2, rows, width): the increments of one pair of steps."""
    out0, out1, scratch0, scratch1 = (np.zeros((rows, width)) for _ in range(4))
    function = getattr(import_module(kernel.module), kernel.function)
    function(np.uint64(seed), 3, first, pair, kernel.params, kernel.data, out0, out1, scratch0, scratch1)
    return np.stack([out0, out1])


@pytest.mark.parametrize(("counter", "key", "words"), VECTORS)
def test_generator_passes_the_published_known_answer_vectors(counter, key, words):
    assert philox4x32(counter, key).tolist() == words


@pytest.mark.parametrize("name", CASES)
def test_bits_of_an_increment_do_not_depend_on_the_width_of_the_block(name):
    noise, dim = CASES[name]
    kernel = noise.kernel(dim, 0.01, 0.1)
    rows = 40 if kernel.enters == "examples" else dim

    whole = fill(kernel, rows, 1000, 64)

    for width in (1, 2, 3, 8, 17):
        parts = [fill(kernel, rows, 1000 + k, min(width, 64 - k)) for k in range(0, 64, width)]
        np.testing.assert_array_equal(np.concatenate(parts, axis=2), whole)
    assert np.all(np.isfinite(whole))
    assert np.any(whole != 0)


@pytest.mark.parametrize("name", ["gaussian-scalar", "stable", "stable-skewed", "isotropic", "wide-inverted"])
def test_bits_agree_between_coordinates_walked_in_one_column_and_in_rows(name):
    # A long column is vectorised along its coordinates, a block along its trajectories.
    noise, _ = CASES.get(name, (Stable(1.5, 0.2, method="inversion"), 0))
    kernel = noise.kernel(301, 0.01, 0.1)

    column = fill(kernel, 301, 5, 1)
    block = fill(kernel, 301, 5, 64)

    np.testing.assert_array_equal(column[:, :, 0], block[:, :, 0])


@pytest.mark.parametrize("name", CASES)
def test_fill_adds_to_what_is_already_there(name):
    noise, dim = CASES[name]
    kernel = noise.kernel(dim, 0.01, 0.1)
    rows = 40 if kernel.enters == "examples" else dim
    increment = fill(kernel, rows, 0, 8)

    out0, out1 = np.ones((rows, 8)), np.full((rows, 8), 2.0)
    function = getattr(import_module(kernel.module), kernel.function)
    scratch = np.zeros((2, rows, 8))
    seed = np.uint64(2**63 + 5)
    function(seed, 3, 0, 7, kernel.params, kernel.data, out0, out1, scratch[0], scratch[1])

    # Differs from 1 + increment by roundings of the sums only.
    np.testing.assert_allclose(out0, 1.0 + increment[0], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(out1, 2.0 + increment[1], rtol=1e-12, atol=1e-13)


def test_seed_stream_trajectory_step_and_coordinate_each_change_the_draw():
    kernel = Gaussian(0.5).kernel(4, 1.0, 1.0)
    base = increments(kernel, 4, 4, 4, seed=1)

    others = [
        increments(kernel, 4, 4, 4, seed=2),
        increments(kernel, 4, 4, 4, seed=1 + 2**32),
        increments(kernel, 4, 4, 4, seed=1, stream=1),
        increments(kernel, 4, 4, 4, seed=1, first=4),
    ]

    assert len(np.unique(np.stack([base, *others]))) == 5 * 4 * 4 * 4


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
