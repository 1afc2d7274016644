"""Each scheme against a plain NumPy twin of its update, and what each one promises or refuses."""

import math

import numpy as np
import pytest

import sdesim
from sdesim import noise, schemes, surfaces
from sdesim.engine import drive
from sdesim.engine.ensemble import Ensemble
from sdesim.engine.plan import make_plan
from sdesim.errors import SdesimError

DT, D, S, BETA, FRICTION = 0.05, 0.3, 0.4, 0.8, 1.5
WELL = surfaces.DoubleWell(dim=2, barrier=0.5, tilt=0.1)
BOWL = surfaces.Quadratic([1.0, 2.5], center=0.3)
GAUSSIAN, MULTIPLICATIVE = noise.Gaussian(diffusion=D), noise.Multiplicative(S)
# The two combinations of surface and noise that the twins run on, and the increment ΔN(θ) of given numbers.
ADDITIVE = (WELL, GAUSSIAN, math.sqrt(2 * D * DT), 0.0, lambda x, i: i)
PRODUCT = (BOWL, MULTIPLICATIVE, S * math.sqrt(DT), S**2, lambda x, i: x * i)


def euler_maruyama(x, v, i, j, grad, at, rate):
    return x - DT * grad(x) + at(x, i), v


def tamed_euler(x, v, i, j, grad, at, rate):
    g = grad(x)
    return x - DT * g / (1 + DT * np.linalg.norm(g, axis=1, keepdims=True)) + at(x, i), v


def heun(x, v, i, j, grad, at, rate):
    """In the sense of Itô: the drift of the Stratonovich equation is −∇L − ½ s² x."""

    def drift(y):
        return -grad(y) - 0.5 * rate * y

    y = x + DT * drift(x) + at(x, i)
    return x + 0.5 * DT * (drift(x) + drift(y)) + 0.5 * (at(x, i) + at(y, i)), v


def sra1(x, v, i, j, grad, at, rate):
    """Rößler's tableau: c₀ = A₀ = ¾, B₀ = 3/2, α = (⅓, ⅔), with I₍₁,₀₎ = ½ dt (ΔN + ΔN′/√3)."""
    integral = 0.5 * DT * (i + j / math.sqrt(3))
    y = x - 0.75 * DT * grad(x) + 1.5 * integral / DT
    return x - DT * (grad(x) / 3 + 2 * grad(y) / 3) + i, v


def milstein(x, v, i, j, grad, at, rate):
    if rate == 0:
        return x - DT * grad(x) + i, v
    return x - DT * grad(x) + x * i + 0.5 * x * (i**2 - rate * DT), v


def baoab(x, v, i, j, grad, at, rate):
    """B A O A B with the full last half kick, unlike the kernel, which leaves it to the next step."""
    v = v - 0.5 * DT * grad(x)
    x = x + 0.5 * DT * v
    kept = math.exp(-FRICTION * DT)
    v = kept * v + math.sqrt(D * (1 - kept**2)) * i / math.sqrt(2 * D * DT)
    x = x + 0.5 * DT * v
    return x, v - 0.5 * DT * grad(x)


def heavy_ball(x, v, i, j, grad, at, rate):
    g = grad(x) - at(x, i) / DT
    v = BETA * v + g
    return x - DT * v, v


def nesterov(x, v, i, j, grad, at, rate):
    g = grad(x) - at(x, i) / DT
    v = BETA * v + g
    return x - DT * (g + BETA * v), v


TWINS = {
    "euler-maruyama": ("euler-maruyama", euler_maruyama),
    "tamed-euler": ("tamed-euler", tamed_euler),
    "heun": ("heun", heun),
    "sra1": ("sra1", sra1),
    "milstein": ("milstein", milstein),
    "baoab": (schemes.BAOAB(friction=FRICTION), baoab),
    "heavy-ball": (schemes.HeavyBall(momentum=BETA), heavy_ball),
    "nesterov": (schemes.HeavyBall(momentum=BETA, nesterov=True), nesterov),
}


