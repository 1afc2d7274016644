"""The table of quantities: nothing measured is missing, and every row can be expected and compared."""

from __future__ import annotations

import copy
import importlib.metadata
import math
import pickle
from importlib.metadata import EntryPoint

import pytest

import sdesim
import sdesim.runs.quantities as table
from sdesim.comparison import compare, rank
from sdesim.errors import RunError, ScenarioError
from sdesim.estimators import Estimate
from sdesim.runs import measure
from sdesim.runs.quantities import ENTRY_POINTS, SIDES, lookup, names, number, quantities, register
from sdesim.runs.quantity_row import NEEDS, Quantity
from sdesim.runs.schema import VARIABLES
from sdesim.scenario import parse_scenario
from sdesim.scenario.summary import _end_values
from sdesim.scenario.whole_run import mean_values, whole_values
from sdesim.training import Measurement
from tests.runs.complete_run import complete_run
from tests.runs.expected import ask

ROWS = quantities()


def test_nothing_that_is_measured_is_missing_from_the_table(measured):
    # Changes of a phase are as many as a trajectory has, and no number at each probe.
    for name in (str(n) for n, x in measured.data_vars.items() if "change" not in x.dims):
        if name.rpartition("_")[2] not in set(SIDES) - {"literal"}:
            assert lookup(name) is not None, name
    # And the other way round: a run that holds everything gives all that the table says of probes.
    assert {row.name for row in ROWS if "probe" in row.dims} <= set(map(str, measured.data_vars))


def test_the_table_says_which_quantities_have_a_literal_form(measured):
    literal = {str(n).removesuffix("_literal") for n in measured.data_vars if str(n).endswith("_literal")}

    assert {row.name for row in ROWS if row.literal} == literal - {"phase"}


