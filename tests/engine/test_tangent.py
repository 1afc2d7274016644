"""Tangent vectors of simulated trajectories: exact growth, exponents of GT13 and GT21, the same bits."""

import math
from itertools import pairwise

import numpy as np
import pytest

import sdesim
from sdesim import events, noise, surfaces
from sdesim.engine.kernels import tangent as tangent_kernels
from sdesim.engine.kernels.codegen import combination_source
from sdesim.engine.tangent import Tangents
from sdesim.errors import SdesimError
from sdesim.runs import projection_directions
from tests.engine.plans import planned as laid_out

RNG = np.random.default_rng(0)
ROWS = surfaces.LeastSquares(RNG.standard_normal((12, 3)), np.zeros(12))
WELL = surfaces.DoubleWell(dim=2)
START = 0.1 * projection_directions(3)[0]
# Few combinations: each is compiled.
CASES = {
    "multiplicative": (surfaces.Quadratic([0.5, 1.0, 2.0]), noise.Multiplicative([0.4, 0.8, 1.2])),
    "subsample": (ROWS, noise.Minibatch(ROWS, 2, 0.2, law="subsample"), "sgd"),
    "momentum": (ROWS, noise.Minibatch(ROWS, 2, 0.2, law="subsample"), "heavy-ball"),
    "double-well": (WELL, noise.Gaussian(diffusion=0.1)),
}


def probes(every, trajectories=16):
    return sdesim.Probes(every=every, estimators=(), tangent=True, trajectories=trajectories)


def planned(surface, noises, scheme="euler-maruyama", theta0=None, dt=0.2, trajectories=5, seed=3):
    return laid_out(
        surface, noises, theta0=theta0, dt=dt, steps=100, trajectories=trajectories, seed=seed,
        learning_rate=dt, scheme=scheme, save_every=1, probes=probes(8, trajectories),
    )  # fmt: skip


def walk(plan, steps, lanes=None):
    """(growth over each stretch, θ at its end, θ a step before), over trajectories first."""
    tangents = Tangents(plan, 1, lanes)
    every, growth, theta, before = range(plan.trajectories), [], [], []
    for start, end in pairwise(steps):
        tangents.advance(start, end - 1)
        before.append([tangents.theta(k) for k in every])
        tangents.advance(end - 1, end)
        theta.append([tangents.theta(k) for k in every])
        growth.append([tangents.growth(k) for k in every])
    return tuple(np.moveaxis(np.array(a), 0, 1) for a in (growth, theta, before))


def test_where_the_step_is_linear_a_parallel_start_shrinks_as_its_tangent():
    for case in ("multiplicative", "subsample"):
        growth, theta, _ = walk(planned(*CASES[case], theta0=START), (0, 8, 19, 40))

        size = np.log(np.linalg.norm(theta, axis=-1) / 0.1)
        # Central differences are exact on a quadratic but for rounding.
        np.testing.assert_allclose(np.cumsum(growth, axis=1), size, atol=1e-8)


def test_with_momentum_the_tangent_of_the_velocity_counts_too():
    growth, theta, before = walk(planned(*CASES["momentum"], theta0=START), (0, 8, 19, 40))

    velocity = (before - theta) / 0.2
    size = 0.5 * np.log(((theta**2).sum(axis=-1) + (velocity**2).sum(axis=-1)) / 0.01)
    np.testing.assert_allclose(np.cumsum(growth, axis=1), size, atol=1e-7)


def test_two_starts_close_together_part_as_the_tangent_grows():
    start, near = WELL.start + 0.1, 1e-6
    run = simulate(theta0=start)
    other = simulate(theta0=start + near * projection_directions(2)[0], probes=None)

    apart = np.linalg.norm(run.theta.values - other.theta.values, axis=-1)
    # First order in the distance, whose growth the second order changes by about 1e-6.
    np.testing.assert_allclose(
        np.nansum(run.tangent_growth.values, axis=1), np.log(apart[:, -1] / near), atol=1e-4
    )
    assert np.isnan(run.tangent_growth.values[:, 0]).all()


def test_gt13_exponent_of_a_linear_multiplicative_sde_is_that_of_the_chain():
    h, length, count = 0.05, 4000, 64
    surface = surfaces.Quadratic([0.5])
    plan = planned(surface, noise.Multiplicative(1.2), theta0=1.0, dt=h, trajectories=count)

    growth, theta, _ = walk(plan, (0, length))

    rates = growth[:, 0] / (h * length)
    error = rates.std(ddof=1) / math.sqrt(count)
    # About 0.012: the SDE's own −1.22 is far outside of five of them.
    assert abs(rates.mean() + 1.390114) < 5 * error < 0.1
    np.testing.assert_allclose(growth[:, 0], np.log(np.abs(theta[:, 0, 0])), rtol=1e-9)


def test_gt21_exponent_of_gradient_descent_is_that_of_the_steepest_direction():
    surface = surfaces.Quadratic([0.1, 1.0, 2.3])
    # Multiplicative noise of scale 0 is none, with the kernel of the first case.
    plan = planned(surface, noise.Multiplicative(0.0), "sgd", theta0=0.0, dt=0.9, trajectories=1)

    growth, _, _ = walk(plan, (0, 200, 400))

    # The second stretch is free of the other directions.
    assert growth[0, 1] / 200 == pytest.approx(0.06765865, abs=1e-8)


