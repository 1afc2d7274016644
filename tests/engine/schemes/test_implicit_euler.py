"""The implicit Euler step solves its equation, lane by lane."""

import numpy as np
import pytest

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
