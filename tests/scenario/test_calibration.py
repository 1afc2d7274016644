"""The calibration study as a function."""

import pytest

import sdesim
from sdesim.errors import SdesimError
from sdesim.scenario.calibration import calibrate


def test_it_is_the_public_function():
    assert sdesim.calibrate is calibrate


@pytest.mark.parametrize("wrong", [{"estimator": "no_estimator"}, {"replications": 1}, {"processes": 0}])
def test_bad_arguments_are_refused_before_anything_runs(wrong):
    with pytest.raises(SdesimError):
        calibrate(**wrong)
