"""Curvature, S and the index, from what a run holds of its curvature and path."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim import simulate, surfaces
from sdesim.runs import Probes, measure
from tests.runs.bowl_run import CURVATURE, SAMPLES, make_run
from tests.runs.synthetic_run import normal, synthetic


def test_measured_curvature_drift_and_i_follow_their_definitions():
    run = make_run()
    m = measure(run)
    theta = run.theta.values[0, 20]
    eta, grad = 0.1, CURVATURE @ theta
    hessian_noise = 0.09 * np.trace(CURVATURE)

    assert m["lambda_max"].values[0, 1] == pytest.approx(3.0, rel=1e-3)
    assert m["S"].values[0, 1] == pytest.approx(2 - eta * 3.0, rel=1e-3)
    assert m["S_literal"].values[0, 1] == pytest.approx(2 * eta - 3.0, rel=1e-3)
    # |μ|² is known to 2|μ| 0.3/√24 and Tr(HΣ) to a factor of two; six standard errors.
    slack = 6 * (2 * np.linalg.norm(grad) * 0.3 / np.sqrt(SAMPLES) + 0.5 * eta * hessian_noise)
    assert abs(m["lyapunov_drift"].values[0, 1] + grad @ grad - 0.5 * eta * hessian_noise) < slack
    i = m["p"].values * m["S"].values / 2 / m["d_H"].values
    np.testing.assert_allclose(m["I"].values, i)
    literal = m["p_literal"].values * m["S_literal"].values / m["d_H_literal"].values
    np.testing.assert_allclose(m["I_literal"].values, literal)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.01, 50.0))
def test_curvature_scales_with_the_loss_and_s_only_with_eta_times_curvature(scale):
    one, more = (measure(synthetic(normal((1, 2, 12, 4)), steps=5, scale=s)) for s in (1.0, scale))

    np.testing.assert_allclose(more["lambda_max"].values, scale * one["lambda_max"].values)
    np.testing.assert_allclose(2 - more["S"].values, scale * (2 - one["S"].values), atol=1e-12)
    np.testing.assert_allclose(
        0.2 - more["S_literal"].values, scale * (0.2 - one["S_literal"].values), atol=1e-12
    )
    # Curvature says nothing of C, and C* is proportional to it.
    np.testing.assert_array_equal(more["C_alpha"].values, one["C_alpha"].values)
    np.testing.assert_allclose(more["C_star"].values, scale * one["C_star"].values)


@pytest.mark.parametrize(
    "optimizer",
    [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"momentum": 0.5, "dampening": 0.5},
     {"momentum": 0.9, "weight_decay": 0.3}],
)  # fmt: skip
def test_s_is_that_of_the_runs_optimizer(optimizer):
    m = measure(synthetic(normal((1, 2, 12, 4)), steps=5, **optimizer))

    for s, sharpness in zip(m["S"].values.ravel(), m["lambda_max"].values.ravel(), strict=True):
        assert s == pytest.approx(est.stability_margin(sharpness, 0.1, **optimizer).value, rel=1e-12)


@given(st.integers(0, 200), st.floats(0.1, 10.0))
def test_lambda_max_is_equivariant_under_scaling_of_the_operator(seed, scale):
    a = np.random.default_rng(seed).standard_normal((8, 8))
    h = a + a.T

    one, more = est.lambda_max(lambda v: h @ v, 8), est.lambda_max(lambda v: scale * (h @ v), 8)

    assert more.value == pytest.approx(scale * one.value, rel=1e-6, abs=1e-9)
    s, same = est.stability_margin(one, 0.1), est.stability_margin(more, 0.1 / scale)
    assert s.value == pytest.approx(same.value, rel=1e-6, abs=1e-9)


def test_curvature_probes_alone_give_S_and_no_C():
    surface = surfaces.Quadratic([1.0, 2.0, 3.0])
    bowl = simulate(
        surface, [], 1.0, dt=0.1, steps=40, seed=1,
        probes=Probes(10, 20, estimators=("curvature",)), progress=False,
    )  # fmt: skip

    found = measure(bowl)

    # S = 2(1 - lambda/lambda_crit) at lambda = 3 and lambda_crit = 2/0.1, to Lanczos's own residual.
    np.testing.assert_allclose(found["S"], 2 * (1 - 3 / 20), rtol=1e-6)
    assert "C_alpha" not in found
