"""The estimator knows smooth losses from rough ones."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import MLP, roughness_exponent


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
        (lambda: roughness_exponent(np.sum, np.zeros((3, 1)), [1.0, 2.0]), "n at least 16"),
        (lambda: roughness_exponent(np.sum, np.zeros((16, 1)), [1.0]), "at least two different numbers"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
