"""How long arms take, from blocks of them."""

import pytest

from sdesim.scenario import parse_scenario, timing
from sdesim.scenario.estimate import estimate, spent
from sdesim.scenario.timing import seconds
from tests.scenario.files import GOOD, REAL, changed


def test_blocks_of_a_real_arm_are_run_and_what_is_made_of_another_arm_is_left_out(monkeypatch):
    # Every block is long enough.
    monkeypatch.setattr(timing, "_SECONDS", 0.0)

    found = seconds(parse_scenario(REAL))

    assert set(found) == {"real"}
    assert 0 < found["real"] < 600


def test_steps_trajectories_and_readings_are_counted_at_the_price_of_a_block(monkeypatch):
    # A second to start, a millisecond a step of the block, half a second a reading of its two.
    price = lambda self, length, every=None: 1.0 + 1e-3 * length + (0.0 if every is None else 1.0)  # noqa: E731
    monkeypatch.setattr(timing._Blocks, "_timed", price)
    many = changed("steps: 100_000", "steps: 100_000\n      trajectories: 4096")

    one, eight = (seconds(parse_scenario(text), threads=1)["sde"] for text in (GOOD, many))

    # 100,000 steps and 101 readings of the one trajectory; of the others 16, as of a block of 512.
    assert one == pytest.approx(1.002 + 100.0 + 101 * 0.5)
    assert eight == pytest.approx(1.002 + 8 * 100.0 + 101 * 0.5)


def test_without_blocks_no_time_is_told():
    assert estimate(parse_scenario(REAL)).seconds is None


def test_times_in_words():
    assert [spent(t) for t in (0.25, 42, 119, 120, 9000, 1e6, 1e10)] == [
        "0.25 s", "42 s", "119 s", "2 min", "2.5 h", "11.6 days", "317 years",
    ]  # fmt: skip
