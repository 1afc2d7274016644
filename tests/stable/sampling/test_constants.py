"""Constants of the stable laws, continuous through α = 1."""

import math

import numpy as np
import pytest

from sdesim.stable.sampling.constants import law_constants, shift_to_s1


@pytest.mark.parametrize("alpha", [0.5, 1.5, 1.9])
def test_constants_are_epsilon_times_tangent_and_over_sine(alpha):
    epsilon = 1 - alpha

    given = law_constants(alpha, 0.3)

    exact = (
        alpha, 0.3, epsilon * math.tan(math.pi * alpha / 2), epsilon / math.sin(math.pi * epsilon / 2)
    )  # fmt: skip
    assert given == pytest.approx(exact, rel=1e-12)


def test_constants_are_continuous_at_alpha_1():
    at_1 = law_constants(1.0, 0.3)

    assert at_1 == (1.0, 0.3, 2 / math.pi, 2 / math.pi)
    for epsilon in (1e-9, -1e-9):
        assert law_constants(1 - epsilon, 0.3)[2:] == pytest.approx(at_1[2:], rel=1e-12)


def test_the_shift_to_s1_is_beta_tangent_times_the_scale():
    scale = np.array([0.0, 0.5, 2.0])

    np.testing.assert_allclose(
        shift_to_s1(1.5, 0.4, scale), 0.4 * math.tan(0.75 * math.pi) * scale, rtol=1e-12
    )
    np.testing.assert_allclose(
        shift_to_s1(1.0, 0.4, scale), 0.8 / math.pi * scale * np.log([1.0, 0.5, 2.0]), rtol=1e-14
    )
    assert not shift_to_s1(1.5, 0.0, scale).any()
    assert not shift_to_s1(2.0, 0.4, scale).any()
