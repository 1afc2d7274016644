"""The bias that means of differences show."""

from types import SimpleNamespace

import numpy as np
import pytest

from sdesim.engine.coupled.level_moments import Moments
from sdesim.engine.coupled.weak_rate import bias_of, cheapest_plain


def levels(means, error):
    made = [Moments(100, m, error**2 * 100 * 99) for m in (1.0, *means)]
    return [SimpleNamespace(difference=m) for m in made]


@pytest.mark.parametrize("order", [0.5, 1.0, 2.0])
def test_means_that_fall_like_a_power_give_it_and_the_rest_of_the_geometric_series(order):
    means = 0.3 * 2.0 ** (-order * np.arange(6))

    found = bias_of(levels(means, 1e-9))

    rest = means[-1] / (2.0**order - 1.0)
    assert found.order == pytest.approx(order, abs=1e-6)
    assert found.size == pytest.approx(rest, rel=1e-5)
    # The order is taken a standard error lower, of 5% errors: a bound, and not a loose one.
    assert rest <= found.bound <= 1.3 * rest
    assert found.flags == ()


def test_means_in_the_noise_tell_no_order_and_are_bounded_at_order_one_half():
    found = bias_of(levels([0.01, -0.01, 0.01], 0.01))

    assert found.flags == ("order_not_told",)
    assert np.isnan(found.order)
    assert found.used == 0.5
    assert found.bound > 0.01


def test_the_cheapest_plain_run_spends_a_third_of_the_tolerance_on_a_bias_of_order_one():
    found = bias_of(levels(2.0 ** -np.arange(1.0, 7), 1e-12))

    steps, evaluations = cheapest_plain(4.0, 64, found, 0.03, 2.0)

    # The bias at 64 steps is 2^-6, so that 100 steps leave 0.01, and N = 4 · 2²/0.02².
    assert steps == pytest.approx(100, abs=1)
    assert evaluations == pytest.approx(100 * 4.0 * 4.0 / 0.02**2, rel=0.02)
