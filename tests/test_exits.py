"""The study of exit times: mean times without a path, and what explicit steps do to them."""

import math

import pytest

from analysis.exits import overshoot
from analysis.exits.fractional import mean_exit
from sdesim.estimators import Estimate


@pytest.mark.parametrize("alpha", [0.8, 1.0, 1.2])
def test_a_flat_interval_is_left_after_the_time_that_getoor_gives(alpha):
    coarse, fine = (mean_exit(alpha, 1.0, lambda x: 0 * x, 0.0, 1.0, -1.0, cells=n) for n in (100, 200))
    # Scaling: twice as wide at 2^α times the time, four times the scale at 4^−α.
    scaled = mean_exit(alpha, 4.0, lambda x: 0 * x, 1.0, 3.0, -1.0, cells=200)

    # What is left after the extrapolation falls at least like cells^(-1/2): 1/(√2 − 1) of the last change.
    assert abs(fine - 1 / math.gamma(1 + alpha)) < abs(fine - coarse) / (math.sqrt(2) - 1)
    assert abs(fine - coarse) < 0.002 * fine
    assert scaled == pytest.approx(fine * 2.0**-alpha)


def test_a_well_is_left_after_the_time_of_one_jump_when_noise_is_small():
    def drift(x):
        return x - x**3

    found = [
        scale
        * mean_exit(1.0, scale, lambda x: x - x**3, -1.0, 0.0, -60.0, returns=True, fine=-2.5, cells=200)
        for scale in (0.04, 0.02, 0.01)
    ]

    # π/scale in the limit, from below, as several jumps together leave sooner; what is missing about halves.
    assert found[0] < found[1] < found[2] < math.pi
    assert (math.pi - found[2]) / (math.pi - found[1]) == pytest.approx(0.5, abs=0.15)


def test_explicit_steps_add_the_exits_of_jumps_that_they_throw_across():
    # At b = ¼ and dt = 1/8 the far edge lies at √(1 + 8) = 3, twice as far from −1 as the top.
    assert overshoot.artefact(1.0, 0.125) == pytest.approx(1 / (1 + 1 / 2))
    assert overshoot.artefact(1.5, 0.125) == pytest.approx(1 / (1 + 2**-1.5))
    short, right = (
        overshoot.measured(scheme, 1.0, 0.2, 0.2, overshoot.exact(1.0, 0.2), 2000)
        for scheme in ("euler-maruyama", "implicit-euler")
    )
    assert short.has("explicit_overshoot")
    # 0.59 in the limit of small noise, less than 0.8 here; s.e. 2.2% each: ten of them apart.
    assert short.value < 0.8 * right.value
    row = ("euler-maruyama", 0.2, Estimate(0.6, 0.5, 0.7, 0.95, "", 8))
    assert "| euler-maruyama | 0.2 | 0.6 [0.5, 0.7] | 0.592 |" in overshoot.text({(1.0, 0.02): [row]}, 8)
