"""How long arms take, from blocks of them."""

import pytest

from sdesim.scenario import parse_scenario, timing
from sdesim.scenario.estimate import estimate, spent
from sdesim.scenario.timing import seconds
from tests.scenario.files import GOOD, REAL, changed


def test_blocks_of_a_real_arm_and_of_its_twin_are_run(monkeypatch):
    # Every block is long enough.
    monkeypatch.setattr(timing, "_SECONDS", 0.0)

    found = seconds(parse_scenario(REAL), page=False)

    assert set(found) == {"real", "twin"}
    assert all(0 < time < 600 for time in found.values())


def test_what_no_block_tells_is_named(monkeypatch):
    monkeypatch.setattr(timing._Blocks, "_timed", lambda self, length, every=None: 1.0 + 1e-3 * length)
    forecast = REAL.replace("twin_of: real", "twin_of: real\n      at: 10")

    found = estimate(parse_scenario(forecast), timed=True)

    assert set(found.seconds) == {"real"}
    assert found.untimed == ("twin", "summary and report")
    assert found.words.endswith("(real 1 s; without twin, summary and report)")
    assert found.plain()["untimed"] == ["twin", "summary and report"]


def test_summary_and_report_are_reckoned_from_a_million_numbers(monkeypatch):
    # Half a second to start, two more the first time, a microsecond a number.
    told = []

    def timed(self, points, most):
        told.append((points, most))
        return float(points * most), 0.5 + 1e-6 * points * most + (2.0 if len(told) == 1 else 0.0)

    monkeypatch.setattr(timing._Page, "_timed", timed)
    monkeypatch.setattr(timing._Blocks, "_timed", lambda self, length, every=None: 0.0)
    many = parse_scenario(changed("steps: 100_000", "steps: 100_000\n      trajectories: 10_000"))

    found = seconds(many)["summary and report"]

    assert told == [(2, 2), (200, 5000), (2, 2)]
    assert found == pytest.approx(2.5 + 1001 * 10_000 * 1e-6, rel=1e-3)


def test_steps_trajectories_and_readings_are_counted_at_the_price_of_a_block(monkeypatch):
    # A second to start, a millisecond a step of the block, half a second its reading.
    price = lambda self, length, every=None: 1.0 + 1e-3 * length + (0.0 if every is None else 0.5)  # noqa: E731
    monkeypatch.setattr(timing._Blocks, "_timed", price)
    monkeypatch.setattr(timing._Page, "_timed", lambda self, points, most: (1.0, 0.0))
    many = changed("steps: 100_000", "steps: 100_000\n      trajectories: 4096")

    one, eight = (seconds(parse_scenario(text), 1, page=False)["sde"] for text in (GOOD, many))

    # 100,000 steps and 101 readings of the one trajectory; of the others 16, as of a block of 512.
    assert one == pytest.approx(1.002 + 100.0 + 101 * 0.5)
    assert eight == pytest.approx(1.002 + 8 * 100.0 + 101 * 0.5)


def test_without_blocks_no_time_is_told():
    assert estimate(parse_scenario(REAL)).seconds is None


def test_times_in_words():
    assert [spent(t) for t in (0.25, 42, 119, 120, 9000, 1e6, 1e10)] == [
        "0.25 s", "42 s", "119 s", "2 min", "2.5 h", "11.6 days", "317 years",
    ]  # fmt: skip


def test_workers_share_blocks_and_seeds_but_not_twins(monkeypatch):
    # A second to start, a millisecond a step of the block, half a second its reading.
    price = lambda self, length, every=None: 1.0 + 1e-3 * length + (0.0 if every is None else 0.5)  # noqa: E731
    monkeypatch.setattr(timing._Blocks, "_timed", price)
    monkeypatch.setattr(timing._Page, "_timed", lambda self, points, most: (1.0, 0.0))
    many = parse_scenario(changed("steps: 100_000", "steps: 100_000\n      trajectories: 4096"))
    few = parse_scenario(changed("steps: 100_000", "steps: 100_000\n      trajectories: 100"))
    seeds = parse_scenario(REAL.replace("    train:\n", "    train:\n      trajectories: 5\n"))

    shared, most = (seconds(many, 1, page=False, workers=n)["sde"] for n in (4, 1000))
    little = seconds(few, 1, page=False, workers=4)["sde"]
    alone, paired = (seconds(seeds, 1, page=False, workers=n) for n in (0, 2))

    # Eight blocks of 512, the readings of 16 trajectories one after another; 64 trajectories are the least
    # that is walked apart.
    assert shared == pytest.approx(1.002 + 8 / 4 * 100.0 + 101 * 0.5)
    assert most == pytest.approx(1.002 + 8 / 64 * 100.0 + 101 * 0.5)
    assert little == pytest.approx(1.002 + 1 / 2 * 100.0 + 101 * 0.5)
    # Five seeds by two workers are three rounds.
    start = 1.002
    assert paired["real"] - start == pytest.approx(3 / 5 * (alone["real"] - start))
    assert paired["twin"] == pytest.approx(alone["twin"])
