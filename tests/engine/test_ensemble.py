"""Trajectories side by side: the same bits however the work is split."""

import numpy as np
import pytest

from sdesim.engine.ensemble import Ensemble
from tests.engine.plans import planned
from tests.engine.simulated import same_bits, simulate


def test_more_threads_give_the_same_bits(case):
    one = simulate(case, threads=1, trajectories=70)
    two = simulate(case, threads=2, trajectories=70)

    assert same_bits(one.theta.values, two.theta.values)
    assert same_bits(one.loss.values, two.loss.values)


def test_a_trajectory_is_the_same_whatever_runs_beside_it(case):
    few, many = simulate(case, trajectories=3), simulate(case, trajectories=130)

    assert same_bits(few.theta.values, many.theta.values[:3].copy())


def saved_points(plan, count):
    """Room for θ, projections, norm and loss of all saved points."""
    shapes = [(plan.dim,), (len(plan.saved_directions),), (), ()]
    return tuple(np.zeros((count, len(plan.saved), *shape)) for shape in shapes)


@pytest.mark.parametrize("lanes", [1, 3, 8, 64])
def test_block_width_does_not_change_a_bit(case, lanes):
    surface, noises = case
    plan = planned(surface, noises, steps=31, trajectories=11, seed=5, save_every=31)
    wide, narrow = saved_points(plan, 11), saved_points(plan, 11)

    Ensemble(plan, 1).advance(0, 31, plan.saved, wide, 0)
    Ensemble(plan, 1, lanes).advance(0, 31, plan.saved, narrow, 0)

    assert all(same_bits(a, b) for a, b in zip(wide, narrow, strict=True))


def test_walking_in_pieces_gives_the_same_bits(case):
    surface, noises = case
    plan = planned(surface, noises, steps=31, trajectories=5, seed=5, save_every=31)
    whole, pieces = Ensemble(plan, 1), Ensemble(plan, 1)
    at_once, by_and_by = saved_points(plan, 5), saved_points(plan, 5)

    whole.advance(0, 31, plan.saved, at_once, 0)
    for start, end in ((0, 1), (1, 8), (8, 13), (13, 31)):
        known = plan.saved[((plan.saved > start) | (start == 0)) & (plan.saved <= end)]
        pieces.advance(
            start, end, known, by_and_by, int(np.searchsorted(plan.saved, known[0])) if len(known) else 0
        )

    assert same_bits(whole.state["x"], pieces.state["x"])
    assert all(same_bits(a, b) for a, b in zip(at_once, by_and_by, strict=True))