def test_every_name_has_one_row_and_every_row_says_what_it_is():
    assert len({row.name for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert row.meaning, row.name
        assert row.label, row.name
        assert row.units, row.name
        assert set(row.needs) <= set(NEEDS), row.name
        assert set(row.swept) <= {"mean", "end", "whole run"}, row.name
    held = {v for variables in NEEDS.values() for v in variables}
    assert held <= set(VARIABLES)


def test_units_of_what_a_run_holds_are_those_of_the_schema():
    for row in ROWS:
        if row.name in VARIABLES:
            assert row.units == VARIABLES[row.name].units, row.name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_can_be_expected(row, run, measured):
    asked = [row.name]
    if row.words:
        asked = [f"{row.name}_fraction.{word}" for word in row.words]
    elif row.parted:
        asked = [f"{row.name}.{part}" for part in run[row.dims[-1]].values]
    if row.literal:
        asked += [f"{row.name}_literal{name.removeprefix(row.name)}" for name in asked]

    found = [ask(name, run, measured) for name in asked]

    # Three trajectories are too few for the tail of their parameters, which it says.
    assert all(math.isfinite(q.value) or "too_few" in q.note for q in found), row.name
    assert all(number(name) is not None for name in asked)


def test_every_row_is_summarised_at_the_end_over_the_run_or_as_a_whole(run, measured):
    end, mean, whole = (
        _end_values(run, measured),
        mean_values(run, measured),
        whole_values("net", run, measured),
    )

    for row in ROWS:
        parts = [str(p) for p in run[row.dims[-1]].values] if row.parted else [""]
        for part in parts:
            name = f"{row.name}.{part}".rstrip(".")
            if row.words:
                assert f"{row.name}_fraction.{row.words[0]}" in whole
            elif row.stepped:
                assert name in end
            elif "probe" in row.dims:
                assert {name} <= set(end) & set(mean)
            elif "event" in " ".join(row.needs):
                assert name in whole


def test_every_row_over_time_can_be_compared(run, measured):
    other = complete_run("simulated", seed=1, name="sde")
    over_time = [row for row in ROWS if row.stepped or "probe" in row.dims]
    named = [f"{r.name}.first" if r.parted else r.name for r in over_time]

    found = compare(other, run, named, measured=(measure(other, smooth=True), measured))

    assert {*found.quantities, *found.phases} == set(named)
    assert compare(other, run, ["C_alpha_literal"]).quantities["C_alpha_literal"].distance > 0


def test_what_is_compared_and_ranked_by_default_is_what_the_table_marks(run, measured):
    other = complete_run("simulated", seed=1, name="sde")
    pair = (measure(other), measured)

    found = compare(other, run, measured=pair)
    order = rank({"sde": other}, run, measured={"sde": pair[0]}, measured_real=pair[1])

    assert [*found.quantities] == [r.name for r in ROWS if r.compared and not r.words]
    assert set(found.phases) == {"phase", "phase_literal"}
    assert set(order.quantities) == {r.name for r in ROWS if r.ranked}


def test_what_a_monitor_measures_is_what_the_table_marks():
    row = Measurement.of(1).row()

    assert [n for n in row if f"{n}_low" in row] == [r.name for r in ROWS if r.monitored]


def test_the_exponent_of_a_tangent_vector_is_no_longer_lost():
    text = """\
name: tangent
arms:
  sde:
    simulate: {surface: {kind: quadratic, eigenvalues: [1.0, 2.0]}, dt: 0.05, steps: 40}
probes: {every: 10, samples: 4}
expect:
  - {arm: sde, quantity: lyapunov_exponent, below: 0}
"""
    with pytest.raises(ScenarioError, match="lyapunov_exponent needs probes of sde with tangent: true"):
        parse_scenario(text)

    parse_scenario(text.replace("samples: 4", "samples: 4, tangent: true"))


def test_the_tail_of_the_parameters_needs_them_saved():
    text = """\
name: tail
arms:
  sde:
    simulate: {surface: {kind: quadratic, eigenvalues: [1.0]}, dt: 0.05, steps: 40, save: [loss]}
expect:
  - {arm: sde, quantity: theta_tail_index, above: 1}
"""
    with pytest.raises(ScenarioError, match="theta_tail_index needs theta among what sde saves"):
        parse_scenario(text)


def test_names_that_are_no_number_are_known_but_not_expected():
    assert lookup("C_group") is not None
    assert number("C_group") is None
    assert number("phase") is None
    assert number("phase_fraction.transition") is lookup("phase")
    assert lookup("C_1_literal") is lookup("C_alpha.first") is lookup("phase_fraction.asleep") is None


def test_a_part_that_a_run_does_not_hold_is_named_with_those_it_holds(run, measured):
    with pytest.raises(
        ScenarioError, match=r"holds no C_group\.third; it knows C_group\.first, C_group\.second"
    ):
        ask("C_group.third", run, measured)


def test_a_module_that_is_loaded_again_replaces_its_quantity_and_no_other_can(own):
    again = lookup("gradient_scale")

    assert register(again) is again
    with pytest.raises(RunError, match="exists already"):
        sdesim.quantity("gradient_scale")(lambda run, measured: None)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Quantity("C_alpha", function=len), "exists already"),
        (Quantity("learning_rate", function=len), "exists already"),
        (Quantity("theta", function=len), "exists already"),
        (Quantity("mine_low", function=len), "not ending in _low"),
        (Quantity("my.own", function=len), "letters, digits and _"),
        (Quantity("mine", needs=("luck",), function=len), "found the need 'luck', allowed: gradient"),
        (Quantity("mine"), "needs a function"),
        (Quantity("mine", dims=("trajectory", "step"), function=len), "numbers over"),
    ],
)
def test_rows_that_can_not_be_are_refused(row, message):
    with pytest.raises(RunError, match=message):
        register(row)
    assert "mine" not in names(lambda r: True)


def test_a_package_whose_quantity_can_not_be_loaded_is_named(monkeypatch):
    point = EntryPoint("broken", "no_such_package:row", ENTRY_POINTS)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    monkeypatch.setattr(table, "_entry_points_are_loaded", False)

    with pytest.raises(RunError, match=r"quantity 'broken' of no_such_package:row can't be loaded"):
        quantities()


def test_an_estimate_of_a_measurement_survives_a_copy():
    made = Measurement.of(3, p=Estimate(0.5, 0.4, 0.6, 0.95, "m", 8))

    assert pickle.loads(pickle.dumps(made)).p == copy.deepcopy(made).p == made.p
    with pytest.raises(AttributeError, match="no 'q'"):
        _ = made.q
