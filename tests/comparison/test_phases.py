"""Phases of two arms: run lengths, shares of time, crossings, agreement."""

import numpy as np
import pytest
import xarray as xr

from sdesim.comparison import cohen_kappa, phase_segments
from sdesim.comparison.phases import commonest, compare_phases, first_crossing, orders, phase_array, shares
from sdesim.errors import RunError

E, T, G = "exploration", "transition", "generalization"


def test_kappa_is_one_for_agreement_and_zero_for_chance():
    assert cohen_kappa(list("abab"), list("abab")) == 1
    assert cohen_kappa(list("aabb"), list("abab")) == 0
    assert np.isnan(cohen_kappa(list("aa"), list("aa")))
    with pytest.raises(RunError, match="equal length"):
        cohen_kappa(["a"], [])


def test_phases_are_run_lengths_with_shares_of_time_and_first_crossings():
    labels, times = ["exploration", "exploration", "transition", "generalization"], [0.0, 1.0, 2.0, 4.0]

    assert phase_segments(labels, times) == (
        ("exploration", 0.0, 2.0), ("transition", 2.0, 4.0), ("generalization", 4.0, 4.0)
    )  # fmt: skip
    found = shares(np.array([labels]), np.array(times))
    assert found == pytest.approx({"exploration": 0.375, "transition": 0.375, "generalization": 0.25})
    assert first_crossing(labels, times, "exploration", "generalization") == 4.0
    assert np.isnan(first_crossing(labels, times, "generalization", "exploration"))


def measured(labels, times):
    return xr.Dataset({"phase": (("trajectory", "probe"), labels)}, {"probe_time": ("probe", times)})


def test_two_arms_agree_where_their_commonest_phases_do():
    times = [0.0, 1.0, 2.0, 3.0]
    simulated = measured([[E, E, T, G], [E, T, G, G], [E, E, G, G]], times)
    real = measured([[E, E, E, G], [E, E, E, G]], times)

    found = compare_phases(simulated, real)

    assert (found.agreement, found.decided) == (0.75, 4)
    # Both say exploration at half and three quarters of the times: p_e = 3/8 + 1/8.
    assert found.kappa == pytest.approx((0.75 - 0.5) / 0.5)
    assert found.sequence_simulated == ((E, 0.0, 2.0), (G, 2.0, 3.0))
    assert found.sequence_real == ((E, 0.0, 3.0), (G, 3.0, 3.0))
    up, down = found.crossings
    assert (up.simulated, up.simulated_count, up.real, up.real_count) == (pytest.approx(7 / 3), 3, 3.0, 2)
    assert up.difference[0] == pytest.approx(-2 / 3)
    assert (down.simulated_count, down.real_count) == (0, 0)
    assert "same phase at 75% of 4 aligned times (kappa 0.50)" in found.verdict


def test_what_is_undecided_in_both_arms_agrees_in_nothing():
    times = [0.0, 1.0, 2.0]

    found = compare_phases(measured([[T, T, E]], times), measured([[T, E, E]], times))
    never = compare_phases(measured([[T, T, T]], times), measured([[T, T, T]], times))

    assert (found.agreement, found.decided, found.times) == (1.0, 1, 3)
    assert "same phase at 100% of 1 aligned times where both are decided, of 3" in found.verdict
    assert np.isnan(never.agreement)
    assert never.decided == 0
    assert never.verdict == "undecided in one of the arms, or both, at all of 3 aligned times"


def test_only_the_time_that_both_arms_share_is_compared():
    simulated = measured([[G, E, E, E]], [0.0, 1.0, 2.0, 3.0])

    found = compare_phases(simulated, measured([[E, E]], [1.0, 2.0]))

    assert (found.times, found.agreement) == (2, 1.0)
    assert np.isnan(found.kappa)
    assert "one phase throughout, so kappa says nothing" in found.verdict
    assert compare_phases(simulated, measured([[E]], [9.0])) is None
    assert compare_phases(simulated, None) is None


def test_what_is_no_phase_is_left_out():
    labels, times = phase_array(measured([["undefined", E], ["", ""]], [0.0, 1.0]), "phase")

    assert labels.tolist() == [[E]]
    assert times.tolist() == [1.0]
    assert phase_array(measured([["undefined"]], [0.0]), "phase") is None


def test_a_tie_of_phases_is_a_transition():
    assert commonest(np.array([[E, G, E], [G, G, T], [E, G, G]])).tolist() == [E, G, T]


def test_shares_crossings_and_agreement_have_intervals_over_seeds():
    times = [0.0, 1.0, 2.0, 3.0]
    simulated = measured([[E, E, G, G], [E, E, G, G], [E, G, G, G], [E, E, E, G]], times)
    real = measured([[E, E, G, G]] * 7 + [[G, E, E, E]], times)

    found = compare_phases(simulated, real)

    low, high = found.share_simulated_interval[G]
    assert low < found.share_simulated[G] < high
    shift, below, above = found.share_difference[G]
    assert shift == pytest.approx(found.share_simulated[G] - found.share_real[G])
    assert below < 0 < above
    up = found.crossings[0]
    assert up.simulated_interval[0] < up.simulated < up.simulated_interval[1]
    assert found.agreement_interval[0] <= found.agreement <= found.agreement_interval[1]
    assert found.kappa_interval[0] <= found.kappa == 1.0
    assert "(kappa 1.00 [" in found.verdict
    assert found.order_real == {f"{E}, {G}": 0.875, f"{G}, {E}": 0.125}
    assert orders(np.array([[T, T], [T, E]])) == {T: 0.5, E: 0.5}


def test_agreement_of_seeds_that_are_all_alike_has_no_width_and_of_two_seeds_none():
    times = [0.0, 1.0, 2.0, 3.0]
    arm = measured([[E, E, G, G]] * 3, times)

    assert compare_phases(arm, arm).kappa_interval == (1.0, 1.0)
    assert "beyond chance" in compare_phases(arm, arm).verdict
    two = measured([[E, E, G, G]] * 2, times)
    assert np.isnan(compare_phases(two, two).kappa_interval).all()
