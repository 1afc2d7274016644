"""Rates of leaving a well: against exact passage times, closed forms and the surfaces' own saddles."""

import math

import numpy as np
import pytest

import sdesim
from sdesim import noise, surfaces
from sdesim.kinds import Misfit
from sdesim.surfaces.saddles import find_saddles


def passage(diffusion, surface, start, end, low):
    """(1/D) ∫_start^end e^{L(y)/D} ∫_low^y e^{−L(z)/D} dz dy by the trapezoid rule."""
    y = np.linspace(low, end, 40_001)
    v = np.asarray(surface.loss(y[:, None]))
    v -= v.min()
    inner = np.exp(-v / diffusion)
    inner = np.concatenate([[0.0], np.cumsum(0.5 * (inner[1:] + inner[:-1]))]) * (y[1] - y[0])
    outer = np.where(y >= start, np.exp(v / diffusion) * inner, 0.0)
    return float(np.sum(0.5 * (outer[1:] + outer[:-1])) * (y[1] - y[0]) / diffusion)


def test_the_double_well_gives_kramers_closed_form_in_any_dimension():
    for dim in (1, 3):
        found = sdesim.kramers(surfaces.DoubleWell(dim, 0.25), 0.1, "left")

        # 2π/√(2·1) e^{ΔL/D}: the curvatures are 2 and −1.
        assert found.mean == pytest.approx(math.sqrt(2) * math.pi * math.exp(2.5), rel=1e-6)
        assert found.mean_exit_time == found.mean == pytest.approx(1 / found.rate)
        np.testing.assert_array_equal(found.saddle, np.zeros(dim))
        assert found.flags == ("barrier_low",)
        rate, mean, _ = found
        assert (rate, mean) == (found.rate, found.mean)


@pytest.mark.parametrize(
    ("surface", "start", "low", "high"),
    [
        (surfaces.DoubleWell(1, 1.0, 0.3), 0, -2.2, 0.97),
        (surfaces.Wells((-1.0, 0.0, 2.0), (0.0, 1.0, -0.5)), 0, -2.2, 2.0),
    ],
)
def test_the_limit_of_the_exact_passage_time_is_reached_as_the_noise_goes_down(surface, start, low, high):
    ratios = []
    for diffusion in (0.08, 0.04):
        found = sdesim.kramers(surface, diffusion, start)
        exact = passage(diffusion, surface, float(surface.minima()[0, 0]), high, low)
        ratios.append(abs(found.mean / exact - 1))
        # To the top alone it takes half as long.
        top = passage(diffusion, surface, float(surface.minima()[0, 0]), float(found.saddle[0]), low)
        assert found.mean_to_saddle / top == pytest.approx(1, abs=0.25)
    # The correction goes as D (with a jump of the curvature as √D).
    assert ratios[1] < 0.8 * ratios[0] < 0.12


def test_stable_noise_jumps_over_the_width_and_adds_to_what_climbs():
    surface = surfaces.DoubleWell(2, 0.25)
    alone = sdesim.kramers(surface, noise.Stable(1.5, 0.05), "left")
    both = sdesim.kramers(surface, [noise.Stable(1.5, 0.05), noise.Gaussian(0.05)], "left")

    # Jumps of more than 1 up the first coordinate; along the second none leaves.
    expected = math.gamma(1.5) * math.sin(0.75 * math.pi) / math.pi * 0.05**1.5
    assert alone.rate == pytest.approx(expected, rel=1e-9)
    assert alone.climbing == 0.0
    assert both.rate == pytest.approx(alone.rate + sdesim.kramers(surface, 0.05, "left").rate)
    # Isotropic jumps lie beyond a plane at distance 1 as often as their first coordinate exceeds it.
    isotropic = noise.Stable(1.5, 0.05, structure="isotropic")
    assert sdesim.kramers(surface, isotropic, "left").rate == pytest.approx(expected, rel=1e-4)
    at_two = sdesim.kramers(surface, noise.Stable(2.0, 0.2), 0)
    assert at_two.rate == pytest.approx(sdesim.kramers(surface, 0.04, 0).rate)
    cauchy = sdesim.kramers(surfaces.DoubleWell(), noise.Stable(1.0, 0.02), 0)
    assert cauchy.mean == pytest.approx(math.pi / 0.02, rel=1e-9)


