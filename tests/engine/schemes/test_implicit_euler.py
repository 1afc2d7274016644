"""The implicit Euler step solves its equation, lane by lane."""

import numpy as np
import pytest

import sdesim
from sdesim import surfaces
from sdesim.engine import drive
from tests.engine.schemes.twins import GAUSSIAN, WELL


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


def drift(function, dim):
    """A drift that is the gradient of nothing, as minus a surface's gradient."""
    return surfaces.custom(lambda x: 0.0, function, dim=dim, conservative=False)


def test_implicit_euler_solves_an_oscillator_whose_jacobian_is_not_symmetric():
    oscillator = drift(lambda x: np.array([-x[1], 100 * x[0] + x[1]]), 2)
    path = drive(oscillator, [GAUSSIAN], [1.0, 0.0], np.zeros((2, 1, 2)), dt=0.1, scheme="implicit-euler")

    # (I − dt A) y = x with A = [[0, 1], [−100, −1]].
    matrix = np.array([[1.0, -0.1], [10.0, 1.1]])
    first = np.linalg.solve(matrix, [1.0, 0.0])
    assert np.allclose(first, [11 / 21, -100 / 21])
    assert np.allclose(path[:, 0], [first, np.linalg.solve(matrix, first)], rtol=1e-11, atol=0)


def test_implicit_euler_follows_the_drift_past_a_fold_where_newtons_method_gets_stuck():
    # FitzHugh–Nagumo, its fast part 12.5 times as fast, at a dt of many of its relaxation times.
    def slope(x):
        return np.array([-(x[0] - x[0] ** 3 / 3 - x[1] + 0.5) * 12.5, -(x[0] + 0.7 - 0.8 * x[1])])

    i = np.sqrt(0.1) * np.random.default_rng(0).standard_normal((100, 32, 2))
    surface = drift(slope, 2)
    path = drive(surface, [GAUSSIAN], 0.0, i, dt=1.0, scheme="implicit-euler")

    before = np.concatenate([np.zeros((1, 32, 2)), path[:-1]])
    left = path + 1.0 * surface.grad(path) - (before + i)
    assert np.abs(left).max() < 1e-10


def test_implicit_euler_solves_many_coordinates_with_a_jacobian_that_is_not_symmetric():
    # y + dt A y = c with A of eigenvalues 0.5 ± 40i on a ring: GMRES, against a dense solution.
    dim, dt = 40, 0.5
    matrix = 0.5 * np.eye(dim) + 20 * (np.roll(np.eye(dim), 1, axis=0) - np.roll(np.eye(dim), -1, axis=0))
    surface = drift(lambda x: matrix @ x, dim)
    i = np.random.default_rng(3).standard_normal((2, 3, dim))
    path = drive(surface, [GAUSSIAN], 0.0, i, dt=dt, scheme="implicit-euler")

    first = np.linalg.solve(np.eye(dim) + dt * matrix, i[0].T).T
    second = np.linalg.solve(np.eye(dim) + dt * matrix, (first + i[1]).T).T
    # The residual is 1e-12 of |c|, and the smallest singular value of I + dt A is 1.25.
    assert np.abs(path - [first, second]).max() < 1e-11
    alone = drive(surface, [GAUSSIAN], 0.0, i[:, 1:2], dt=dt, scheme="implicit-euler")
    assert alone.tobytes() == path[:, 1:2].tobytes()


def test_a_step_without_a_solution_ends_its_trajectory_and_is_counted():
    # y − dt y² = c has a solution for c ≤ 1/(4 dt) = 0.25 only.
    run = sdesim.simulate(
        drift(lambda x: -x * x, 1), theta0=[[0.1], [0.3], [-2.0]], dt=1.0, steps=3, trajectories=3,
        scheme="implicit-euler", save_every=1, progress=False,
    )  # fmt: skip

    assert run["status"].values.tolist() == [0, 3, 0]
    assert run["unsolved_steps"].values.tolist() == [0, 1, 0]
    assert run["stopped_step"].values.tolist() == [3, 1, 3]
    assert np.isnan(run["theta"].values[1, 1:]).all()
    y = np.array([0.1, -2.0])
    for k in (1, 2, 3):
        y = (1 - np.sqrt(1 - 4 * y)) / 2
        assert np.allclose(run["theta"].values[[0, 2], k, 0], y, rtol=1e-10)
