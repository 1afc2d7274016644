"""How a condition on a quantity is written."""

import pytest

from sdesim.scenario.moments import MOMENT, OF_OTHERS


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("loss<0.1", ("loss", "<", "0.1")),
        ("C_alpha > -1e-3", ("C_alpha", ">", "-1e-3")),
        ("loss<.5", ("loss", "<", ".5")),
    ],
)
def test_a_condition_is_a_quantity_a_sign_and_a_bound(text, parts):
    assert MOMENT.match(text).group("name", "sign", "bound") == parts


@pytest.mark.parametrize("text", ["loss", "loss<", "loss=1", "loss<1 soon", "<1"])
def test_anything_else_is_no_condition(text):
    assert MOMENT.match(text) is None


def test_quantities_made_of_others():
    assert OF_OTHERS == ("twin_distance", "twin_margin", "gain_rank", "step_when", "time_when")
