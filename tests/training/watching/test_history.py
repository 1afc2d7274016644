"""Measurements that are made when they are looked at."""

from sdesim.training import Measurement
from sdesim.training.watching.history import History


def test_each_is_made_once_when_it_is_looked_at():
    made, history = [], History()
    for step in range(3):
        history.later(step, lambda step=step: made.append(step) or Measurement.of(step))
    history.append(Measurement.of(7))

    assert len(history) == 4
    assert not made
    assert history[-1].step == 7
    assert [m.step for m in history[1:]] == [1, 2, 7]
    assert made == [1, 2]
    assert [m.step for m in history] == [0, 1, 2, 7]
    assert made == [1, 2, 0]
    assert [m.step for m in reversed(history)] == [7, 2, 1, 0]


def test_one_that_can_t_be_made_says_so_and_raises_nothing():
    history = History()
    history.later(5, lambda: 1 / 0)

    assert history[0].step == 5
    assert history[0].flags == ("reading_failed",)
    assert "division" in history[0].reasons["reading"]
