"""Mean exit times by theory, against closed forms and an independent quadrature."""

import math

import pytest

from sdesim import surfaces
from sdesim.errors import RunError
from sdesim.noise import Stable
from sdesim.plots.laws.leaving import mean_first_passage, mean_single_jump

WELL = surfaces.DoubleWell(barrier=0.25)
CAUCHY = Stable(1.0, 0.02).big_jumps(1)
FLAT = surfaces.Quadratic([1e-12])


def test_brownian_motion_leaves_an_interval_after_its_closed_form():
    # (x − a)(b − x)/2D, up to the trapezoidal rule on 20,001 points.
    assert mean_first_passage(FLAT, 0.5, 0.3, -1.0, 2.0) == pytest.approx(1.3 * 1.7, rel=1e-6)


@pytest.mark.parametrize(
    ("diffusion", "upper", "mean"),
    # The first is GT06, by another quadrature; the second stands in the scenario double-well-escape.
    [(0.1, 1.0, 66.26863), (0.06, 0.0, 159.868)],
)
def test_a_double_well_is_left_after_the_known_mean_on_either_side(diffusion, upper, mean):
    assert mean_first_passage(WELL, diffusion, -1.0, upper=upper) == pytest.approx(mean, rel=1e-6)
    assert mean_first_passage(WELL, diffusion, 1.0, lower=-upper) == pytest.approx(mean, rel=1e-6)


def test_a_high_barrier_is_told_and_one_beyond_all_numbers_is_infinite():
    # Kramers' 2π/√(L″(−1)|L″(0)|) e^{ΔL/D}, halved at the top itself; off by a part in D/ΔL = 100.
    kramers = 0.5 * 2 * math.pi / math.sqrt(2.0 * 1.0) * math.exp(100)
    assert mean_first_passage(WELL, 0.0025, -1.0, upper=0.0) == pytest.approx(2 * kramers * 0.5, rel=0.02)
    assert mean_first_passage(WELL, 1e-4, -1.0, upper=0.0) == math.inf
    assert mean_first_passage(WELL, 0.1, 0.5, upper=0.0) == 0.0


def test_one_jump_leaves_a_well_after_the_known_limit():
    # GT08 at α = 1.5, and π/σ at α = 1.
    bowl = surfaces.Quadratic([1.0])
    for structure in ("independent", "isotropic"):
        jumps = Stable(1.5, 1.0, structure=structure).big_jumps(1)
        assert mean_single_jump(bowl, jumps, 0.0, -1.0, 1.0) == pytest.approx(2.506628)
    assert mean_single_jump(WELL, CAUCHY, -1.0, upper=0.0) == pytest.approx(math.pi / 0.02)
    # Jumps to the left alone never leave to the right.
    left = Stable(1.5, 1.0, skew=-1.0).big_jumps(1)
    assert mean_single_jump(WELL, left, -1.0, upper=0.0) == math.inf


def test_what_has_no_such_theory_is_refused():
    with pytest.raises(RunError, match="one dimension"):
        mean_first_passage(surfaces.Quadratic([1.0, 1.0]), 0.1, 0.0, upper=1.0)
    with pytest.raises(RunError, match="a lower or an upper end"):
        mean_first_passage(WELL, 0.1, 0.0)
    with pytest.raises(RunError, match="grows on the side"):
        mean_first_passage(surfaces.Quadratic([0.0]), 0.1, 0.0, upper=1.0)
    with pytest.raises(RunError, match="one minimum inside, found 2"):
        mean_single_jump(WELL, CAUCHY, -1.0, upper=3.0)
    with pytest.raises(RunError, match="a start inside"):
        mean_single_jump(WELL, CAUCHY, -1.0, lower=0.0)
