"""The rough surface has the exponent it was given, and the estimator knows smooth losses from rough ones."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import MLP, Rough, roughness_exponent


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


def test_a_smooth_network_has_the_exponent_of_a_twice_differentiable_loss():
    rng = np.random.default_rng(1)
    network = MLP((3, 4, 1), rng.standard_normal((20, 3)), rng.standard_normal(20))
    points = network.start + 0.3 * rng.standard_normal((64, network.dim))

    found = roughness_exponent(network.loss, points, [0.01, 0.02, 0.04])

    # f(x + r) − 2f(x) + f(x − r) = r² f″ + r⁴ f⁗/12: the second term changes the slope by ~ r² = 2e-3.
    assert found.value == pytest.approx(2.0, abs=0.02)


def test_a_loss_without_variation_is_flagged():
    found = roughness_exponent(lambda x: np.zeros(len(x)), np.zeros((16, 2)), [0.1, 0.2])

    assert np.isnan(found.value)
    assert found.has("no_variation")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Rough(1, 1.0), r"hurst must be in \(0, 1\), got 1"),
        (lambda: Rough(1, 0.5, amplitude=-1), "amplitude must be at least 0, got -1"),
        (lambda: Rough(1, 0.5, octaves=0), "octaves must be at least 1, got 0"),
        (lambda: Rough(1, 0.5, octaves=5).measured_hurst(), "at least 6 octaves, got 5"),
        (lambda: roughness_exponent(np.sum, np.zeros((3, 1)), [1.0, 2.0]), "n at least 16"),
        (lambda: roughness_exponent(np.sum, np.zeros((16, 1)), [1.0]), "at least two different numbers"),
    ],
)
def test_wrong_values_are_refused(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
