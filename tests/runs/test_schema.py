"""The schema of runs: what every variable says of itself, and what is refused."""

import numpy as np
import pytest

from sdesim.errors import RunError
from sdesim.runs import validate_run
from sdesim.runs.schema import (
    CLIENT_PROBE,
    CURVATURE_PROBE,
    DIMS,
    EVERY_PROBE,
    GRADIENT_PROBE,
    GROUP_PROBE,
    METRIC_PROBE,
    VARIABLES,
)
from tests.runs.bowl_run import make_run


@pytest.fixture(scope="module")
def bowl():
    return make_run()


def test_every_variable_of_the_schema_has_units_and_meaning():
    for name, spec in VARIABLES.items():
        assert spec.units, name
        assert spec.long_name, name


def test_variables_have_known_axes_and_those_of_a_probe_are_of_each_probe():
    assert all(set(spec.dims) <= set(DIMS) for spec in VARIABLES.values())
    for name in (
        *EVERY_PROBE, *GRADIENT_PROBE, *GROUP_PROBE, *CURVATURE_PROBE, *CLIENT_PROBE, *METRIC_PROBE
    ):  # fmt: skip
        assert VARIABLES[name].dims[:2] == ("trajectory", "probe"), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.assign(invented=("step", np.zeros(41))), "'invented' is not part of the run schema"),
        (lambda r: r.drop_attrs(), "attribute 'schema_version' is missing"),
        (lambda r: r.assign_attrs(schema_version=3), "schema version 3 can't be read"),
        (lambda r: r.assign_attrs(kind="both"), "kind must be 'simulated' or 'real', got 'both'"),
        (
            lambda r: r.assign(loss=r["loss"].T),
            r"'loss' must have dims \('trajectory', 'step'\), got \('step'",
        ),
        (lambda r: r.assign(loss=r["loss"].astype("float32")), "'loss' must be float64, got float32"),
        (lambda r: r.assign(loss=r["loss"].drop_attrs()), "'loss' lacks units"),
        (lambda r: r.drop_vars("loss"), "every run must hold 'loss'"),
    ],
)
def test_the_first_thing_that_does_not_fit_is_named(change, message, bowl):
    validate_run(bowl)
    with pytest.raises(RunError, match=message):
        validate_run(change(bowl))
