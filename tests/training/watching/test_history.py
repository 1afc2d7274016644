"""Measurements that are made when they are looked at."""

from sdesim.training import Measurement
from sdesim.training.watching.history import History


def test_each_is_made_once_when_it_is_looked_at_and_several_together():
    made = []

    def make(asked):
        made.append([one.count for one in asked])
        return [Measurement.of(10 * one.count, reasons=one.reasons) for one in asked]

    history = History(make)
    for count in (1, 2, 3):
        history.later(count, {"step": "why"})
    history.append(Measurement.of(7))

    assert len(history) == 4
    assert history[-1].step == 7
    assert not made
    assert [m.step for m in history[1:]] == [20, 30, 7]
    assert next(reversed(history)).step == 7
    assert [m.step for m in history] == [10, 20, 30, 7]
    assert made == [[2, 3], [1]]
    assert history[0].reasons == {"step": "why"}
