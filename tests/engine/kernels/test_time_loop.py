"""Golden values: the numbers of today's engine must come back in every later version."""

import numpy as np

import sdesim
from sdesim import noise, surfaces


def test_a_mixed_gaussian_and_skewed_stable_run_comes_back():
    run = sdesim.simulate(
        surfaces.DoubleWell(dim=2), [noise.Gaussian(diffusion=0.1), noise.Stable(1.5, 0.1, skew=0.3)],
        dt=0.01, steps=50, trajectories=3, seed=42, scheme="euler-maruyama", progress=False,
    )  # fmt: skip

    golden = [[-1.31896357, 0.1463205], [-0.84983187, -0.41286518], [-0.84735051, -0.40012917]]
    # Eight digits are printed; other processors may round the last bits differently.
    np.testing.assert_allclose(run.theta.values[:, -1], golden, atol=1e-7)


def test_an_isotropic_stable_run_comes_back():
    run = sdesim.simulate(
        surfaces.FlatSharp(1.0, 10.0, 4.0), noise.Stable(1.2, 0.2, structure="isotropic"), 0.0, dt=0.01,
        steps=50, trajectories=3, seed=42, progress=False,
    )  # fmt: skip

    np.testing.assert_allclose(run.theta.values[:, -1, 0], [-0.63777159, -0.55371762, -0.49219232], atol=1e-7)


def test_the_step_in_one_pass_has_the_bits_of_the_plain_one(monkeypatch):
    # Wide enough for whole vectors and a rest, with a lane that blows up.
    start = np.linspace(-1.2, 1.2, 2 * 75).reshape(75, 2)
    start[3, 0] = 1e3

    def walk():
        return sdesim.simulate(
            surfaces.DoubleWell(dim=2), [noise.Gaussian(diffusion=0.1)], start, dt=0.01, steps=40,
            trajectories=75, seed=3, save_every=1, progress=False,
        )  # fmt: skip

    merged = walk()
    monkeypatch.setattr(sdesim.schemes.EulerMaruyama, "separable_step", lambda self: None)
    plain = walk()

    for name in merged.data_vars:
        assert merged[name].values.tobytes() == plain[name].values.tobytes(), name
    assert merged["status"].values.tolist() == [1 if k == 3 else 0 for k in range(75)]
