"""Errors that sdesim raises on purpose, and other libraries' errors in one line."""

import pytest

from sdesim.errors import EstimatorError, RunError, ScenarioError, SdesimError, first_line


@pytest.mark.parametrize("error", [ScenarioError, RunError, EstimatorError])
def test_every_error_is_caught_as_one_of_sdesim(error):
    with pytest.raises(SdesimError, match=r"^why$"):
        raise error("why")


def test_an_error_in_one_line_is_its_first_or_its_kind():
    assert first_line(ValueError("\nfirst\nsecond")) == "first"
    assert first_line(KeyError()) == "KeyError"
    assert first_line(ValueError("a\x1b[31m\ud800")) == r"a\x1b[31m\ud800"
