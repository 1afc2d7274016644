"""One row of the table: what stands in for words not given, and what its needs are met by."""

import pytest

from sdesim.runs.quantity_row import GROUP, NEEDS, PHASES, STEP, WELL, WHOLE, Quantity


def test_each_word_stands_in_for_the_next():
    bare, labelled = Quantity("C_alpha"), Quantity("C_alpha", label="$C$ at the batch", symbol="$C$")

    assert (bare.label, bare.symbol, bare.title) == ("C_alpha",) * 3
    assert (labelled.label, labelled.symbol, labelled.title) == ("$C$ at the batch", "$C$", "$C$")
    assert Quantity("x", label="l", title="t").title == "t"


@pytest.mark.parametrize(
    ("row", "kinds"),
    [
        (Quantity("x"), (True, False, False)),
        (Quantity("x", words=PHASES), (False, False, False)),
        (Quantity("x", dims=STEP), (False, True, False)),
        (Quantity("x", dims=GROUP), (False, False, True)),
        (Quantity("x", dims=WELL), (False, False, True)),
        (Quantity("x", dims=WHOLE), (False, False, False)),
    ],
)
def test_a_row_is_of_probes_of_steps_of_parts_or_of_the_whole_run(row, kinds):
    assert (row.probed, row.stepped, row.parted) == kinds


def test_needs_are_met_by_one_variable_of_each():
    row = Quantity("x", needs=("gradient", "path"))

    assert row.met(["signal", "theta"])
    assert row.met(["signal", "theta_projection", "noise"])
    assert not row.met(["signal"])
    assert not row.met(["theta", "theta_projection"])
    assert Quantity("x").met([])
    assert all(Quantity("x", needs=(need,)).met(held) for need, held in NEEDS.items())
