"""The counter-based generator: published vectors, and what each part of its counter changes."""

import numpy as np
import pytest

from sdesim.noise import Gaussian, increments, philox4x32

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


@pytest.mark.parametrize(("counter", "key", "words"), VECTORS)
def test_generator_passes_the_published_known_answer_vectors(counter, key, words):
    assert philox4x32(counter, key).tolist() == words


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
