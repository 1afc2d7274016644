"""How long arms take, from blocks of them."""

from sdesim.scenario import parse_scenario, timing
from sdesim.scenario.estimate import estimate, spent
from sdesim.scenario.timing import seconds
from tests.scenario.files import REAL

STEPS = ("steps: 20\n", "steps: {}\n")


def test_a_longer_training_takes_longer_and_what_is_made_of_another_arm_is_left_out(
    monkeypatch,
):
    monkeypatch.setattr(timing, "_SECONDS", 0.05)
    short, long = (
        seconds(parse_scenario(REAL.replace(STEPS[0], STEPS[1].format(steps)))) for steps in (400, 400_000)
    )

    assert set(short) == set(long) == {"real"}
    # A thousand times the steps; a start that both have, and other work on the machine, leave ten.
    assert long["real"] > 10 * short["real"] > 0


def test_without_blocks_no_time_is_told():
    assert estimate(parse_scenario(REAL)).seconds is None


def test_times_in_words():
    assert [spent(t) for t in (0.25, 42, 119, 120, 9000, 1e6, 1e10)] == [
        "0.25 s", "42 s", "119 s", "2 min", "2.5 h", "11.6 days", "317 years",
    ]  # fmt: skip
