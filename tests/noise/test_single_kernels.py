"""Fills of blocks of float32: bits that depend on no block, and the words of the documented counter."""

import numpy as np

from sdesim.compiled.jit import compiled
from sdesim.compiled.single_normals import normal_pair
from sdesim.noise.draws import philox4x32
from sdesim.noise.single_kernels import gaussian_diagonal, set_gaussian_diagonal

SEED, STREAM, GROUP = np.uint64(2**40 + 7), 3, 5
NONE = np.zeros((0, 0), np.float32)


def filled(first, rows, width, scale, start=0.0, function=gaussian_diagonal):
    out = np.full((4, rows, width), start, np.float32)
    words = np.empty((4, max(width, 4)), np.uint32)
    function(SEED, STREAM, first, GROUP, np.asarray(scale, np.float32), NONE, out, words)
    return out


@compiled
def _pair(a, b):
    return normal_pair(a, b)


def test_the_increments_of_a_group_are_of_one_call_of_the_generator():
    found = filled(11, 2, 3, [1.0, 1.0])[:, 1, 2]

    words = philox4x32([13, 1 | STREAM << 24, GROUP, 0], [7, 2**8])
    pairs = [_pair(words[0], words[1]), _pair(words[2], words[3])]
    np.testing.assert_array_equal(found, np.concatenate(pairs))


def test_bits_depend_on_no_width_and_no_neighbour():
    scale = np.linspace(0.5, 1.5, 19)
    whole = filled(0, 19, 7, scale)

    np.testing.assert_array_equal(filled(2, 19, 3, scale), whole[:, :, 2:5])
    # A single trajectory is walked along its coordinates, a few words at a time.
    np.testing.assert_array_equal(filled(4, 19, 1, scale), whole[:, :, 4:5])


def test_increments_are_added_or_written():
    drawn = filled(0, 2, 4, [1.0, 2.0])

    np.testing.assert_array_equal(filled(0, 2, 4, [1.0, 2.0], np.nan, set_gaussian_diagonal), drawn)
    np.testing.assert_allclose(filled(0, 2, 4, [1.0, 2.0], 1.0), drawn + 1.0, rtol=0, atol=1e-6)
