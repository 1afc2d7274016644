"""Met, missed or undecided, and what it would have taken to decide."""

from __future__ import annotations

import math

import pytest

from sdesim.scenario.expectations import Finding
from sdesim.scenario.models import Expect
from sdesim.scenario.outcomes import judge, outcome, power_of
from sdesim.support import POSITIVE


def expect(**fields: object) -> Expect:
    return Expect.model_validate({"arm": "sde", "quantity": "loss", **fields})


@pytest.mark.parametrize(
    ("asked", "interval", "outcome_is"),
    [
        ({"above": 1}, (1.5, 1.1, 1.9), "met"),
        ({"above": 1}, (1.5, 0.9, 2.1), "undecided"),
        ({"above": 1}, (0.5, 0.1, 0.9), "missed"),
        ({"below": 1}, (0.5, 0.1, 0.9), "met"),
        ({"below": 1}, (0.9, 0.7, 1.1), "undecided"),
        ({"below": 1}, (1.5, 1.1, 1.9), "missed"),
        ({"between": [1, 2]}, (1.5, 1.1, 1.9), "met"),
        ({"between": [1, 2]}, (1.5, 0.9, 1.9), "undecided"),
        ({"between": [1, 2]}, (2.5, 2.1, 2.9), "missed"),
        ({"near": 1, "tolerance": 0.5}, (1.2, 1.1, 1.3), "met"),
        ({"near": 1, "tolerance": 0.5}, (1.4, 1.1, 1.7), "undecided"),
        ({"near": 1, "tolerance": 0.5}, (1.7, 1.6, 1.8), "missed"),
        ({"above": 1}, (1.5, math.nan, math.nan), "met"),
        ({"above": 1}, (0.5, math.nan, math.nan), "missed"),
        ({"above": 1}, (math.nan, math.nan, math.nan), "undecided"),
        ({"above": 1}, (2.0, 1.5, math.inf), "met"),
        ({"below": 9}, (2.0, 1.5, math.inf), "undecided"),
        ({"below": 1}, (2.0, 1.5, math.inf), "missed"),
    ],
)
def test_an_expectation_is_met_or_missed_only_when_the_whole_interval_is(asked, interval, outcome_is):
    assert judge(expect(**asked), Finding(*interval, n=4)) == outcome_is


def test_the_outcome_says_what_was_asked_found_and_why():
    e = expect(than="other", above=1, why="because")

    said = outcome(e, Finding(2.0, 1.5, 2.5, 4, "a note"))

    assert said == {
        "arm": "sde", "quantity": "loss over that of other", "at": "end", "condition": "above 1",
        "value": 2.0, "low": 1.5, "high": 2.5, "n": 4, "outcome": "met", "why": "because; a note",
        "reason": "because",
    }  # fmt: skip


def test_an_undecided_outcome_says_what_would_have_been_seen_and_what_settles_it():
    said = outcome(expect(above=1), Finding(1.2, 0.8, 1.6, 8))

    # Student's quantile at 7 degrees of freedom is 2.36462; 4.5792 standard errors, as estimated from 8
    # values, are told apart with probability 0.9.
    assert said["outcome"] == "undecided"
    assert said["power"]["difference"] == pytest.approx(0.4 * 4.5792 / 2.36462, rel=2e-3)
    assert said["power"]["needed"] == 90
    assert "0.774 is seen with probability 0.9; the 0.2 measured take 90 trajectories" in said["why"]


def test_a_decided_outcome_needs_no_power():
    assert "power" not in outcome(expect(above=1), Finding(2.0, 1.5, 2.5, 4))


@pytest.mark.parametrize(
    ("asked", "bound"),
    [({"between": [1, 2]}, 1), ({"near": 1.5, "tolerance": 0.6}, 0.9), ({"below": 1.4}, 1.4)],
)
def test_power_is_of_the_nearest_bound_that_the_interval_spans(asked, bound):
    q = Finding(1.1, 0.7, 1.5, 6)

    assert power_of(expect(**asked), q).measured == pytest.approx(abs(q.value - bound))


def test_of_one_trajectory_the_samples_are_told_as_a_multiple():
    # Normal theory: (1.96 + 1.28)²/1.96² · (0.4/0.2)² = 10.9 times the samples.
    power = power_of(expect(above=1), Finding(1.2, 0.8, 1.6, 1))

    assert (power.needed, power.samples) == (11, "times the samples")


@pytest.mark.parametrize("q", [Finding(math.nan, math.nan, math.nan, 4), Finding(2.0, 0.5, math.inf, 4)])
def test_without_a_value_or_an_end_nothing_is_said_of_power(q):
    power = power_of(expect(above=1), q)

    assert math.isnan(power.difference)
    assert power.why in power.text


def test_power_of_a_positive_quantity_is_that_of_its_logarithm():
    low, high = 1.2 * math.exp(-0.5), 1.2 * math.exp(0.5)
    power = power_of(expect(above=1), Finding(1.2, low, high, 8, support=POSITIVE))

    assert power.difference == pytest.approx(math.exp(0.5 * 4.5792 / 2.36462) - 1, rel=2e-3)
