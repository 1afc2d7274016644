"""Problems that do not depend on each other are told in one pass, and none that only follows from another."""

from __future__ import annotations

from sdesim.scenario.rest import Rest
from tests.scenario.files import REAL, changed, refused

TWO = """\
name: two
arms:
  a:
    simulate: {surface: {kind: double-well}, noise: {kind: gaussian, diffusion: 0.1}, dt: x, steps: 9}
  b:
    simulate: {surface: {kind: double-well}, noise: {kind: gaussian, diffusion: [1, 2]}, dt: 1, steps: 9}
  c:
    simulate: {surface: {kind: double-well}, dt: 1, steps: 9}
expect:
  - {arm: c, quantity: loss, at: 10, above: 0}
  - {arm: a, quantity: exit_time.men, above: 0}
  - {arm: a, quantity: exit_time.mean, above: 0}
  - {arm: d, quantity: loss, above: 0}
"""


def test_types_names_and_fit_are_told_in_one_pass():
    lines = refused(TWO)

    # What the run of c will hold is looked at once all arms are right: at: 10 waits.
    assert [line.split(": ")[1] for line in lines] == [
        "arms.a.simulate.dt",
        "arms.b.simulate.noise[0]",
        "expect[1].quantity",
        "expect[3].arm",
    ]


def test_what_waits_is_told_once_the_rest_is_right():
    text = TWO.replace("dt: x", "dt: 1").replace("[1, 2]", "1").replace("time.men", "time.mean")

    lines = refused(text.replace("arm: d", "arm: c"))

    assert [line.split(": ")[1] for line in lines] == [
        "expect[0].at",
        "expect[1].quantity",
        "expect[2].quantity",
    ]


def test_a_twin_of_an_arm_that_is_wrong_is_not_told():
    lines = refused(changed("lr: 0.1", "lr: -1", REAL))

    assert len(lines) == 1
    assert "arms.real.train.optimizer.lr" in lines[0]


def test_a_key_that_stands_twice_and_a_tag_hide_nothing_else():
    text = changed("seed: 3", "seed: !mine 3\nseed: 4", changed("dt: 1e-3", "dt: x"))

    lines = refused(text)

    assert [line.split(" ")[1] for line in lines] == ["seed:", "seed:", "arms.sde.simulate.dt:"]
    assert [line.split(":")[1] for line in lines] == ["3", "3", "11"]


def test_names_of_observables_of_an_arm_that_is_wrong_are_not_held_against_expectations():
    text = changed("dt: 1e-3", "dt: x\n      observe: {mine: {kind: coordinate, k: 0}}")

    lines = refused(changed("quantity: exit_time.mean", "quantity: mine", text))

    assert all(": expect" not in line for line in lines)


def test_nothing_is_left_of_a_scenario_without_its_arms():
    data = {"name": "x", "arms": {"a": {}}}

    assert Rest(data).without([(("arms", "a"), "wrong")]) is None
    assert Rest(data).without([(("arms",), "wrong")]) is None
    assert Rest(data).without([((), "wrong")]) is None
    # Something that is not there takes nothing out: no second look would say more.
    assert Rest(data).without([(("probes",), "wrong")]) is None


def test_places_count_the_entries_that_were_taken_out():
    data = {"name": "x", "arms": {"a": {}}, "expect": [{"arm": "a"}, {"arm": "a"}, {"arm": "a"}]}

    rest = Rest(data).without([(("expect", 0), "")])
    again = rest.without([(("expect", 0), "")])

    assert rest.placed([(("expect", 1, "at"), "m")]) == [(("expect", 2, "at"), "m")]
    assert again.placed([(("expect", 0), "m")]) == [(("expect", 2), "m")]