def test_gt21_single_example_sgd_is_path_stable_though_its_second_moment_doubles():
    a = np.random.default_rng(2).standard_normal((300, 1))
    surface = surfaces.LeastSquares(a, np.zeros(300))
    minibatch = noise.Minibatch(surface, 1, 1.0, law="subsample")
    plan = planned(surface, minibatch, "sgd", theta0=1.0, dt=1.0, trajectories=32)

    growth, theta, _ = walk(plan, (0, 500))

    logs = np.log(np.abs(1 - a**2))
    # Against the mean over these examples, and that against E over the Gaussian: 5 standard errors each.
    assert abs(growth.mean() / 500 - logs.mean()) < 5 * logs.std() / math.sqrt(32 * 500)
    assert abs(logs.mean() + 0.4169916) < 5 * logs.std() / math.sqrt(300)
    np.testing.assert_allclose(growth[:, 0], np.log(np.abs(theta[:, 0, 0])), rtol=1e-6)


def test_central_differences_give_the_weighted_curvature_of_a_network(monkeypatch):
    x, y = RNG.standard_normal((6, 2)), RNG.integers(0, 2, 6)
    network = surfaces.MLP([2, 3, 2], x, y, loss="cross_entropy")
    theta, u = network.start, 1e20 * RNG.standard_normal(network.dim)
    weights = RNG.standard_normal(6)
    exact = 0.2 * network.hvp(theta, u)
    for i, w in enumerate(weights):
        exact -= w * surfaces.MLP([2, 3, 2], x[i : i + 1], y[i : i + 1], loss="cross_entropy").hvp(theta, u)

    def hvp(x, v, *rest):
        rest[-1][:, 0] = network.hvp(x[:, 0], v[:, 0])

    def weighted_grad(x, w, *rest):
        rest[-1][:, 0] = network.weighted_gradient(x[:, 0], w[:, 0])

    monkeypatch.setattr(tangent_kernels, "hvp", hvp, raising=False)
    monkeypatch.setattr(tangent_kernels, "weighted_grad", weighted_grad, raising=False)
    monkeypatch.setattr(tangent_kernels, "np", np, raising=False)
    work = np.empty((tangent_kernels.SCRATCH, network.dim, 1))
    tangent_kernels.push_weighted(
        theta[:, None], u[:, None], np.empty((0, 1)), weights[:, None], (None,) * 3, 0.2, work
    )

    np.testing.assert_allclose(work[0, :, 0], exact, rtol=0, atol=1e-9 * np.linalg.norm(u))


@pytest.mark.parametrize("case", ["double-well", "subsample", "momentum"])
def test_growth_has_the_same_bits_whatever_the_width_of_a_block(case):
    plan = planned(*CASES[case], trajectories=70)

    found = [walk(plan, (0, 8, 31), lanes)[0] for lanes in (1, 2, 3, 64)]

    assert len({f.tobytes() for f in found}) == 1


def simulate(**changes):
    surface, noises = CASES["double-well"]
    arguments = {
        "dt": 0.2, "steps": 40, "trajectories": 5, "seed": 3, "save_every": 1, "progress": False,
        "probes": probes(10),
    }  # fmt: skip
    return sdesim.simulate(surface, noises, **(arguments | changes))


def test_following_a_tangent_changes_no_bit_of_the_run_and_no_kernel():
    plan = planned(*CASES["double-well"])

    with_it, without = simulate(), simulate(probes=None)

    assert with_it.theta.values.tobytes() == without.theta.values.tobytes()
    text = combination_source(plan.kernel, plan.noise_kernels, plan.scheme)
    assert "tangent" not in text
    assert "tangent" in combination_source(plan.kernel, plan.noise_kernels, plan.scheme, True)


def test_a_resumed_run_goes_on_with_the_same_tangents(tmp_path, monkeypatch):
    whole = simulate(probes=probes(10, 3))

    class Stopped(Exception):
        pass

    def stop(done, total):
        if done >= 20:
            raise Stopped

    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", 0.0)
    with pytest.raises(Stopped):
        simulate(probes=probes(10, 3), out=tmp_path / "run.zarr", progress=stop)
    resumed = simulate(probes=probes(10, 3), out=tmp_path / "run.zarr", resume=True)

    assert resumed.tangent_growth.values.tobytes() == whole.tangent_growth.values.tobytes()
    assert np.isfinite(whole.tangent_growth.values[:3, 1:]).all()
    assert np.isnan(whole.tangent_growth.values[3:]).all()


def test_additive_noise_is_flagged_and_ended_trajectories_are_left_out():
    run = simulate(events=[events.Exit(lower=-0.9, upper=0.9)], theta0=0.0, steps=80)

    measured = sdesim.measure(run)
    assert all("additive_only" in f for f in measured["lyapunov_exponent_flags"].values.ravel())
    ended = run.stopped_step.values[:, None] <= run.probe_step.values
    assert ended.any()
    assert np.isnan(run.tangent_growth.values[ended]).all()
    # Per unit of time: 10 steps of 0.2.
    np.testing.assert_allclose(measured["lyapunov_exponent"].values, run.tangent_growth.values / 2)


def test_a_vanished_tangent_says_so_and_starts_anew():
    plan = planned(surfaces.Quadratic([1.0]), noise.Multiplicative(0.0), "sgd", theta0=1.0, dt=1.0)

    growth, _, _ = walk(plan, (0, 2, 4))

    assert (growth == -math.inf).all()


def test_a_scheme_that_cannot_be_followed_is_refused():
    with pytest.raises(
        SdesimError, match=r"^probes\.tangent: found scheme 'heun', allowed: auto, euler-maruyama, heavy"
    ):
        simulate(scheme="heun")
