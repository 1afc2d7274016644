"""The engine: laws against closed forms, and the same bits however the work is split."""

import math

import numpy as np
import pytest
import xarray as xr

import sdesim
from sdesim import events, noise, surfaces
from sdesim.engine.ensemble import Ensemble
from sdesim.engine.plan import make_plan
from sdesim.errors import RunError, SdesimError
from sdesim.runs import RunWriter

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
Y = RNG.integers(0, 2, 40)
NETWORK = surfaces.MLP([3, 4, 2], X, Y, loss="cross_entropy")
FULL = np.array([[0.3, 0.1], [0.1, 0.2]])
CASES = {
    "double-well": (surfaces.DoubleWell(), [noise.Gaussian(diffusion=0.1)]),
    "diagonal": (surfaces.Quadratic([1.0, 3.0]), [noise.Gaussian(diffusion=[0.1, 0.2])]),
    "full": (surfaces.Quadratic([1.0, 3.0]), [noise.Gaussian(diffusion=FULL)]),
    "stable": (surfaces.DoubleWell(dim=2), [noise.Stable(1.5, 0.1)]),
    "skewed": (surfaces.Quadratic([1.0, 3.0]), [noise.Stable(1.2, 0.1, skew=0.5)]),
    "isotropic": (surfaces.Quadratic([1.0, 3.0]), [noise.Stable(1.7, 0.1, structure="isotropic")]),
    "added": (surfaces.FlatSharp(1.0, 5.0, 3.0), [noise.Gaussian(diffusion=0.1), noise.Stable(1.8, 0.1)]),
    "minibatch": (NETWORK, [noise.Minibatch(NETWORK, 4, 0.1)]),
    "subsample": (
        NETWORK,
        [noise.Minibatch(NETWORK, 4, 0.1, law="subsample"), noise.Gaussian(diffusion=1e-4)],
    ),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def simulate(case, **changes):
    arguments = {"dt": 0.01, "steps": 41, "trajectories": 7, "seed": 3, "save_every": 10, "progress": False}
    return sdesim.simulate(*case, **(arguments | changes))


def same_bits(a, b):
    return a.tobytes() == b.tobytes()


def test_more_threads_give_the_same_bits(case):
    one = simulate(case, threads=1, trajectories=70)
    two = simulate(case, threads=2, trajectories=70)

    assert same_bits(one.theta.values, two.theta.values)
    assert same_bits(one.loss.values, two.loss.values)


def test_a_trajectory_is_the_same_whatever_runs_beside_it(case):
    few, many = simulate(case, trajectories=3), simulate(case, trajectories=130)

    assert same_bits(few.theta.values, many.theta.values[:3].copy())


def test_saving_more_often_gives_the_same_bits(case):
    sparse, dense = simulate(case, save_every=41), simulate(case, save_every=1)

    assert same_bits(sparse.theta.values[:, -1].copy(), dense.theta.values[:, -1].copy())


def saved_points(plan, count):
    """Room for θ, projections, norm and loss of all saved points."""
    shapes = [(plan.dim,), (len(plan.saved_directions),), (), ()]
    return tuple(np.zeros((count, len(plan.saved), *shape)) for shape in shapes)


@pytest.mark.parametrize("lanes", [1, 3, 8, 64])
def test_block_width_does_not_change_a_bit(case, lanes):
    surface, noises = case
    plan = make_plan(surface, noises, None, 0.01, 31, 11, 5, None, "euler-maruyama", 31, ("theta",), (), None)
    wide, narrow = saved_points(plan, 11), saved_points(plan, 11)

    Ensemble(plan, 1).advance(0, 31, plan.saved, wide, 0)
    Ensemble(plan, 1, lanes).advance(0, 31, plan.saved, narrow, 0)

    assert all(same_bits(a, b) for a, b in zip(wide, narrow, strict=True))


def test_walking_in_pieces_gives_the_same_bits(case):
    surface, noises = case
    plan = make_plan(surface, noises, None, 0.01, 31, 5, 5, None, "euler-maruyama", 31, ("theta",), (), None)
    whole, pieces = Ensemble(plan, 1), Ensemble(plan, 1)
    at_once, by_and_by = saved_points(plan, 5), saved_points(plan, 5)

    whole.advance(0, 31, plan.saved, at_once, 0)
    for start, end in ((0, 1), (1, 8), (8, 13), (13, 31)):
        known = plan.saved[((plan.saved > start) | (start == 0)) & (plan.saved <= end)]
        pieces.advance(
            start, end, known, by_and_by, int(np.searchsorted(plan.saved, known[0])) if len(known) else 0
        )

    assert same_bits(whole.state["x"], pieces.state["x"])
    assert all(same_bits(a, b) for a, b in zip(at_once, by_and_by, strict=True))


def test_a_resumed_run_has_the_same_bits(case, tmp_path, monkeypatch):
    probes = sdesim.Probes(every=10, samples=4)
    whole = simulate(case, probes=probes)

    class Stopped(Exception):
        pass

    def stop(done, total):
        if done >= 20:
            raise Stopped

    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", 0.0)
    with pytest.raises(Stopped):
        simulate(case, probes=probes, out=tmp_path / "run.zarr", progress=stop)
    assert not sdesim.open_run(tmp_path / "run.zarr").attrs["complete"]
    resumed = simulate(case, probes=probes, out=tmp_path / "run.zarr", resume=True)

    assert resumed.attrs["complete"]
    for name in whole.data_vars:
        assert same_bits(whole[name].values, resumed[name].values), name


def test_a_run_of_several_stored_chunks_interrupted_inside_one_has_the_same_bits(tmp_path, monkeypatch):
    arguments = {"steps": 1700, "save_every": 2, "probes": sdesim.Probes(every=130, samples=4)}
    whole = simulate(CASES["double-well"], **arguments)

    class Stopped(Exception):
        pass

    def stop(done, total):
        if done >= 910:
            raise Stopped

    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", 0.0)
    with pytest.raises(Stopped):
        simulate(CASES["double-well"], out=tmp_path / "run.zarr", progress=stop, **arguments)
    resumed = simulate(CASES["double-well"], out=tmp_path / "run.zarr", resume=True, **arguments)

    assert whole.sizes["step"] == 851
    for name in whole.data_vars:
        assert same_bits(whole[name].values, resumed[name].values), name


def test_a_run_killed_after_its_last_step_is_finished_by_resuming(tmp_path, monkeypatch):
    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            simulate(CASES["double-well"], out=tmp_path / "run.zarr")
    resumed = simulate(CASES["double-well"], out=tmp_path / "run.zarr", resume=True)

    assert resumed.attrs["complete"]
    assert (resumed.stopped_step.values == 41).all()
    assert same_bits(resumed.theta.values, simulate(CASES["double-well"]).theta.values)


def test_a_run_on_disk_equals_the_run_in_memory(case, tmp_path):
    memory = simulate(case, probes=sdesim.Probes(every=20, samples=4))
    disk = simulate(case, probes=sdesim.Probes(every=20, samples=4), out=tmp_path / "run.zarr")

    volatile = ("wall_time", "fingerprint", "coordinates")
    xr.testing.assert_identical(memory.drop_attrs(), disk.load().drop_attrs())
    for key, value in memory.attrs.items():
        assert key in volatile or disk.attrs[key] == value, key


def test_stationary_variance_of_euler_maruyama_on_a_quadratic_matches_the_closed_form():
    rate, diffusion, dt, n = 2.0, 0.5, 0.1, 40_000
    run = sdesim.simulate(
        surfaces.Quadratic(rate), noise.Gaussian(diffusion=diffusion), dt=dt, steps=200, trajectories=n,
        seed=1, save_every=200, progress=False,
    )  # fmt: skip

    # The chain x' = (1 − λ dt) x + √(2D dt) z has variance 2D dt/(1 − (1 − λ dt)²) = D/(λ (1 − λ dt/2)).
    expected = diffusion / (rate * (1 - rate * dt / 2))
    found = run.theta.values[:, -1, 0].var()
    # A sample variance of n normals has relative standard error √(2/n); 5 of them miss with chance 6e-7.
    assert abs(found / expected - 1) < 5 * math.sqrt(2 / n)


def test_stable_noise_on_a_quadratic_has_the_stationary_scale_of_the_chain():
    alpha, sigma, rate, dt, n = 1.5, 0.4, 1.0, 0.1, 40_000
    run = sdesim.simulate(
        surfaces.Quadratic(rate), noise.Stable(alpha, sigma), dt=dt, steps=200, trajectories=n, seed=2,
        save_every=200, progress=False,
    )  # fmt: skip

    # x' = a x + σ dt^{1/α} S is stable with scale^α = σ^α dt/(1 − a^α), a = 1 − λ dt.
    scale = (sigma**alpha * dt / (1 - (1 - rate * dt) ** alpha)) ** (1 / alpha)
    u = 1.0 / scale
    found = np.cos(u * run.theta.values[:, -1, 0]).mean()
    # E cos(uX) = exp(−(scale u)^α) = 1/e; its variance is below ½.
    assert abs(found - math.exp(-1)) < 5 * math.sqrt(0.5 / n)


def test_alpha_two_gives_the_bits_of_the_gaussian():
    gaussian = simulate((surfaces.DoubleWell(), [noise.Gaussian(diffusion=0.09)]))
    stable = simulate((surfaces.DoubleWell(), [noise.Stable(2.0, 0.3)]))

    np.testing.assert_allclose(gaussian.theta.values, stable.theta.values, rtol=1e-12)


def test_mean_exit_time_from_a_double_well_matches_the_exact_integral():
    n = 1000
    run = sdesim.simulate(
        surfaces.DoubleWell(), noise.Gaussian(diffusion=0.1), dt=2e-3, steps=250_000, trajectories=n,
        seed=4, save_every=250_000, events=[events.Exit(upper=0.0)], progress=False,
    )  # fmt: skip

    # (1/D) ∫_{−1}^0 e^{L/D} ∫_{−∞}^y e^{−L/D} = 30.82 by quadrature; nearly exponential times, so the
    # standard error is 1/√n; the discrete path is seen late by about 0.58 √(2D dt) of space, 1.5% of time.
    assert not run.exit_censored.values.any()
    assert abs(run.exit_time.values.mean() / 30.82 - 1) < 5 / math.sqrt(n) + 0.03
    assert (run.status.values == 2).all()


def test_exits_are_the_first_iterates_outside_and_stopped_trajectories_stay():
    case = (surfaces.Flat(1), [noise.Gaussian(diffusion=0.2)])
    free = simulate(case, save_every=1, steps=200, trajectories=40)
    stopped = simulate(
        case, save_every=1, steps=200, trajectories=40, events=[events.Exit(lower=-0.5, upper=0.7)]
    )

    x = free.theta.values[:, :, 0]
    outside = (x < -0.5) | (x > 0.7)
    first = np.where(outside.any(axis=1), outside.argmax(axis=1), -1)
    assert (first >= 0).any()
    assert (first < 0).any()
    expected = np.where(first >= 0, first * 0.01, np.nan)
    np.testing.assert_array_equal(stopped.exit_time.values[:, 0], expected)
    np.testing.assert_array_equal(stopped.exit_censored.values[:, 0], first < 0)
    for k in np.flatnonzero(first >= 0):
        assert (stopped.theta.values[k, first[k] :, 0] == x[k, first[k]]).all()


def test_starting_outside_is_an_exit_at_time_zero():
    run = simulate((surfaces.DoubleWell(), ()), theta0=2.0, events=[events.Exit(upper=1.0)])

    assert (run.exit_time.values == 0.0).all()
    assert (run.theta.values == 2.0).all()


def test_occupancy_counts_the_steps_after_which_a_trajectory_was_in_a_well():
    case = (surfaces.DoubleWell(barrier=0.05), [noise.Gaussian(diffusion=0.3)])
    run = simulate(case, save_every=1, steps=300, events=[events.Occupancy()])

    wells = surfaces.DoubleWell(barrier=0.05).well(run.theta.values[:, 1:])
    expected = np.stack([(wells == k).mean(axis=1) for k in (0, 1)], axis=1)
    np.testing.assert_allclose(run.occupancy.values, expected, atol=1e-12)
    assert list(run.well.values) == ["left", "right"]


def test_a_blown_up_trajectory_is_flagged_and_leaves_the_others_alone():
    start = np.array([[1.0], [60.0], [-1.0]])
    run = simulate((surfaces.DoubleWell(), ()), theta0=start, dt=0.5, trajectories=3, save_every=1)
    alone = simulate((surfaces.DoubleWell(), ()), theta0=1.0, dt=0.5, trajectories=1, save_every=1)

    assert run.status.values.tolist() == [0, 1, 0]
    left = int(run.stopped_step.values[1])
    assert np.isnan(run.theta.values[1, left:]).all()
    assert np.isfinite(run.theta.values[1, :left]).all()
    assert same_bits(run.theta.values[0].copy(), alone.theta.values[0].copy())


def test_tamed_euler_survives_where_euler_explodes():
    case = (surfaces.DoubleWell(), [noise.Stable(1.2, 2.0)])
    euler = simulate(case, dt=0.05, steps=400, trajectories=200)
    tamed = simulate(case, dt=0.05, steps=400, trajectories=200, scheme="tamed-euler")

    assert (euler.status.values == 1).any()
    assert (tamed.status.values == 0).all()


def test_a_subsample_step_at_dt_equal_to_eta_is_an_sgd_step():
    batch = noise.Minibatch(NETWORK, 4, 0.1, law="subsample")
    run = sdesim.simulate(NETWORK, batch, dt=0.1, steps=1, seed=9, progress=False)
    weights = noise.increments(batch.kernel(NETWORK.dim, 0.1, 0.1), 40, 1, seed=9)[0, 0]

    # The increments are −(count/B − 1/n) dt, so adding the drift leaves −dt count/B.
    counts = np.rint((weights / -0.1 + 1 / 40) * 4)
    assert counts.sum() == 4
    gradient = (counts / 4) @ NETWORK.example_gradients(NETWORK.start)
    np.testing.assert_allclose(run.theta.values[0, -1], NETWORK.start - 0.1 * gradient, atol=1e-14)


def test_c_is_read_at_the_learning_rate_so_halving_dt_leaves_it():
    surface = surfaces.Quadratic(np.linspace(1.0, 2.0, 20), center=1.0)
    noises = [noise.Gaussian(diffusion=0.2), noise.Stable(1.8, 0.1, structure="isotropic")]
    found = []
    for dt in (0.02, 0.01):
        run = sdesim.simulate(
            surface, noises, 0.0, dt=dt, steps=4, learning_rate=0.5, seed=6, progress=False,
            probes=sdesim.Probes(every=4, samples=64),
        )  # fmt: skip
        found.append(sdesim.measure(run))

    # The draws at step 0 are a function of (seed, trajectory, step) and η alone.
    for name in ("C_alpha", "C_star", "S", "lyapunov_drift", "noise"):
        assert found[0][name].values[0, 0] == found[1][name].values[0, 0], name


def test_c_of_a_gaussian_simulation_is_that_of_the_definition():
    dim, eta, diffusion = 50, 0.1, 0.3
    surface = surfaces.Quadratic(np.ones(dim), center=2.0)
    run = sdesim.simulate(
        surface, noise.Gaussian(diffusion=diffusion), 0.0, dt=1e-3, steps=1, learning_rate=eta,
        trajectories=16, probes=sdesim.Probes(every=1, samples=64), progress=False, seed=2,
    )  # fmt: skip
    m = sdesim.measure(run)

    # |∇L|² = 4d and Tr Σ = 2D d/η, so C = 2 η/D.
    expected = 2 * eta / diffusion
    found = m["C_alpha"].values[:, 0]
    # Relative error per probe √(2/(n d)) + 2/√(n d C), below 6%; the mean of 16, six standard errors.
    assert abs(found.mean() / expected - 1) < 6 * 0.06 / 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dt": -1.0}, "dt must be above 0"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"scheme": "euler"}, "scheme: found 'euler', allowed: baoab, "),
        ({"theta0": np.zeros(3)}, "theta0: found 3 numbers, allowed: 1, the surface's dimension"),
        ({"theta0": np.zeros((3, 1))}, "theta0: found 3 rows, allowed: 1, one for each trajectory"),
        ({"save": ("thetas",)}, "save takes"),
        ({"noise": [noise.Gaussian(diffusion=[1.0, 2.0])]}, r"noise\[0\]: diffusion is for 2 coordinates"),
        (
            {"events": [events.Exit(upper=1.0, coordinate=4)]},
            r"events\[0\].coordinate: found 4, allowed: 0 to 0, the surface's",
        ),
        ({"threads": 0}, "threads must be at least 1"),
        ({"resume": True}, "resume=True needs out"),
    ],
)
def test_bad_arguments_are_refused_in_the_users_words(changes, message):
    arguments = {"dt": 0.01, "steps": 2, "progress": False} | changes
    with pytest.raises(SdesimError, match=message):
        sdesim.simulate(surfaces.DoubleWell(), **arguments)


def test_minibatch_noise_of_another_surface_is_refused():
    other = surfaces.MLP([3, 4, 2], X + 1, Y, loss="cross_entropy")

    with pytest.raises(SdesimError, match="surface that is simulated"):
        simulate((NETWORK, [noise.Minibatch(other, 4, 0.1)]))


def test_an_existing_path_is_never_overwritten(tmp_path):
    simulate(CASES["double-well"], out=tmp_path / "run.zarr")

    with pytest.raises(RunError, match="exists already"):
        simulate(CASES["double-well"], out=tmp_path / "run.zarr")


def test_resuming_with_other_arguments_is_refused(tmp_path):
    simulate(CASES["double-well"], out=tmp_path / "run.zarr")

    with pytest.raises(RunError, match=r"other arguments \(seed was 3, is 4\): choose another out"):
        simulate(CASES["double-well"], out=tmp_path / "run.zarr", resume=True, seed=4)
