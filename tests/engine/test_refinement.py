"""The path of a run, walked with shorter steps."""

import numpy as np
import pytest

import sdesim
from sdesim import noise, reductions, sdes, surfaces
from sdesim.errors import SdesimError
from sdesim.scenario import parse_scenario

EQUATION, BOWL = sdes.OrnsteinUhlenbeck(1.0, 0.5), surfaces.Quadratic([1.0])
SMALL = noise.Gaussian(diffusion=0.1)


def run(refine=1, equation=EQUATION, **options):
    given = {"dt": 1 / 8, "steps": 8, "trajectories": 50, "seed": 3, "progress": False, "save_every": 1}
    return sdesim.simulate(equation, refine=refine, **(given | options))


def test_only_the_step_differs():
    plain, fine = run(theta0=1.0), run(4, theta0=1.0)

    np.testing.assert_array_equal(fine["step"], plain["step"])
    np.testing.assert_array_equal(fine["time"], plain["time"])
    assert fine.attrs["dt"] == plain.attrs["dt"] == 1 / 8
    assert fine.attrs["refine"] == 4
    assert "refine" not in plain.attrs
    # Strong order 1: the error of dt is about 0.5 · 0.5 dt, and far below the spread 0.5 of another noise.
    apart = [
        np.abs(run(k, theta0=1.0)["theta"].values - run(64, theta0=1.0)["theta"].values).max() for k in (1, 4)
    ]
    assert apart[1] < 0.5 * apart[0] < 0.2


def test_without_a_drift_all_refinements_are_the_run_itself():
    still = sdes.OrnsteinUhlenbeck(0.0, 0.5)
    plain = run(equation=still)["theta"].values

    for k in (2, 8):
        np.testing.assert_allclose(run(k, equation=still)["theta"].values, plain, atol=1e-14)


def test_no_bit_depends_on_threads_or_parts():
    whole, one = run(4, theta0=1.0), run(4, theta0=1.0, threads=1)

    np.testing.assert_array_equal(whole["theta"], one["theta"])
    part = run(4, theta0=1.0, first=20, trajectories=30)
    np.testing.assert_array_equal(part["theta"], whole["theta"][20:])
    np.testing.assert_array_equal(whole["stopped_step"], 8)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"refine": 3}, "refine: found 3, allowed: a power of two up to"),
        ({"refine": 0}, "refine must be at least 1"),
        ({"refine": 2, "equation": BOWL, "noise": SMALL, "scheme": "sra1"}, "draws a second set"),
        ({"refine": 2, "equation": BOWL, "noise": SMALL, "dtype": "float32"}, "whose normals are others"),
        ({"refine": 2, "reduce": reductions.Moments(2, every="step")}, r"reduce\[0\].every: found step"),
        (
            {"refine": 2, "noise": noise.Coloured(correlation_time=1.0, factor=1.0)},
            r"noise\[0\]: found one whose increments can't be taken apart",
        ),
    ],
)
def test_what_cannot_be_refined_is_refused_in_a_line(options, words):
    with pytest.raises(SdesimError, match=words) as caught:
        run(**options)
    assert "\n" not in str(caught.value)


FILE = """
name: refined
arms:
  fine:
    simulate:
      surface: {kind: quadratic, eigenvalues: [1.0]}
      noise: {kind: gaussian, diffusion: 0.1}
      dt: 0.1
      steps: 10
      refine: 4
"""


def test_a_file_says_it_too():
    assert parse_scenario(FILE).arms["fine"].simulate.refine == 4
    with pytest.raises(SdesimError, match="found 3, allowed: a power of two"):
        parse_scenario(FILE.replace("refine: 4", "refine: 3"))
    truncated = "{kind: stable, alpha: 1.5, scale: 0.1, truncation: 1.0}"
    with pytest.raises(SdesimError, match="can't be taken apart"):
        parse_scenario(FILE.replace("{kind: gaussian, diffusion: 0.1}", truncated))
