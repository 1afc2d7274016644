"""The B A O A B step against its NumPy twin, and its stationary variance."""

import math

import numpy as np

from sdesim import schemes, surfaces
from sdesim.engine import drive
from tests.engine.schemes.twins import ADDITIVE, DT, FRICTION, GAUSSIAN, D, against_twin


def baoab(x, v, i, j, grad, at, rate):
    """B A O A B with the full last half kick, unlike the kernel, which leaves it to the next step."""
    v = v - 0.5 * DT * grad(x)
    x = x + 0.5 * DT * v
    kept = math.exp(-FRICTION * DT)
    v = kept * v + math.sqrt(D * (1 - kept**2)) * i / math.sqrt(2 * D * DT)
    x = x + 0.5 * DT * v
    return x, v - 0.5 * DT * grad(x)


def test_a_step_of_baoab_is_that_of_its_numpy_twin():
    against_twin(ADDITIVE, schemes.BAOAB(friction=FRICTION), baoab)


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
