"""Which value with which interval an expectation is about."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from sdesim.errors import ScenarioError
from sdesim.noise import sample_stable
from sdesim.scenario.expectations import Finding, find, over_trajectories, ratio
from sdesim.scenario.models import Expect
from sdesim.scenario.outcomes import judge, outcome
from sdesim.support import POSITIVE


def expect(**fields: object) -> Expect:
    return Expect.model_validate({"arm": "sde", "quantity": "loss", **fields})


def run_of(loss: np.ndarray, **more: object) -> xr.Dataset:
    """A run of (n, 3) losses at the steps 0, 10, 20; time is step/10."""
    data = {
        "loss": (("trajectory", "step"), loss),
        "status": ("trajectory", np.zeros(len(loss), np.int8)),
        **more,
    }
    return xr.Dataset(data, {"step": [0, 10, 20], "time": ("step", [0.0, 1.0, 2.0])}, {"dt": 0.1})


LOSSES = np.array([[4.0, 3.0, 1.0], [4.0, 2.0, 1.2], [4.0, 3.0, 0.8]])
# Student's 97.5% quantile at 2 degrees of freedom.
T2 = 4.302652729911275


def test_the_mean_over_trajectories_has_students_interval():
    q = over_trajectories(np.array([1.0, 1.2, 0.8]))

    # The standard deviation is 0.2, so the half width is t 0.2/√3.
    assert q.value == pytest.approx(1.0)
    assert (q.low, q.high) == pytest.approx((1 - T2 * 0.2 / 3**0.5, 1 + T2 * 0.2 / 3**0.5))


def test_the_interval_of_a_mean_stays_in_what_the_quantity_can_be():
    q = over_trajectories(np.array([0.1, 0.2, 3.0]), POSITIVE)

    assert 0 < q.low < q.value < q.high
    assert q.support == POSITIVE


def test_where_no_trajectory_leaves_an_end_it_is_said_so():
    q = find(expect(above=-1), run_of(LOSSES * 0), None, {})

    assert (q.low, q.high) == (0.0, 0.0)
    assert q.no_spread
    assert q.note == "no trajectory leaves the end of what it can be"


def test_trajectories_without_a_value_are_left_out_and_counted():
    q = over_trajectories(np.array([1.0, np.nan, 3.0]))

    assert (q.value, q.n) == (2.0, 2)
    assert q.note == "2 of 3 trajectories have it"


# Below 2.5 the trajectories are first seen at the losses 1.0, 2.0 and 0.8.
@pytest.mark.parametrize(
    ("at", "value"), [("end", 1.0), ("start", 4.0), (10, 8 / 3), (11, 8 / 3), ("loss<2.5", 3.8 / 3)]
)
def test_a_path_variable_is_read_at_the_moment_asked_for(at, value):
    found = find(expect(at=at, above=0), run_of(LOSSES), None, {})

    assert found.value == pytest.approx(value)


def test_a_moment_that_never_comes_leaves_the_expectation_undecided():
    e = expect(at="loss<0.1", above=0)

    assert judge(e, find(e, run_of(LOSSES), None, {})) == "undecided"


def test_final_accuracy_is_that_on_the_test_set():
    accuracy = {
        name: (("trajectory", "step"), LOSSES * 0 + x)
        for name, x in (("train_accuracy", 1.0), ("test_accuracy", 0.9))
    }
    e = expect(quantity="final_accuracy", above=0)

    assert find(e, run_of(LOSSES, **accuracy), None, {}).value == pytest.approx(0.9)


def exits(*times: float) -> xr.Dataset:
    values = np.array(times)[:, None]
    extra = {
        "exit_time": (("trajectory", "event"), values),
        "stopped_step": ("trajectory", np.zeros(len(times), int)),
    }
    return run_of(np.ones((len(times), 3)), **extra)


def test_the_mean_exit_time_of_trajectories_that_all_left():
    q = find(expect(quantity="exit_time.mean", above=0), exits(0.5, 1.0, 1.5), None, {})

    assert q.value == pytest.approx(1.0)
    # On the scale of the logarithm, as a time is positive; its mean is 1.
    assert (q.low, q.high) == pytest.approx([math.exp(x * T2 * 0.5 / 3**0.5) for x in (-1, 1)])


def test_too_few_exits_bound_the_mean_from_below_only_and_give_no_value():
    q = find(expect(quantity="exit_time.mean", above=0), exits(0.5, np.nan, 1.5), None, {})

    assert math.isnan(q.value)
    assert 0 < q.low < (0.5 + 2.0 + 1.5) / 3
    assert q.high == math.inf
    assert q.note.startswith("1 of 3 had not left by t=2")


def test_where_nobody_left_the_time_watched_decides():
    q = find(expect(quantity="exit_time.mean", above=1.9), exits(*[np.nan] * 8), None, {})

    assert judge(expect(quantity="exit_time.mean", above=1.9), q) == "met"
    assert judge(expect(quantity="exit_time.mean", above=2.1), q) == "undecided"
    assert judge(expect(quantity="exit_time.mean", below=1.9), q) == "missed"


def test_censored_exits_of_a_constant_rate_give_the_mean_of_their_law():
    times = np.random.default_rng(4).exponential(1.5, 4000)
    q = find(expect(quantity="exit_time.mean", above=0), exits(*np.where(times < 2, times, np.nan)), None, {})

    # 1/rate of some 2,950 exits: a standard error of 1.84%, of which five are allowed (6e-7).
    assert q.value == pytest.approx(1.5, rel=5 * 0.0184)
    assert "constant_hazard" in q.note


def test_a_trajectory_that_blew_up_is_told_beside_the_mean_exit_time():
    run = exits(0.5, np.nan)
    run["status"][1], run["stopped_step"][1] = 1, 3

    q = find(expect(quantity="exit_time.mean", above=0), run, None, {})

    assert "diverged" in q.note


def test_the_median_exit_time_needs_no_trajectory_beyond_the_median():
    times = [*np.arange(1, 16) / 10, *[np.nan] * 5]

    q = find(expect(quantity="exit_time.median", above=0), exits(*times), None, {})

    # n = 20: order statistics 6 and 15 enclose the median with 95.9%, 5 and 16 with 98.8% (binomial tables).
    assert q.value == pytest.approx(1.05)
    assert 0.5 <= q.low <= 0.6
    assert q.high == pytest.approx(1.5)


def test_the_median_of_five_has_no_bounds_at_this_level():
    q = find(expect(quantity="exit_time.median", above=0), exits(0.1, 0.2, 0.3, 0.4, 0.5), None, {})

    # Even the smallest and the largest of five miss the median with 6.25%.
    assert (q.low, q.high) == (0.0, math.inf)


def test_occupancy_is_looked_up_by_the_name_of_the_well():
    share = (("trajectory", "well"), np.array([[0.7, 0.3], [0.9, 0.1], [0.8, 0.2]]))
    run = run_of(LOSSES, occupancy=share).assign_coords(well=["flat", "sharp"])

    assert find(expect(quantity="occupancy.flat", above=0), run, None, {}).value == pytest.approx(0.8)
    with pytest.raises(ScenarioError, match="the run knows flat, sharp"):
        find(expect(quantity="occupancy.deep", above=0), run, None, {})


def test_phase_fraction_is_the_share_of_decided_probes():
    phases = [["exploration", "transition", "undefined"], ["exploration", "exploration", "undefined"]]
    measured = xr.Dataset({"phase": (("trajectory", "probe"), np.array(phases))})

    q = find(expect(quantity="phase_fraction.exploration", above=0), run_of(LOSSES[:2]), measured, {})

    assert q.value == pytest.approx(0.75)


def probed(values: np.ndarray) -> tuple[xr.Dataset, xr.Dataset]:
    dims = ("trajectory", "probe")
    run = run_of(LOSSES[: len(values)]).assign_coords(probe_step=("probe", [0, 20]))
    names = {"C_alpha": values, "C_alpha_low": values - 0.5, "C_alpha_high": values + 0.5}
    return run, xr.Dataset({k: (dims, v) for k, v in names.items()})


def test_a_measured_quantity_of_one_trajectory_has_the_estimators_own_interval():
    run, measured = probed(np.array([[1.0, 2.0]]))

    q = find(expect(quantity="C_alpha", above=0), run, measured, {})

    assert (q.value, q.low, q.high) == (2.0, 1.5, 2.5)


def test_a_measured_quantity_of_several_trajectories_has_the_interval_over_them():
    run, measured = probed(np.array([[1.0, 2.0], [1.0, 2.4], [1.0, 1.6]]))

    q = find(expect(quantity="C_alpha", above=0), run, measured, {})

    assert q.value == pytest.approx(2.0)
    assert q.high == pytest.approx(2 + T2 * 0.4 / 3**0.5)


def test_a_quantity_that_was_not_measured_is_said_to_be_missing():
    with pytest.raises(ScenarioError, match="are there probes"):
        find(expect(quantity="C_alpha", above=0), run_of(LOSSES), None, {})


def test_the_distance_from_the_twin_is_a_point():
    q = find(expect(quantity="twin_distance.loss", below=3), run_of(LOSSES), None, {"loss": 2.0})

    assert q.value == 2.0
    assert math.isnan(q.low)


def test_a_ratio_takes_the_worst_of_both_intervals():
    q = ratio(Finding(2.0, 1.0, 3.0, 4), Finding(4.0, 2.0, 8.0, 4))

    assert (q.value, q.low, q.high) == (0.5, 0.125, 1.5)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((2.0, -1.0, 3.0), (4.0, 2.0, 8.0), -0.5, 1.5),
        ((2.0, 1.0, 3.0), (4.0, 0.0, 8.0), 0.125, math.inf),
        ((2.0, -1.0, 3.0), (4.0, -1.0, 8.0), -math.inf, math.inf),
        ((2.0, 1.0, math.inf), (4.0, 2.0, 8.0), 0.125, math.inf),
        ((2.0, 1.0, 3.0), (4.0, 2.0, math.inf), 0.0, 1.5),
    ],
)
def test_a_ratio_whose_parts_may_be_zero_is_unbounded(first, second, low, high):
    q = ratio(Finding(*first, n=4), Finding(*second, n=4))

    assert (q.low, q.high) == (low, high)


def test_a_ratio_to_something_not_positive_is_undecided():
    q = ratio(Finding(2.0, 1.0, 3.0, 4), Finding(-1.0, -2.0, 0.0, 4))

    assert judge(expect(above=1), q) == "undecided"


ACCURACIES = {
    "train_accuracy": (("trajectory", "step"), np.array([[0.0, 1.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 1.0]])),
    "test_accuracy": (("trajectory", "step"), np.array([[0.0, 0.0, 1.0], [0.0, 0.5, 1.0], [0.0, 1.0, 1.0]])),
}


def when(quantity="step_when.test_accuracy>0.9", **fields):
    return expect(quantity=quantity, **(fields if "below" in fields else {"above": 0} | fields))


def test_the_step_of_an_event_is_known_up_to_the_saved_step_before_it():
    q = find(when(), run_of(LOSSES[:1], **{k: (d, v[:1]) for k, (d, v) in ACCURACIES.items()}), None, {})

    assert (q.value, q.low, q.high, q.n) == (20.0, 10.0, 20.0, 1)


def test_the_mean_step_of_an_event_has_students_interval_widened_by_the_gap_between_saved_steps():
    q = find(when(), run_of(LOSSES, **ACCURACIES), None, {})

    # Steps 20, 20, 10, standard deviation √(100/3).
    half = T2 * (100 / 3) ** 0.5 / 3**0.5
    low, high = (50 / 3 * math.exp(x * half / (50 / 3)) for x in (-1, 1))
    assert (q.value, q.low, q.high) == pytest.approx((50 / 3, max(0.0, low - 10), high))


def test_the_time_of_an_event_is_that_of_its_step():
    q = find(when("time_when.loss<2.5"), run_of(LOSSES[1:2]), None, {})

    assert (q.value, q.low, q.high) == (1.0, 0.0, 1.0)


def test_events_can_be_counted_from_one_another():
    # Train accuracy passes at 10, 10 and 0, test accuracy at 20, 20 and 10: ten steps later
    # each time. The first two of the other condition may have come up to ten steps sooner, in the mean 20/3.
    q = find(when(since="train_accuracy>0.9"), run_of(LOSSES, **ACCURACIES), None, {})

    assert (q.value, q.low, q.high) == pytest.approx((10.0, 0.0, 10 + 20 / 3))


def test_an_event_that_never_comes_is_a_lower_bound_and_one_since_nothing_is_undecided():
    late = find(when("step_when.test_accuracy>2", above=15), run_of(LOSSES, **ACCURACIES), None, {})
    nothing = find(when(since="train_accuracy>2"), run_of(LOSSES, **ACCURACIES), None, {})

    assert (late.value, late.low, late.high) == (20.0, 20.0, math.inf)
    assert "a lower bound: not yet in 3 of 3 trajectories" in late.note
    assert judge(when(above=15), late) == "met"
    assert judge(when(below=15), late) == "missed"
    assert judge(when(below=25), late) == "undecided"
    assert judge(when(), nothing) == "undecided"


def test_a_measured_quantity_can_be_the_event():
    run, measured = probed(np.array([[1.0, 2.0]]))

    q = find(when("step_when.C_alpha>1.5"), run, measured, {})

    assert (q.value, q.low, q.high) == (20.0, 0.0, 20.0)


def test_an_event_that_must_be_confirmed_begins_where_it_holds_so_often_in_a_row():
    steady, wavering = np.array([[1.0, 3.0, 3.0]]), np.array([[3.0, 1.0, 3.0]])

    held = find(when("step_when.loss>2", confirm=2), run_of(steady), None, {})
    lost = find(when("step_when.loss>2", confirm=2), run_of(wavering), None, {})

    assert (held.value, held.low, held.high) == (10.0, 0.0, 10.0)
    assert find(when("step_when.loss>2"), run_of(wavering), None, {}).value == 0.0
    assert (lost.value, lost.high) == (20.0, math.inf)
    assert outcome(when(confirm=2), held)["quantity"] == "step_when.test_accuracy>0.9 2 in a row"


def test_the_outcome_names_what_an_event_is_counted_from():
    said = outcome(when(since="train_accuracy>0.9"), Finding(2.0, 1.5, 2.5, 4))

    assert said["quantity"] == "step_when.test_accuracy>0.9 since train_accuracy>0.9"


def test_a_variable_without_a_mean_is_told_by_its_median_and_flagged():
    draws = np.abs(np.random.default_rng(0).standard_cauchy(400))
    found = over_trajectories(draws, infinite=True)

    assert found.value == np.median(draws)
    assert found.flags == ("mean_infinite",)
    # The median of |Cauchy| is 1.
    assert found.low < 1 < found.high
    assert "the mean is infinite" in found.note


def test_the_tail_index_of_stable_draws_is_read_as_that():
    draws = sample_stable(1.7, 0.0, 20_000, seed=1)
    run = xr.Dataset({"theta": (("trajectory", "step", "param"), draws.reshape(-1, 1, 1))})
    found = find(Expect(arm="a", quantity="theta_tail_index", above=0), run, None, {})

    # The asymptotic error of the estimator is 0.015 here.
    assert abs(found.value - 1.7) < 0.06
