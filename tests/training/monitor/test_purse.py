"""A live monitor knows what a reading costs before it is taken, and keeps its share of the time."""

import math

import pytest
import torch
from torch import nn

from sdesim.errors import RunError
from sdesim.training import Monitor
from sdesim.training.monitor import monitor as monitor_file
from sdesim.training.monitor.purse import Purse, counted_passes

X = torch.randn(64, 5, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()
COUNTED = {"preconditioned": False, "subsampled": False}


class Clock:
    """Time that passes only where it is told."""

    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def watch(monkeypatch):
    """A clock, and measurements of 2 s, 10 s with the Hessian."""
    clock = Clock()
    plain = Monitor._everything

    def slow(self, seed):
        clock.now += 10.0 if self._bends else 2.0
        return plain(self, seed)

    monkeypatch.setattr(monitor_file, "clock", clock)
    monkeypatch.setattr(Monitor, "_everything", slow)
    return clock


def monitored(**settings):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))
    return Monitor(net, nn.CrossEntropyLoss(), (X, Y), learning_rate=0.1, batch_size=8, samples=4, every=1,
                   announce=None, window=0, exact=False, **settings)  # fmt: skip


def test_readings_wait_until_they_keep_their_share_of_the_time(watch):
    monitor = monitored(curvature_every=0, budget=0.05)
    shares, elapsed = [], []

    for _ in range(2000):
        watch.now += 0.1
        if monitor.step() is not None:
            shares.append(monitor.cost["share"])
            elapsed.append(watch.now)

    assert max(shares[1:]) <= 0.05 + 1e-9
    # 200 s of training pay for five readings of 2 s: they are taken, not only put off.
    assert len(shares) >= 4


def test_without_a_budget_all_are_taken(watch):
    monitor = monitored(curvature_every=2)

    made = [monitor.step() for _ in range(4)]

    assert all(made)
    assert [m.cost_seconds for m in made] == pytest.approx([10, 2, 10, 2])


def test_the_price_is_known_before_and_is_that_of_the_last_of_its_kind(watch):
    monitor = monitored(curvature_every=2)

    assert math.isnan(monitor.price)
    monitor.step()
    watch.now += 0.1
    monitor.step()
    assert monitor.price == pytest.approx(10)
    watch.now += 0.1
    monitor.step()
    assert monitor.price == pytest.approx(2)


def test_the_first_price_is_a_timed_step_times_counted_work():
    purse = Purse(0.1)
    work = counted_passes(32, 10, curvature=False, streamed=False, **COUNTED)

    purse.stepped(0.5)
    purse.stepped(0.2)

    assert work == pytest.approx(32 + 10 / 3)
    assert purse.price((False, False), work) == pytest.approx(0.2 * work)
    assert not purse.affords(math.nan, 0.0, 1e9)
    # Work that cost twice its count lets the other kind be priced twice too.
    purse.paid((False, False), 0.4 * work, work)
    assert purse.price((True, False), 100.0) == pytest.approx(0.4 * 100)


def test_what_is_lent_is_spent_once():
    purse = Purse(0.01, lent=10.0)

    assert purse.lends(0.05, 0.05)
    assert not purse.lends(0.05, 0.06)
    assert not purse.affords(0.05, 0.05, 5.0)
    assert not Purse(0.01).lends(0.05, 0.0)


def test_streamed_readings_count_two_passes_and_fewer_products():
    held, streamed = (counted_passes(32, 10, curvature=True, streamed=s, **COUNTED) for s in (False, True))

    assert streamed - 64 < held - 32


@pytest.mark.parametrize("budget", [0.0, 1.0, -0.1])
def test_a_budget_that_is_no_share_is_refused(budget):
    with pytest.raises(RunError, match="budget must be above 0 and below 1"):
        monitored(budget=budget)


def test_a_budget_takes_readings_without_draws_where_it_pays_for_them_and_others_before_none():
    monitor = monitored(budget=0.5)
    monitor._exact = "auto"
    monitor._purse.stepped(1e-3)
    dear, cheap = monitor._price(True), monitor._price(False)

    # Half of all time, with the reading itself: a reading of p seconds needs p seconds of training before.
    assert dear > 2 * cheap
    assert monitor._afforded(0.9 * cheap) is None
    assert monitor._afforded(1.1 * cheap) is False
    assert monitor._afforded(1.1 * dear) is True
