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


def test_the_smallest_eigenvalue_lies_below_its_ritz_value_and_is_flagged_where_loose():
    run = make_run()
    run["lambda_min"].values[:] = -0.5
    residual = run["curvature_residual_min"].values
    residual[0], residual[1] = 0.01, 0.2

    found = measure(run)

    np.testing.assert_allclose(found["lambda_min_low"].values, -0.5 - residual)
    np.testing.assert_array_equal(found["lambda_min_high"].values, -0.5)
    # 0.2 is more than a hundredth of the largest eigenvalue, 3.
    loose = np.char.find(found["lambda_min_flags"].values.astype(str), "not_converged") >= 0
    np.testing.assert_array_equal(loose, [[False] * 3, [True] * 3])
    assert "not_converged" not in str(found["lambda_max_flags"].values)


@pytest.mark.parametrize(
    ("lowest", "residual", "literal"),
    [(-2.0, 0.1, 3.0), (-2.9, 0.02, 3.0), (-4.0, 0.01, -4.0), (-2.9, 0.2, np.nan), (-4.0, 0.2, np.nan)],
)
def test_the_largest_magnitude_is_left_open_where_the_lowest_is_too_loose_to_tell(lowest, residual, literal):
    run = make_run()
    run["lambda_min"].values[:] = lowest
    run["curvature_residual_min"].values[:] = residual

    found = measure(run)

    np.testing.assert_allclose(found["lambda_max"].values, 3.0, rtol=1e-3)
    np.testing.assert_allclose(found["lambda_max_literal"].values, literal, rtol=1e-3)


def test_a_run_without_its_residual_has_no_interval_of_the_smallest_eigenvalue():
    found = measure(make_run().drop_vars("curvature_residual_min"))

    assert np.isfinite(found["lambda_min"].values).all()
    assert np.isnan(found["lambda_min_low"].values).all()
