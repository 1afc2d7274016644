"""Measurements of readings without draws: C has no width, C* that of a trace, and the phase is told."""

import numpy as np
import pytest

import sdesim
from sdesim import noise, surfaces
from sdesim.training import mlp, record

EIGENVALUES = np.linspace(0.5, 2.0, 40)
DIFFUSION, ETA = 0.05, 0.2


def simulated(exact="auto", theta0=1.0, noises=None, surface=None, **settings):
    surface = surface or surfaces.Quadratic(EIGENVALUES)
    run = sdesim.simulate(
        surface, noises or noise.Gaussian(diffusion=DIFFUSION), theta0, dt=0.01, steps=2, trajectories=2,
        learning_rate=ETA, seed=3, progress=False,
        probes=sdesim.Probes(**{"every": 2, "samples": 64, "exact": exact, "branches": 0} | settings),
    )  # fmt: skip
    return run, sdesim.measure(run)


def test_c_drift_and_phase_are_those_of_the_definition():
    _, m = simulated()
    # At step 0 θ = 1, μ = λ, Σ = 2D/η.
    signal, trace = (EIGENVALUES**2).sum(), 2 * DIFFUSION / ETA * len(EIGENVALUES)
    bent = (EIGENVALUES**3).sum()
    curved = 2 * DIFFUSION / ETA * EIGENVALUES.sum()

    assert m["C_alpha"].values[:, 0] == pytest.approx(signal / trace, rel=1e-12)
    for name in ("C_alpha", "p", "odds", "signal", "noise"):
        np.testing.assert_array_equal(m[f"{name}_low"].values, m[name].values)
        np.testing.assert_array_equal(m[f"{name}_high"].values, m[name].values)
        assert set(m[f"{name}_method"].values.ravel()) == {"exact"}
    star, half = m["C_star"].values[:, 0], (m["C_star_high"] - m["C_star"]).values[:, 0]
    # Of forty coordinates the trace is exact too.
    assert star == pytest.approx(ETA / 2 * (bent + curved) / trace, rel=1e-12)
    assert np.all(half == 0.0)
    assert m["lyapunov_drift"].values[:, 0] == pytest.approx(-signal + ETA / 2 * curved, rel=1e-12)
    assert set(m["phase"].values[:, 0]) == {"generalization"}
    assert set(m["phase_method"].values.ravel()) == {"exact"}


def test_near_the_minimum_the_loss_rises_and_draws_alone_do_not_tell():
    edge = 0.195
    _, m = simulated(theta0=edge)
    _, sampled = simulated(exact=False, theta0=edge)

    assert set(m["phase"].values[:, 0]) == {"exploration"}
    assert set(sampled["phase"].values[:, 0]) == {"transition"}
    assert set(sampled["phase_method"].values[:, 0]) == {"second-order"}
    assert "C_alpha_method" not in sampled


def test_draws_are_the_same_with_and_without():
    with_them, without = simulated()[0], simulated(exact=False)[0]

    for name in without.data_vars:
        np.testing.assert_array_equal(with_them[name].values, without[name].values)


def test_without_noise_the_signal_alone_decides():
    _, m = simulated(noises=[noise.Gaussian(diffusion=0.0)])

    assert np.isinf(m["C_alpha"].values).all()
    assert "zero_noise" in str(m["C_alpha_flags"].values[0, 0])
    assert set(m["phase"].values.ravel()) == {"generalization"}


def test_with_the_mean_alone_c_has_the_interval_of_the_trace():
    cut = noise.Stable(1.7, 0.05, structure="isotropic", truncation=0.5)
    run, m = simulated(noises=[cut])

    assert set(m["C_alpha_method"].values.ravel()) == {"full-gradient"}
    assert np.all(m["C_alpha_low"].values < m["C_alpha"].values)
    np.testing.assert_array_equal(m["signal_low"].values, m["signal"].values)
    # E|g − μ|² of as many draws, about the mean that is known.
    assert m["noise"].values[0, 0] == pytest.approx(float(run["exact_noise"][0, 0]), rel=1e-12)


def test_jumps_without_a_variance_have_no_c_and_their_phase_is_that_of_weighted_steps():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 3)), rng.integers(0, 2, 30)
    network = surfaces.MLP([3, 4, 2], x, y, loss="cross_entropy")
    jumps = [noise.Stable(1.8, 1e-3, structure="isotropic")]

    _, m = simulated(noises=jumps, surface=network, theta0=None, branches=8)
    _, unknown = simulated(noises=jumps, branches=8)

    assert set(m["phase"].values.ravel()) == {"generalization"}
    assert set(m["phase_method"].values.ravel()) == {"weighted"}
    assert "heavy_tail_variance_undefined" in str(m["C_alpha_flags"].values[0, 0])
    # A loss that is not known to grow slower than |θ|^α: the mean may not exist, and nothing is said.
    assert set(unknown["phase"].values.ravel()) == {"undefined"}
    assert set(unknown["phase_flags"].values.ravel()) == {"heavy_tail_variance_undefined"}


@pytest.mark.parametrize("kind", ["sgd", "momentum", "nesterov", "adam"])
def test_the_phase_of_a_linear_step_is_told_without_draws(kind):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((60, 4)).astype(np.float32), rng.integers(0, 2, 60)
    builds = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.3),
        "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
        "nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
        "adam": lambda p: torch.optim.Adam(p, lr=1e-2),
    }

    def made(exact):
        run = record(
            mlp([4, 6, 2], seed=0), torch.nn.functional.cross_entropy, (x, y), None, builds[kind], steps=120,
            batch_size=4, sampling="with-replacement", progress=False,
            probes=sdesim.Probes(every=120, samples=256, branches=0, exact=exact),
        )  # fmt: skip
        return sdesim.measure(run)

    m, sampled = made("auto"), made(False)

    assert m["phase"].values[0, 1] in ("exploration", "generalization")
    assert m["phase_method"].values[0, 1] == "exact"
    # Both read the same: half-widths of 95% three times over, of the draws that the one needs.
    for name in ("C_alpha", "C_star", "lyapunov_drift"):
        half = float((sampled[f"{name}_high"] - sampled[f"{name}_low"])[0, 1]) / 2
        assert abs(float(m[name][0, 1] - sampled[name][0, 1])) < 3 * half, name
