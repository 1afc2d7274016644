"""The scheduler as a queue: exact where its answer is known."""

from __future__ import annotations

import pytest

from analysis.scaling.queue import simulated


def test_one_worker_walks_one_block_after_another():
    found = simulated(blocks=10, workers=1, seconds=2.0, task=0.0)

    assert found.seconds == 20.0
    assert found.efficiency == 1.0


def test_a_block_too_many_costs_a_round():
    found = simulated(blocks=5, workers=2, seconds=1.0, task=0.0)

    assert found.seconds == 3.0
    assert found.efficiency == pytest.approx(5 / 6)


def test_a_scheduler_that_is_always_busy_sets_the_pace():
    found = simulated(blocks=10_000, workers=1000, seconds=1.0, task=0.01)

    # 10 ms for each block, and the last one's second: 101 s in place of ten.
    assert found.seconds == pytest.approx(101.0)
    assert found.efficiency == pytest.approx(10 / 101)
    assert found.load == pytest.approx(100 / 101)


def test_the_next_block_waits_beside_the_worker():
    found = simulated(blocks=100, workers=1, seconds=1.0, task=0.1, latency=0.2)

    # Only the first has to be sent for; what is told of the last arrives.
    assert found.seconds == pytest.approx(0.1 + 0.2 + 100.0 + 0.2)


def test_a_start_is_lost_once():
    found = simulated(blocks=8, workers=4, seconds=1.0, task=0.0, start=3.0)

    assert found.seconds == 5.0


def test_lasting_differently_keeps_the_mean():
    found = simulated(blocks=200_000, workers=1, seconds=1.0, task=0.0, spread=0.3)

    # A mean of 2e5 with standard deviation 0.31: 6 of 7e-4 is a false alarm of 2e-9.
    assert found.seconds == pytest.approx(200_000, rel=0.0042)
