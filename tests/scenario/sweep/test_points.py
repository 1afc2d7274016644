"""Which points a file asks for, and what is refused before anything runs."""

from __future__ import annotations

import math

import pytest

from sdesim.errors import ScenarioError
from sdesim.scenario import load_sweep, parse_sweep
from sdesim.scenario.load import parse_scenario
from sdesim.scenario.sweep.points import choose
from tests.scenario.sweep.toy import ONE, TOY

AXIS = '  "arms.sde.simulate.noise[0].diffusion": [0.1, 0.4]\n'


def test_points_are_the_full_product_with_the_last_axis_fastest():
    sweep = parse_sweep(TOY)

    assert [p.name for p in sweep.points] == [
        "diffusion=0.1,dt=0.05", "diffusion=0.1,dt=0.1", "diffusion=0.4,dt=0.05", "diffusion=0.4,dt=0.1",
    ]  # fmt: skip
    last = sweep.points[-1].scenario.arms["sde"].simulate
    assert (last.noise[0].diffusion, last.dt) == (0.4, 0.1)
    assert {p.scenario.seed for p in sweep.points} == {5}


def test_one_axis_may_set_several_paths_each_with_its_own_value_or_all_with_one():
    key = '"arms.sde.simulate.dt, arms.sde.simulate.steps"'
    text = ONE.replace(AXIS, f"  {key}: [[0.1, 20], [0.2, 10]]\n  'seed, probes.every': [3, 4]\n")
    text = text.replace("expect:", "probes: {every: 5}\nexpect:")

    sweep = parse_sweep(text)

    found = [
        (p.scenario.arms["sde"].simulate.dt, p.scenario.arms["sde"].simulate.steps) for p in sweep.points
    ]
    assert found == [(0.1, 20), (0.1, 20), (0.2, 10), (0.2, 10)]
    assert [(p.scenario.seed, p.scenario.probes.every) for p in sweep.points[:2]] == [(3, 3), (4, 4)]
    assert [a.label for a in sweep.axes] == ["dt", "seed"]
    assert sweep.points[0].name == "dt=0.1,seed=3"


def test_axes_with_the_same_last_word_get_longer_labels():
    text = ONE.replace(AXIS, "  probes.every: [5, 10]\n  arms.sde.probes.every: [5, 10]\n")
    text = text.replace("expect:", "probes: {every: 5}\nexpect:").replace(
        "      save_every: 10\n", "      save_every: 10\n    probes: {every: 5}\n"
    )

    assert [a.label for a in parse_sweep(text).axes] == ["probes.every", "sde.probes.every"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('"arms.sde.simulate.noise[0].difusion": [1]', "unknown field, did you mean 'diffusion'?"),
        ('"arms.sde.simulate.noise[3].diffusion": [1]', "no such position, the list has 1 entries"),
        ("arms.sdee.simulate.dt: [1]", "not there, did you mean 'sde'?"),
        ("arms.sde.simulate.dt: [0.1, -1]", "allowed: a number above 0"),
        ("arms.sde.simulate.dt: 0.1", "allowed: a list"),
        ("arms.sde.simulate.dt: []", "allowed: at least 1 entries"),
        ("arms.sde.simulate.dt: [0.1, 1e-1]", "0.1 stands here twice"),
        ("arms..dt: [0.1]", "is not a path"),
        ("name: [a, b]", "found 'name', which a sweep can't vary"),
        ('"seed, arms.sde.simulate.dt": [[1, 0.1, 3]]', "found 3 values, allowed: 2, one for each path"),
        ("seed: [1]\n  'probes.every, seed': [1]", "seed is set by another axis already"),
    ],
)
def test_what_is_wrong_with_an_axis_is_said_with_file_line_and_field(line, message):
    with pytest.raises(ScenarioError) as caught:
        parse_sweep(ONE.replace(AXIS, f"  {line}\n"), "file.yaml")

    text = str(caught.value)
    assert message in text
    assert text.startswith("file.yaml:1")
    assert len(text.splitlines()) == 1


