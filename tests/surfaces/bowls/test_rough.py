"""The rough surface has the exponent it was given."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import Rough


# The band's own bias is at most 0.01 at 12 octaves in one dimension, 0.03 at 8 octaves in many (see
# `measured_hurst`); the standard error of 16,384 second differences is 0.0035, five of them 0.018.
@pytest.mark.parametrize("hurst", [0.3, 0.5, 0.8])
@pytest.mark.parametrize(("dim", "octaves", "tolerance"), [(1, 12, 0.03), (20, 8, 0.05)])
def test_measured_hurst_is_the_given_one(hurst, dim, octaves, tolerance):
    surface = Rough(dim, hurst, seed=11, octaves=octaves)

    found = surface.measured_hurst(samples=16_384)

    assert found.value == pytest.approx(hurst, abs=tolerance)
    assert found.low < found.value < found.high
    assert found.details["standard_error"] < 0.005


def test_roughness_has_the_stated_root_mean_square_and_the_bowl_its_curvature():
    surface = Rough(2, 0.5, amplitude=0.3, curvature=2.0)
    points = np.random.default_rng(0).uniform(-1000, 1000, (20_000, 2))

    heights = surface.roughness(points)

    # Waves are uncorrelated over the box; the mean square of 20,000 points varies by √(2/20,000) = 1%.
    assert np.sqrt(np.mean(heights**2)) == pytest.approx(0.3, rel=0.025)
    np.testing.assert_allclose(surface.loss(points) - heights, np.sum(points**2, axis=1), rtol=1e-9)
    np.testing.assert_allclose(surface.heights[4] / surface.heights[0], 2.0**-0.5)


def test_one_seed_gives_one_surface_and_another_another():
    x = np.linspace(-1, 1, 7)[:, None]

    np.testing.assert_array_equal(Rough(1, 0.5, seed=3).loss(x), Rough(1, 0.5, seed=3).loss(x))
    assert not np.any(Rough(1, 0.5, seed=3).loss(x) == Rough(1, 0.5, seed=4).loss(x))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Rough(1, 1.0), "hurst: found 1.0, allowed: a number below 1"),
        (lambda: Rough(1, 0.5, amplitude=-1), "amplitude: found -1, allowed: a number of at least 0"),
        (lambda: Rough(1, 0.5, octaves=0), "octaves: found 0, allowed: a number of at least 1"),
        (lambda: Rough(1, 0.5, octaves=5).measured_hurst(), "at least 6 octaves, got 5"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
