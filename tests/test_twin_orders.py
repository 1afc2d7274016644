"""Weak orders of optimizers' SDEs on few trajectories; `python -m analysis.twin.orders` has many."""

import pytest

pytest.importorskip("torch")

from analysis.twin.orders.families import FAMILIES
from analysis.twin.orders.scaling import scaled
from analysis.twin.orders.study import differences, measure

BY_NAME = {family.name: family for family in FAMILIES}


@pytest.mark.parametrize("family", [f for f in FAMILIES if f.form is None], ids=lambda f: f.name)
def test_whole_steps_of_the_twin_are_the_optimizer(family):
    found = differences(family, 1 / 4, time=1.0, shares=1, count=8, batches=2, seed=1)

    assert abs(found).max() < 1e-12


@pytest.mark.parametrize("name", ["SGD", "momentum, underdamped"])
def test_errors_halve_with_the_step(name):
    order = measure(BY_NAME[name], [1 / 2, 1 / 4, 1 / 8, 1 / 16], time=1.0, count=4000, batches=20, seed=3)

    # Beside the noise of 4,000 trajectories, errors have curvature at steps this long.
    assert 0.7 < order.order < 1.3
    assert order.low < order.order < order.high


def test_the_square_root_rule_holds_where_noise_dominates_and_fails_where_the_signal_does():
    noisy, clean = scaled(30.0, count=400), scaled(0.1, count=400)

    # Gaps of equal arms exceed 6 standard errors less than once in a million.
    assert noisy.gaps["square root"] < 6 * noisy.errors["square root"]
    assert clean.gaps["square root"] > 6 * clean.errors["square root"] + 1