def test_a_skewed_noise_jumps_up_and_down_at_its_own_rates():
    up = [sdesim.kramers(surfaces.DoubleWell(), noise.Stable(0.8, 0.01, skew=s), "left").rate for s in (0, 1)]

    assert up[1] == pytest.approx(2 * up[0])


def test_a_surface_with_saddles_of_its_own_agrees_with_the_search():
    for surface in (
        surfaces.Styblinski(2),
        surfaces.FlatSharp(1.0, 10.0, 4.0),
        surfaces.DoubleWell(2, 0.5, 0.2),
    ):
        known = surface.saddles(0)
        sought = find_saddles(surface, 0)
        # A string to the far corner passes over one of the near saddles first.
        assert len(sought) <= len(known)
        for saddle in sought:
            assert np.abs(known - saddle).max(axis=1).min() < 1e-6
        assert np.abs(np.asarray(surface.grad(known))).max() < 1e-9


def test_a_custom_surface_has_its_saddle_found_off_the_straight_line():
    # Two wells joined by a bent valley: u = y − x² is stiff, x a double well.
    def loss(t):
        u = t[1] - 0.5 * t[0] ** 2
        return (t[0] ** 2 - 1.0) ** 2 / 4 + 2.0 * u * u

    def grad(t):
        u = t[1] - 0.5 * t[0] ** 2
        return np.array([t[0] ** 3 - t[0] - 4.0 * u * t[0], 4.0 * u])

    surface = surfaces.custom(loss, grad, dim=2, minima=[[-1.0, 0.5], [1.0, 0.5]])
    found = sdesim.kramers(surface, 0.05, 0)

    np.testing.assert_allclose(found.saddle, [0.0, 0.0], atol=1e-6)
    # det at the minimum: 2·4 (a shear keeps it), at the saddle −1·4.
    assert found.mean == pytest.approx(math.sqrt(2) * math.pi * math.exp(5.0), rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((surfaces.Flat(1), 0.1), "surface: found Flat, allowed: one with wells"),
        ((surfaces.Quadratic([1.0]), 0.1), "well: found 0, out of which the surface knows no saddle"),
        ((surfaces.DoubleWell(), 0.1, "middle"), "well: found 'middle', allowed: 0 to 1, or left, right"),
        ((surfaces.DoubleWell(), -1.0), "diffusion: found -1, allowed: a number above 0"),
        ((surfaces.DoubleWell(), noise.Multiplicative(0.1)), "diffusion: found multiplicative"),
        ((surfaces.DoubleWell(), noise.Stable(1.5, 0.1, truncation=1.0)), "diffusion: found stable"),
    ],
)
def test_what_no_formula_covers_is_refused_with_its_field(arguments, words):
    with pytest.raises(Misfit) as caught:
        sdesim.kramers(*arguments)

    assert str(caught.value).startswith(words)


def test_a_way_out_against_the_skew_says_that_small_jumps_are_unseen():
    well = surfaces.DoubleWell()
    against = sdesim.kramers(well, noise.Stable(1.5, 0.03, skew=-1.0), "left")
    nearly = sdesim.kramers(well, noise.Stable(1.5, 0.03, skew=-0.95), "left")
    along = sdesim.kramers(well, noise.Stable(1.5, 0.03, skew=-1.0), "right")

    assert (against.rate, against.mean, against.log_rate) == (0.0, math.inf, -math.inf)
    assert against.flags == nearly.flags == ("small_jumps_unseen",)
    assert along.flags == ()
    assert along.log_rate == pytest.approx(math.log(along.rate))


def test_a_rate_below_every_float_is_told_by_its_logarithm():
    found = sdesim.kramers(surfaces.DoubleWell(), 1e-6, "left")

    assert found.rate == 0.0
    assert "rate_underflows" in found.flags
    # √2/(2π) e^{−ΔL/D}: the curvatures are 2 and −1.
    assert found.log_rate == pytest.approx(0.5 * math.log(2) - math.log(2 * math.pi) - 0.25e6, rel=1e-9)
    assert "-250001" in repr(found)
    usual = sdesim.kramers(surfaces.DoubleWell(), 0.1, "left")
    assert usual.log_rate == pytest.approx(math.log(usual.rate))