def test_a_value_that_fits_nothing_is_reported_once_however_many_points_it_spoils():
    text = TOY.replace("[0.1, 0.4]", "[0.1, true]")

    with pytest.raises(ScenarioError) as caught:
        parse_sweep(text, "file.yaml")

    assert str(caught.value).count("\n") == 0
    assert "file.yaml:15" in str(caught.value)


def test_a_file_without_a_sweep_and_one_of_too_many_points_are_refused():
    with pytest.raises(ScenarioError, match="sweep: missing"):
        parse_sweep(TOY[: TOY.index("sweep:")])
    many = ", ".join(map(str, range(1, 202)))
    with pytest.raises(ScenarioError, match="found 40,401 points"):
        parse_sweep(ONE.replace(AXIS, f"  seed: [{many}]\n  arms.sde.simulate.steps: [{many}]\n"))


def test_only_keeps_the_points_of_the_values_named():
    sweep = parse_sweep(TOY)

    assert [p.name for p in choose(sweep, ["diffusion=0.40", "dt=0.05"])] == ["diffusion=0.4,dt=0.05"]
    assert len(choose(sweep, ["dt=0.05", "dt=0.1"])) == 4
    with pytest.raises(ScenarioError, match="allowed: AXIS=VALUE with AXIS of diffusion, dt"):
        choose(sweep, ["eta=1"])
    with pytest.raises(ScenarioError, match=r"--only dt: found '7', allowed: 0.05, 0.1"):
        choose(sweep, ["dt=7"])


@pytest.mark.parametrize("name", ["phase-diagram-digits", "phase-diagram-levy"])
def test_the_points_of_shipped_sweeps_are_valid_in_full_and_small(name):
    full, quick = load_sweep(name), load_sweep(name, quick=True)

    assert len(full.points) == math.prod(len(a.rows) for a in full.axes) >= 20
    assert len(quick.points) <= 6
    assert [a.label for a in full.axes] == [a.label for a in quick.axes]


EXITS = ONE.replace("sweep:", "fits:\n  - {FIT}\nsweep:").replace("[0.1, 0.4]", "VALUES")


@pytest.mark.parametrize(
    ("fit", "values", "message"),
    [
        ("law: power-law, axis: dffusion", "[0.1, 0.2, 0.4]", r"\[0\].axis: found 'dffusion'"),
        ("law: power-law, axis: diffusion", "[0, 0.2, 0.4]", "holds 0, allowed: numbers above 0"),
        ("law: exponential, axis: diffusion", "[0.1, 0.4]", "of 2 values, allowed: 3 and more"),
        ("law: powerlaw", "[0.1, 0.2, 0.4]", "did you mean 'power-law'"),
        ("law: arrhenius, arm: sd", "[0.1, 0.2, 0.4]", r"fits\[0\].arm: found 'sd', not an arm"),
        ("law: arrhenius, quantity: exittime", "[0.1, 0.2, 0.4]", r"fits\[0\].quantity: found 'exittime'"),
        ("law: arrhenius, at: noon", "[0.1, 0.2, 0.4]", r"fits\[0\].at: found 'noon'"),
    ],
)  # fmt: skip
def test_laws_that_can_not_be_fitted_are_refused_at_their_line(fit, values, message):
    text = EXITS.replace("FIT", fit).replace("VALUES", values)
    line = next(k for k, row in enumerate(text.splitlines(), start=1) if fit in row)

    with pytest.raises(ScenarioError, match=message) as caught:
        parse_sweep(text, "my.yaml")

    assert str(caught.value).startswith(f"my.yaml:{line}: ")


def test_laws_need_a_sweep_and_leave_its_points_as_they_are():
    asked = EXITS.replace("FIT", "law: arrhenius, quantity: loss, axis: diffusion").replace(
        "VALUES", "[1, 2, 3]"
    )

    sweep = parse_sweep(asked)

    assert sweep.scenario.fits[0].law.kind == "arrhenius"
    assert all(p.scenario.fits is None for p in sweep.points)
    with pytest.raises(ScenarioError, match="fits: found laws, allowed: none without a sweep"):
        parse_scenario(asked[: asked.index("sweep:")])