def against_twin(case, scheme, twin):
    surface, driving, scale, rate, at = case
    rng = np.random.default_rng(3)
    i, j = scale * rng.standard_normal((2, 20, 5, 2))
    start = rng.standard_normal((5, 2))
    found = drive(surface, [driving], start, i, dt=DT, scheme=scheme, auxiliary=j)

    x, v, expected = start, np.zeros((5, 2)), []
    for n in range(20):
        x, v = twin(x, v, i[n], j[n], surface.grad, at, rate)
        expected.append(x)
    # Twenty steps of a few roundings each.
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", TWINS)
def test_a_step_with_additive_noise_is_that_of_its_numpy_twin(name):
    against_twin(ADDITIVE, *TWINS[name])


@pytest.mark.parametrize("name", [n for n in TWINS if n not in ("sra1", "baoab", "nesterov")])
def test_a_step_with_multiplicative_noise_is_that_of_its_numpy_twin(name):
    against_twin(PRODUCT, *TWINS[name])


def residual(surface, path, start, i, dt):
    """|y + dt ∇L(y) − c| relative to √(1 + |c|²), c the state before plus the increment: (steps, K)."""
    c = np.concatenate([np.broadcast_to(start, i.shape[1:])[None], path[:-1]]) + i
    r = np.linalg.norm(path + dt * surface.grad(path) - c, axis=2)
    return r / np.sqrt(1 + np.sum(c**2, axis=2))


def rotated(dim, largest):
    q = np.linalg.qr(np.random.default_rng(5).standard_normal((dim, dim)))[0]
    return surfaces.Quadratic(np.geomspace(0.1, largest, dim), rotation=q)


@pytest.mark.parametrize(
    ("surface", "dt", "size"),
    [(WELL, 0.05, 0.2), (WELL, 0.4, 3.0), (rotated(12, 50.0), 1.0, 1.0), (rotated(12, 1e4), 0.5, 10.0)],
)
def test_implicit_euler_solves_its_equation_to_the_stated_residual(surface, dt, size):
    i = size * np.random.default_rng(1).standard_normal((10, 6, surface.dim))
    path = drive(surface, [GAUSSIAN], 0.5, i, dt=dt, scheme="implicit-euler")

    # The residual stated is 1e-12; rounding of ∇L in the check itself adds dt |∇L| 2⁻⁵² or so.
    assert residual(surface, path, 0.5, i, dt).max() < 2e-12


def test_implicit_euler_returns_from_a_jump_of_a_million_on_a_quartic():
    i = np.zeros((1, 3, 2))
    i[0, :, 0] = [1e6, -1e6, 30.0]
    path = drive(WELL, [GAUSSIAN], 0.0, i, dt=0.1, scheme="implicit-euler")

    # Far out y + dt 4b y³ = c, so y is near (c/(4b dt))^{1/3}.
    assert residual(WELL, path, 0.0, i, 0.1).max() < 2e-12
    assert abs(path[0, 0, 0] / (1e6 / 0.2) ** (1 / 3) - 1) < 1e-3
    assert abs(path[0, 1, 0] / -((1e6 / 0.2) ** (1 / 3)) - 1) < 1e-3


@pytest.mark.parametrize("surface", [WELL, rotated(12, 50.0)], ids=["double-well", "rotated"])
def test_implicit_euler_gives_a_lane_the_same_bits_alone_and_among_others(surface):
    i = np.random.default_rng(2).standard_normal((8, 64, surface.dim))
    # Lanes take different numbers of rounds: some jump far, some stay.
    i[3, ::3] *= 100.0
    together = drive(surface, [GAUSSIAN], 0.2, i, dt=0.3, scheme="implicit-euler")

    for width in (1, 2, 3, 7):
        few = drive(surface, [GAUSSIAN], 0.2, i[:, :width], dt=0.3, scheme="implicit-euler")
        assert few.tobytes() == together[:, :width].tobytes(), width
    last = drive(surface, [GAUSSIAN], 0.2, i[:, 63:], dt=0.3, scheme="implicit-euler")
    assert last.tobytes() == together[:, 63:].tobytes()


def test_implicit_euler_keeps_the_lanes_beside_one_that_is_not_finite():
    i = np.random.default_rng(2).standard_normal((5, 3, 2))
    i[0, 1] = 1e200
    path = drive(WELL, [GAUSSIAN], 0.2, i, dt=0.3, scheme="implicit-euler")
    alone = drive(WELL, [GAUSSIAN], 0.2, i[:, :1], dt=0.3, scheme="implicit-euler")

    assert path[:, :1].tobytes() == alone.tobytes()


