"""Runs joined along trajectory: numbers, seeds, and what is refused."""

import pytest

from sdesim.errors import RunError
from sdesim.runs import concat_runs
from tests.runs.bowl_run import make_run


def part(first, **attrs):
    run = make_run()
    run.attrs |= attrs
    return run.assign_coords(trajectory=run.trajectory + first)


def test_parts_under_one_seed_keep_their_numbers_and_stand_in_their_order():
    joined = concat_runs([part(4), part(0), part(2)])

    assert joined.trajectory.values.tolist() == [0, 1, 2, 3, 4, 5]
    assert joined.attrs["seeds"] == [1, 1, 1]
    assert joined.trajectory.attrs["long_name"] == "number of the trajectory"


def test_a_trajectory_that_stands_in_two_runs_is_refused_by_its_number_and_seed():
    with pytest.raises(RunError, match="runs 0 and 2 both hold trajectory 1 of seed 1: give parts"):
        concat_runs([make_run(), part(0, seed=2), part(1)])


def test_other_settings_are_refused_by_name():
    for name, value in (("dt", 0.2), ("scheme", "heun"), ("noise", ["Stable"]), ("boundary", ["a wall"])):
        with pytest.raises(RunError, match=f"runs differ in {name}"):
            concat_runs([make_run(), part(2, **{name: value})])
    stored = {"fingerprint_parts": '{"noise 0": "#1", "theta0": "#1"}'}
    other = {"fingerprint_parts": '{"noise 0": "#2", "theta0": "#2"}'}
    with pytest.raises(RunError, match="runs differ in noise 0"):
        concat_runs([part(0, **stored), part(2, **other)])


def test_how_many_are_probed_is_known_where_the_first_ones_are():
    whole = concat_runs([part(0), part(2, probe_trajectories=1), part(4, probe_trajectories=0)])
    apart = concat_runs([part(0, probe_trajectories=1), part(2)])

    assert whole.attrs["probe_trajectories"] == 3
    assert apart.attrs["probe_trajectories"] == 4


def test_flags_of_events_are_those_of_any_part():
    joined = concat_runs([part(0, exit_flags=[[], ["a"]]), part(2, exit_flags=[["b"], ["a"]])])

    assert joined.attrs["exit_flags"] == ["b", "a"]


def test_what_is_of_all_trajectories_together_is_not_joined():
    runs = [part(first).assign(total=("param", [0.0] * 6)) for first in (0, 2)]

    with pytest.raises(RunError, match="total is of all trajectories of a run together"):
        concat_runs(runs)
