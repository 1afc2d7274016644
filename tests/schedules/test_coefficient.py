"""Numbers, schedules and functions of t in the place of a coefficient, in Python as in files."""

import numpy as np
import pytest

from sdesim import noise, schedules
from sdesim.kinds import Misfit, dump, read
from sdesim.kinds.schema import kind_schema


def test_a_coefficient_is_a_number_a_schedule_or_a_function_of_t():
    falling = {"kind": "exponential", "v": 0.5, "rate": 1.0}
    of_file = read("noises", {"kind": "gaussian", "diffusion": falling})

    assert of_file == noise.Gaussian(diffusion=schedules.Exponential(0.5, 1.0))
    assert read("noises", dump(of_file)) == of_file
    assert noise.Gaussian(diffusion=lambda t: 0.1 + t).at(0.5).diffusion == pytest.approx(0.6)
    assert noise.Stable(1.5, schedules.Power(1.0, -1.0, 1.0)).at(1.0) == noise.Stable(1.5, 0.5)
    assert noise.Multiplicative(schedules.Power(1.0, -1.0, 1.0)).at(1.0) == noise.Multiplicative(0.5)


def test_a_constant_schedule_is_its_number():
    assert noise.Gaussian(diffusion=schedules.Constant(0.3)) == noise.Gaussian(diffusion=0.3)
    assert noise.Gaussian(diffusion={"kind": "piecewise", "times": [1], "values": [1, 1]}).diffusion == 1.0


@pytest.mark.parametrize(
    ("value", "place", "words"),
    [
        ({"kind": "power", "v": 1.0}, ("diffusion", "exponent"), "missing"),
        ({"kind": "logarithmic", "v": 1.0, "offset": 1.0}, ("diffusion", "offset"), "above 1"),
        ("cosin", ("diffusion",), "did you mean 'cosine'"),
        (-0.5, ("diffusion",), "at least 0"),
        (float("nan"), ("diffusion",), "finite"),
    ],
)
def test_a_bad_one_is_refused_at_its_place(value, place, words):
    with pytest.raises(Misfit) as caught:
        noise.Gaussian(diffusion=value)
    assert caught.value.problems[0][0] == place
    assert words in caught.value.problems[0][1]


def test_what_would_not_scale_takes_no_schedule():
    falling = schedules.Exponential(0.5, 1.0)
    with pytest.raises(Misfit, match="truncation or tempering"):
        noise.Stable(1.5, falling, truncation=1.0)
    with pytest.raises(Misfit, match="skew at alpha 1"):
        noise.Stable(1.0, falling, skew=0.5)


def test_the_schema_allows_both():
    allowed = kind_schema("gaussian", noise.Gaussian)["properties"]["diffusion"]["anyOf"]
    assert {"x-family": "schedules"} in allowed or any("anyOf" in part for part in allowed)


def test_arrays_stay_arrays():
    np.testing.assert_array_equal(noise.Gaussian(diffusion=[0.1, 0.2]).diffusion, [0.1, 0.2])