def test_sgd_is_the_update_of_a_numpy_loop_bit_for_bit():
    eta, start = 0.0625, np.array([[1.3, -0.7]])
    path = drive(BOWL, [GAUSSIAN], start, np.zeros((50, 1, 2)), dt=eta, scheme="sgd")

    # η is a power of two, so η g is exact and one rounding is left, fused or not.
    theta = start.copy()
    for n in range(50):
        theta -= eta * BOWL.grad(theta)
        assert path[n].tobytes() == theta.tobytes()


def test_sgd_refuses_a_step_that_is_not_the_learning_rate():
    with pytest.raises(SdesimError, match=r"^dt: found 0\.05, allowed: 0\.1, the learning rate, by which"):
        sdesim.simulate(BOWL, dt=0.05, learning_rate=0.1, steps=2, scheme="sgd", progress=False)


@pytest.mark.parametrize("nesterov_form", [False, True])
def test_heavy_ball_at_dt_equal_to_eta_is_torchs_momentum_sgd_on_the_same_batches(nesterov_form):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((30, 3)), rng.standard_normal(30)
    surface = surfaces.LeastSquares(x, y)
    batch, eta, steps = noise.Minibatch(surface, 5, 0.1, law="subsample"), 0.1, 25
    run = sdesim.simulate(
        surface, batch, 0.0, dt=eta, steps=steps, seed=8, save_every=1, progress=False,
        scheme=schemes.HeavyBall(momentum=0.9, nesterov=nesterov_form),
    )  # fmt: skip
    weights = noise.increments(batch.kernel(3, eta, eta), 30, 1, steps, seed=8)[:, 0]
    # The increments are −η (count/B − 1/n).
    counts = np.rint((weights / -eta + 1 / 30) * 5).astype(int)

    theta = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=eta, momentum=0.9, nesterov=nesterov_form)
    for n in range(steps):
        chosen = np.repeat(np.arange(30), counts[n])
        assert len(chosen) == 5
        loss = 0.5 * torch.mean((torch.tensor(x[chosen]) @ theta - torch.tensor(y[chosen])) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected = theta.detach().numpy()
        np.testing.assert_allclose(run.theta.values[0, n + 1], expected, rtol=1e-10, atol=1e-12)


def test_stationary_variance_of_baoab_on_a_quadratic_is_exact_at_any_step():
    rates, dt, friction, count = np.array([1.0, 2.5]), 0.9, 2.0, 20_000
    rng = np.random.default_rng(6)
    i = math.sqrt(2 * D * dt) * rng.standard_normal((40, count, 2))
    path = drive(
        surfaces.Quadratic(rates), [GAUSSIAN], 0.0, i, dt=dt, scheme=schemes.BAOAB(friction=friction)
    )

    # B A O A B is linear: with z = (q, p), z′ = M z + (½ dt, 1 − λ dt²/4)ᵀ c ξ, and the P that solves
    # P = M P Mᵀ + c² b bᵀ has P_qq = D/λ whatever dt < 2/√λ is.
    exact = []
    for rate in rates:
        kept = math.exp(-friction * dt)
        kick = np.array([[1.0, 0.0], [-0.5 * dt * rate, 1.0]])
        drift = np.array([[1.0, 0.5 * dt], [0.0, 1.0]])
        b = kick @ drift @ np.array([0.0, math.sqrt(D * (1 - kept**2))])
        m = kick @ drift @ np.diag([1.0, kept]) @ drift @ kick
        p = np.linalg.solve(np.eye(4) - np.kron(m, m), np.outer(b, b).ravel())
        exact.append(p[0])
        # What is left of the start after 40 steps is below the statistical error.
        assert np.abs(np.linalg.eigvals(np.linalg.matrix_power(m, 40))).max() < 1e-3
    np.testing.assert_allclose(exact, D / rates, rtol=1e-12)
    # A sample variance of n normals has relative standard error √(2/n); 5 of them miss with chance 6e-7.
    assert np.abs(path[-1].var(axis=0) / exact - 1).max() < 5 * math.sqrt(2 / count)


MINIBATCH_SURFACE = surfaces.MLP([2, 2], np.eye(2), np.eye(2))
SORTS = {
    "gaussian": (GAUSSIAN, "Gaussian noise"),
    "levy": (noise.Stable(1.5, 0.1), "Lévy noise"),
    "multiplicative": (MULTIPLICATIVE, "multiplicative noise"),
    "minibatch": (noise.Minibatch(MINIBATCH_SURFACE, 1, 0.1), "minibatch noise"),
}


@pytest.mark.parametrize("scheme", sdesim.SCHEMES)
@pytest.mark.parametrize("sort", SORTS)
def test_a_scheme_takes_the_noises_that_it_states_and_refuses_others_by_name(scheme, sort):
    driving, words = SORTS[sort]
    surface = MINIBATCH_SURFACE if sort == "minibatch" else WELL
    stated = sdesim.SCHEMES[scheme].strong_order
    assert stated.keys() == sdesim.SCHEMES[scheme].weak_order.keys()

    def plan():
        return make_plan(surface, driving, None, 0.1, 2, 1, 0, None, scheme, None, ("loss",), (), None)

    if sort in stated:
        assert plan().scheme.name == scheme
    else:
        with pytest.raises(SdesimError, match=f"scheme '{scheme}' takes .*can't take {words}") as caught:
            plan()
        assert "\n" not in str(caught.value)


def test_a_truncated_jump_is_still_levy_noise():
    with pytest.raises(SdesimError, match=r"'sra1' .* can't take Lévy"):
        sdesim.simulate(WELL, noise.Stable(1.5, 0.1, truncation=1.0), dt=0.1, steps=1, scheme="sra1")


def test_milstein_refuses_additive_and_multiplicative_noise_together():
    with pytest.raises(SdesimError, match="'milstein' takes additive or multiplicative noise, not both"):
        sdesim.simulate(WELL, [GAUSSIAN, MULTIPLICATIVE], dt=0.1, steps=1, scheme="milstein")


def test_an_unknown_scheme_and_wrong_parameters_are_refused():
    with pytest.raises(SdesimError, match=r"^scheme: found 'rk4', allowed: baoab, euler-maruyama, "):
        sdesim.simulate(WELL, dt=0.1, steps=1, scheme="rk4")
    with pytest.raises(SdesimError, match=r"^momentum: found 1\.0, allowed: a number below 1$"):
        schemes.HeavyBall(momentum=1.0)
    with pytest.raises(SdesimError, match=r"^friction: found 0\.0, allowed: a number above 0$"):
        schemes.BAOAB(friction=0.0)


def simulate(scheme, **changes):
    arguments = {"dt": 0.05, "steps": 41, "trajectories": 9, "seed": 3, "save_every": 10, "progress": False}
    return sdesim.simulate(WELL, GAUSSIAN, scheme=scheme, **(arguments | changes))


# One scheme with a second state, one with a second set of increments.
@pytest.mark.parametrize("scheme", ["baoab", "sra1"])
def test_threads_neighbours_block_width_and_resuming_change_no_bit(scheme, tmp_path, monkeypatch):
    whole = simulate(scheme, threads=1)

    class Stopped(Exception):
        pass

    def stop(done, total):
        if done >= 20:
            raise Stopped

    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", 0.0)
    probes = sdesim.Probes(every=10, samples=2)
    with pytest.raises(Stopped):
        simulate(scheme, probes=probes, out=tmp_path / "run.zarr", progress=stop)
    resumed = simulate(scheme, probes=probes, out=tmp_path / "run.zarr", resume=True)
    many = simulate(scheme, threads=2, trajectories=70)

    assert resumed.attrs["complete"]
    assert resumed.theta.values.tobytes() == whole.theta.values.tobytes()
    assert many.theta.values[:9].tobytes() == whole.theta.values.tobytes()
    plan = make_plan(WELL, GAUSSIAN, None, 0.05, 41, 9, 3, None, scheme, 10, ("theta",), (), None)
    unsaved = tuple(np.zeros((9, 0, *shape)) for shape in ((2,), (len(plan.directions),), (), ()))
    for lanes in (1, 2, 3):
        ensemble = Ensemble(plan, 1, lanes)
        ensemble.advance(0, 41, plan.saved[:0], unsaved, 0)
        assert ensemble.portable()["x"].T.tobytes() == whole.theta.values[:, -1].tobytes(), lanes
