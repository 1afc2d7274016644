"""What a run takes, reckoned before it."""

from sdesim.scenario import parse_scenario
from sdesim.scenario.estimate import Estimate, estimate
from tests.scenario.files import REAL, changed

MANY = changed("steps: 100_000", "steps: 100_000\n      trajectories: 10_000")


def test_disk_holds_what_is_saved_and_memory_the_ensemble():
    found = estimate(parse_scenario(MANY))

    # θ, norm and loss of 1,001 points; and no more than half again for checkpoints and readings.
    saved = 8.0 * 3 * 1001 * 10_000
    assert saved < found.disk < 1.5 * saved
    # Summary and report read 17 numbers of each point; state, checkpoint and a chunk come beside.
    assert 8.0 * 17 * 1001 * 10_000 < found.memory < 1.2 * 8.0 * 17 * 1001 * 10_000


def test_arms_share_memory_one_after_another_and_their_disks_add():
    both = estimate(parse_scenario(REAL))
    alone = estimate(parse_scenario(REAL[: REAL.index("  twin:")] + REAL[REAL.index("probes:") :]))

    assert both.disk > alone.disk
    assert both.memory >= alone.memory


def test_noises_tell_the_states_and_whole_paths_that_they_hold():
    gaussian = "{kind: gaussian, diffusion: 0.1}"
    assert gaussian in MANY

    white = estimate(parse_scenario(MANY)).memory
    coloured, fractional = (
        estimate(parse_scenario(MANY.replace(gaussian, noise))).memory - white
        for noise in ("{kind: coloured, correlation_time: 0.1, factor: 0.2}",
                      "{kind: fractional, hurst: 0.3, scale: 0.2}")
    )  # fmt: skip

    # ζ of each trajectory and its copies in a checkpoint; all 100,000 increments of 10,000 trajectories.
    assert coloured == 8.0 * 4 * 10_000
    assert fractional == 8.0 * 100_000 * 10_000


def test_in_words_and_as_plain_data():
    found = Estimate(memory=1.2e9, disk=3.4e8)

    assert found.words == "takes up to 1.2 GB of memory and 340 MB of disk"
    assert found.plain() == {"memory_bytes": 1.2e9, "disk_bytes": 3.4e8}
