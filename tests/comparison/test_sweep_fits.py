"""Laws along the axes of a sweep, and why there are none."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

import sdesim
from sdesim.comparison.sweep_fits import EXIT, asked_fits, exit_power_laws, fit_sweep, refitted
from sdesim.comparison.sweep_table import SweepTable
from sdesim.errors import RunError
from sdesim.kinds import read
from tests.plots.sweeps import ALPHA, table

BARRIER = table(lambda a, s: 2 * np.exp(a / s), *EXIT)


def test_arrhenius_finds_the_barrier_at_every_place_on_the_other_axes(tmp_path):
    (tmp_path / "table.json").write_text(json.dumps(BARRIER))

    found = sdesim.fit_sweep(tmp_path, "arrhenius", axis="scale")

    assert [f.held for f in found] == [f"alpha = {a}" for a in ALPHA]
    assert [f.fit.slope.value for f in found] == pytest.approx(ALPHA)
    assert found[0].to_dict()["formula"] == "exp(k/scale)"
    assert list(found.to_table()["parameter"]) == ["barrier"] * 3
    assert len(fit_sweep(BARRIER, "arrhenius", axis="scale")) == 3
    # Noted fits are made again, once each.
    again = refitted(SweepTable.of(BARRIER), [f.to_dict() for f in found])
    assert [f.fit.slope for f in again] == [f.fit.slope for f in found]


def test_what_there_is_no_fit_of_says_why():
    few = table(lambda a, s: np.nan if s < 0.4 else 1 / s, *EXIT)

    found = fit_sweep(few, axis="scale")

    assert len(found) == 0
    assert {w["why"] for w in found.left_out} == {
        "2 of 4 points are above 0 with a closed interval, 3 are needed"
    }
    assert [w["held"] for w in found.left_out] == [f"alpha = {a}" for a in ALPHA]
    no_exits = exit_power_laws(SweepTable.of(table(lambda a, s: s)))
    assert no_exits.left_out[0]["why"].startswith("no arm watches exits")
    along_alpha = exit_power_laws(SweepTable.of(BARRIER)).left_out[0]
    assert (along_alpha["axis"], "geometric" in along_alpha["why"]) == ("alpha", True)


def test_a_scenario_may_ask_for_none_or_for_others():
    data = SweepTable.of(table(lambda a, s: s**a))
    asked = SimpleNamespace(
        law=read("laws", "power-law"), quantity="C_alpha", axis="scale", arm=None, at=None
    )
    missing = SimpleNamespace(law=read("laws", "power-law"), quantity="S", axis=None, arm="sde", at="end")

    assert asked_fits(data, []).left_out == ({"why": "fits: [] asks for none"},)
    found = asked_fits(data, [asked, missing])
    assert [f.fit.slope.value for f in found] == pytest.approx(ALPHA)
    assert [w["why"] for w in found.left_out] == ["no finished point holds it of sde at end"]


def test_axes_that_a_law_can_not_take_are_left_out_with_the_reason():
    head = {"arm": "a", "kind": "simulated", "quantity": "q", "at": "end", "n": 8}
    rows = [
        {**head, "point": f"{x}", "x": x, "value": 1.0 + x, "low": 0.9 + x, "high": 1.1 + x}
        for x in (0.0, 1.0, 2.0)
    ]
    data = {"axes": [{"label": "x", "values": [0.0, 1.0, 2.0]}], "rows": rows}

    assert fit_sweep(data, "power-law", "q").left_out[0]["why"] == (
        "it holds 0, and power-law needs numbers above 0"
    )
    assert len(fit_sweep(data, "exponential", "q")) == 1


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"axis": "scal"}, "axis: found 'scal', .*did you mean 'scale'"),
        ({"arm": "sd"}, "arm: found 'sd'"),
        ({"quantity": "exit_time"}, "quantity: found 'exit_time'"),
    ],
)
def test_names_that_lead_nowhere_are_told_in_one_line(settings, told):
    with pytest.raises(RunError, match=told):
        fit_sweep(BARRIER, **settings)
    with pytest.raises(RunError, match="holds no table of a sweep"):
        fit_sweep("nowhere")
