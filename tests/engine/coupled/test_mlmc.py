"""Multilevel Monte Carlo."""

import math

import pytest

import sdesim
from sdesim import noise, sdes, surfaces
from sdesim.errors import SdesimError

EQUATION = sdes.OrnsteinUhlenbeck(1.0, 0.5)
# E x(1)² from 2: 4 e^{−2} + (0.25/2) (1 − e^{−2}).
EXACT = 4.0 * math.exp(-2.0) + 0.125 * (1.0 - math.exp(-2.0))


def square(x):
    return x[0] ** 2


@pytest.fixture(scope="module")
def found():
    return sdesim.mlmc(EQUATION, square, 1.0, 2e-3, seed=1, theta0=2.0)


def test_the_mean_square_of_an_ornstein_uhlenbeck_process_is_met(found):
    # The half-width holds 1.96 standard errors and the bias: 2.6 half-widths are 5 standard errors, 6e-7.
    assert abs(found.value - EXACT) < 2.6 * 2e-3
    assert found.high - found.low <= 4e-3
    assert found.value - found.low == pytest.approx(found.details["statistical"] + found.details["bias"])
    assert 0.8 < found.details["weak_order"] < 1.3
    assert found.details["evaluations"] < found.details["plain_evaluations"]


def test_the_levels_add_up_and_vary_less_the_shorter_the_step(found):
    table = found.levels

    assert table["mean"].sum() == pytest.approx(found.value)
    assert table["evaluations"].sum() == found.details["evaluations"]
    # Strong order 1: a quarter from level to level. 256 samples or more of kurtosis near 10 know it to 20%.
    falls = table["variance"].values[2:] / table["variance"].values[1:-1]
    assert ((falls > 0.08) & (falls < 0.7)).all()
    assert len(found.to_dict()["levels"]) == len(table)
    assert len(found.plot().lines) >= 2


def test_the_result_depends_on_the_seed_alone(found):
    again = sdesim.mlmc(EQUATION, square, 1.0, 2e-3, seed=1, theta0=2.0, threads=1)
    other = sdesim.mlmc(EQUATION, square, 1.0, 2e-3, seed=2, theta0=2.0)

    assert again.rows == found.rows
    assert other.value != found.value


def test_a_step_too_long_to_be_stable_is_dropped():
    # Of rate 50 a step of T/8 and more multiplies the state by 5 or more each time.
    stiff = sdesim.mlmc(sdes.OrnsteinUhlenbeck(50.0, 10.0), square, 1.0, 0.03, seed=1)

    assert stiff.rows[0]["steps"] >= 16
    # The stationary variance 10²/(2 · 50).
    assert abs(stiff.value - 1.0) < 2.6 * 0.03


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tolerance": 0.0}, "tolerance must be above 0"),
        ({"tolerance": 1e-7}, r"takes some .* step evaluations; most_evaluations allows 1e\+11, for about"),
        ({"tolerance": 1e-3, "most_evaluations": 1e4}, "most_evaluations allows 1e\\+04"),
        ({"quantity": lambda x: x[3]}, "fails at the start: IndexError"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"sde": surfaces.Quadratic([1.0]), "noise": noise.Stable(alpha=1.5, scale=1.0)}, "has no mean"),
    ],
)
def test_what_cannot_be_had_is_refused_in_a_line(change, words):
    given = {"sde": EQUATION, "quantity": square, "T": 1.0, "tolerance": 0.01, "theta0": 2.0} | change
    with pytest.raises(SdesimError, match=words) as caught:
        sdesim.mlmc(**given)
    assert "\n" not in str(caught.value)
