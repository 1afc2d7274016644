"""What a run takes, reckoned before it."""

from sdesim.io import memory
from sdesim.io.memory import spread
from sdesim.scenario import parse_scenario
from sdesim.scenario.estimate import Estimate, estimate
from sdesim.scenario.needs import needs
from tests.scenario.files import REAL, changed, refused

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


def test_seeds_that_are_trained_side_by_side_each_hold_what_they_save():
    several = changed("steps: 20\n", "steps: 20\n      trajectories: 100\n", REAL)
    one, some, many = (
        needs(parse_scenario(several.replace("trajectories: 100", f"trajectories: {n}")), "real")
        for n in (1, 3, 100)
    )

    def kept(found):
        return {n.what: n.size for n in found}["the curves of seeds in training"]

    # Eight are moved by one program.
    assert kept(some) == 3 * kept(one)
    assert kept(many) == 8 * kept(one)
    with spread(4):
        assert 32 * kept(one) == kept(needs(parse_scenario(several), "real"))
    with spread("tcp://10.0.0.1:8786"):
        assert 8 * kept(one) == kept(needs(parse_scenario(several), "real"))


def test_workers_of_a_cluster_hold_blocks_and_no_process_the_ensemble():
    scenario = parse_scenario(MANY)
    with spread("tcp://10.0.0.1:8786"):
        elsewhere = {n.what: n.size for n in needs(scenario, "sde")}
    with spread(2):
        two = {n.what: n.size for n in needs(scenario, "sde")}
    alone = {n.what: n.size for n in needs(scenario, "sde")}

    assert {*alone} - {*elsewhere} == {"the ensemble", "a chunk of what is saved"}
    # θ of 10,000 starts, whether each is the first, and what is known of each.
    assert elsewhere["where the trajectories begin"] == (9 + 40) * 10_000
    assert {*two} - {*elsewhere} == {"the blocks of the workers"}
    # 256 points of θ, norm and loss in three copies, of 5,000 trajectories each; states come beside.
    assert 3 * 8 * 3 * 256 * 10_000 < two["the blocks of the workers"] < 1.2 * 3 * 8 * 3 * 256 * 10_000


def test_what_one_process_could_not_hold_is_taken_where_workers_share_it(monkeypatch):
    few = MANY.replace("      trajectories: 10_000", "      save: []\n      trajectories: 10_000_000")
    monkeypatch.setattr(memory, "available_memory", lambda: 7e8)

    assert refused(few)
    with spread("tcp://10.0.0.1:8786"):
        assert parse_scenario(few)
