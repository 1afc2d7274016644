"""Every variable of a run and of a measurement says what it is."""

from __future__ import annotations

from sdesim.runs import measure
from tests.runs.complete_run import complete_run

RUN = complete_run()


def test_every_variable_has_a_long_name_and_units():
    measured = measure(RUN, smooth=True)

    for data in (RUN, measured):
        for name, variable in data.variables.items():
            assert variable.attrs.get("units"), name
            assert variable.attrs.get("long_name"), name


def test_sides_say_of_what_they_are_in_its_units():
    measured = measure(RUN, level=0.9, smooth=True)

    assert measured["lambda_max"].attrs == {
        "long_name": "largest eigenvalue of the Hessian", "units": "loss/parameter^2"
    }  # fmt: skip
    low, flags = measured["lambda_max_low"].attrs, measured["lambda_max_flags"].attrs
    assert low["long_name"] == "lower end of the 90% interval of: largest eigenvalue of the Hessian"
    assert low["units"] == "loss/parameter^2"
    assert flags["units"] == "1"
    assert measured["phase_literal"].attrs["long_name"] == "where the literal C lies against 1"
    assert "smoothed over the probes" in measured["C_alpha_smooth_high"].attrs["long_name"]
