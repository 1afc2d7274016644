"""The one probe that both arms answer: sums of the draws, curvature, and the optimizer's metric."""

import numpy as np
import pytest

from sdesim.errors import RunError
from sdesim.estimators.core.covariance import FactorCovariance, GradientMoments
from sdesim.runs import GradientOracle, probe, probe_rng, projection_directions
from sdesim.runs.curvature import CurvatureMetric
from sdesim.runs.exact_moments import Exactness
from sdesim.runs.schema import CURVATURE_PROBE, GRADIENT_PROBE, GROUP_PROBE
from tests.runs.bowl_run import CURVATURE, DIM, SAMPLES, Bowl

THETA = np.array([1.0, -1.0, 0.5, 2.0, 0.0, 1.0])


def drawn(n=SAMPLES):
    """The gradients that a probe with the generator of (1, 0, 0) sees."""
    return Bowl().gradients(THETA, n, probe_rng(1, 0, 0))


def probed(**settings):
    return probe(
        Bowl(), THETA, **{"samples": SAMPLES, "rng": probe_rng(1, 0, 0), "step_size": 0.1, **settings}
    )


def metric(trained=(True,) * DIM, scale=None, decay=None, critical=20.0):
    return CurvatureMetric(np.array(trained), scale, decay, critical)


def test_the_protocol_is_recognised():
    assert isinstance(Bowl(), GradientOracle)


def test_sums_are_those_of_the_drawn_gradients():
    g, directions = drawn(), projection_directions(DIM, 3)
    mean = g.mean(axis=0)

    found = probed(directions=directions, groups={"a": slice(0, 2), "b": slice(2, 6)}, curvature=False)

    assert set(found) == {"step_size", *GRADIENT_PROBE, *GROUP_PROBE}
    assert (found["step_size"], found["gradient_samples"]) == (0.1, SAMPLES)
    assert found["signal"] == pytest.approx(mean @ mean, rel=1e-12)
    assert found["noise"] == pytest.approx(g.var(axis=0, ddof=1).sum(), rel=1e-10)
    np.testing.assert_allclose(found["gradient_norm2"], (g**2).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found["gradient_dot_mean"], g @ mean, rtol=1e-12)
    np.testing.assert_allclose(found["gradient_projection"], g @ directions.T, rtol=1e-12)
    for name, per_coordinate in (("signal", mean**2), ("noise", g.var(axis=0, ddof=1))):
        parts = [per_coordinate[:2].sum(), per_coordinate[2:].sum()]
        np.testing.assert_allclose(found[f"group_{name}"], parts, rtol=1e-10)


def test_curvature_is_that_of_the_hessian_at_both_ends_and_along_the_draws():
    g = drawn()
    mean, centred = g.mean(axis=0), g[:8] - g.mean(axis=0)
    terms = np.einsum("ij,jk,ik->i", centred, CURVATURE, centred) * SAMPLES / (SAMPLES - 1)

    found = probed(gradient=False)

    assert set(found) == {"step_size", *CURVATURE_PROBE}
    # Lanczos stops at residuals of 1e-3 of the largest eigenvalue, within which one lies.
    assert found["curvature_residual"] <= 3e-3
    assert found["lambda_max"] == pytest.approx(3.0, abs=3e-3)
    assert found["lambda_min"] == pytest.approx(-0.2, abs=3e-3)
    assert found["hessian_signal"] == pytest.approx(mean @ CURVATURE @ mean, rel=1e-12)
    bends = (g @ CURVATURE @ mean).std(ddof=1)
    assert found["hessian_signal_error"] == pytest.approx(2 * bends / np.sqrt(SAMPLES), rel=1e-10)
    assert found["hessian_noise"] == pytest.approx(terms.mean(), rel=1e-10)
    assert found["hessian_noise_error"] == pytest.approx(terms.std(ddof=1) / np.sqrt(8), rel=1e-10)


def test_coordinates_that_do_not_move_are_left_out_of_gradients_and_curvature():
    trained = np.array([True, True, False, True, True, False])
    g = drawn() * trained

    found = probed(metric=metric(trained))

    assert found["signal"] == pytest.approx((g.mean(axis=0) ** 2).sum(), rel=1e-12)
    assert found["noise"] == pytest.approx(g.var(axis=0, ddof=1).sum(), rel=1e-10)
    # Without the third and sixth the Hessian is diag(1, 2, 0.5, 0.1).
    assert found["lambda_max"] == pytest.approx(2.0, abs=2e-3)
    assert found["lambda_min"] == pytest.approx(0.1, abs=2e-3)
    assert found["critical_sharpness"] == 20.0
    frozen = probed(metric=metric((False,) * DIM))
    assert (frozen["signal"], frozen["noise"]) == (0.0, 0.0)
    assert "lambda_max" not in frozen


def test_an_adaptive_optimizer_meets_the_curvature_in_its_own_metric():
    scale, decay = np.array([1.0, 4.0, 0.1, 1.0, 1.0, 1.0]), np.full(DIM, 0.5)

    found = probed(metric=metric(scale=scale, decay=decay))

    # a (h + W): 4 · 2.5 is the largest.
    assert found["preconditioned_lambda_max"] == pytest.approx(10.0, abs=1e-2)
    assert found["preconditioned_residual"] <= 1e-2
    assert found["lambda_max"] == pytest.approx(3.0, abs=3e-3)
    unknown = probed(metric=metric(scale=np.full(DIM, np.nan), decay=decay))
    assert "preconditioned_lambda_max" not in unknown


def test_a_metric_of_some_coordinates_keeps_its_threshold():
    mask = np.array([True, False, True, False, False, True])

    part = metric(scale=np.arange(6.0), decay=None).among(mask)

    assert part.trained.shape == (3,)
    assert part.scale.tolist() == [0.0, 2.0, 5.0]
    assert (part.decay, part.critical) == (None, 20.0)


def test_gradients_of_another_shape_are_refused():
    class Short(Bowl):
        def gradients(self, theta, n, rng):
            return super().gradients(theta, n - 1, rng)

    with pytest.raises(RunError, match=r"must have shape \(24, 6\), got \(23, 6\)"):
        probe(Short(), THETA, samples=SAMPLES, rng=probe_rng(1, 0, 0), step_size=0.1)


class Costly(Bowl):
    """A bowl of many coordinates whose products are to be spared, and whose examples are dealt out in eight:
    that of share k has k / 3.5 of the Hessian, all together the whole."""

    costly = True
    values = np.concatenate([np.linspace(-1, 1, 200), [8.0]])
    theta = np.ones(201)

    def __init__(self):
        self.products = 0

    def gradients(self, theta, n, rng):
        return self.values * theta + 0.3 * rng.standard_normal((n, theta.size))

    def hvp(self, theta, v):
        self.products += 1
        return self.values * v

    def split_hvps(self, theta, count, rng):
        share = rng.permutation(count)[:, None] / 3.5
        return lambda v: share * self.values * v


def test_products_that_are_costly_are_spared():
    costly, cheap = Costly(), Costly()
    cheap.costly = False
    settings = {"samples": SAMPLES, "step_size": 0.1}

    found = probe(costly, costly.theta, rng=probe_rng(1, 0, 0), **settings)
    whole = probe(cheap, cheap.theta, rng=probe_rng(1, 0, 0), **settings)

    # Lanczos and μᵀHμ, no product of the eight deviations.
    assert 9 <= costly.products < cheap.products - 8
    assert found["lambda_max"] == pytest.approx(8, abs=found["curvature_residual"] + 1e-9)
    assert found["curvature_residual"] <= 5e-3 * 8
    assert found["lambda_min"] >= whole["lambda_min"] >= -1
    assert found["curvature_residual_min"] > whole["curvature_residual_min"]
    assert found["hessian_signal"] == whole["hessian_signal"]
    g = Costly().gradients(costly.theta, SAMPLES, probe_rng(1, 0, 0))
    away = (g - g.mean(axis=0))[:8]
    rng = probe_rng(1, 0, 0)
    Costly().gradients(costly.theta, SAMPLES, rng)
    rng.integers(2**31)
    terms = (away**2 @ costly.values) * rng.permutation(8) / 3.5 * SAMPLES / (SAMPLES - 1)
    assert found["hessian_noise"] == pytest.approx(terms.mean(), rel=1e-10)
    assert found["hessian_noise_error"] == pytest.approx(terms.std(ddof=1) / np.sqrt(8), rel=1e-10)


def test_costly_products_that_no_shares_can_replace_are_of_all_examples():
    class Whole(Costly):
        def split_hvps(self, theta, count, rng):
            return None

    costly, cheap = Whole(), Whole()
    cheap.costly = False
    settings = {"samples": SAMPLES, "step_size": 0.1}

    found = probe(costly, costly.theta, rng=probe_rng(1, 0, 0), **settings)

    whole = probe(cheap, cheap.theta, rng=probe_rng(1, 0, 0), **settings)
    assert found["hessian_noise"] == whole["hessian_noise"]


def test_the_trace_without_draws_spares_costly_products_too():
    factor = 0.1 * np.random.default_rng(0).standard_normal((201, 100))

    class Known(Costly):
        def moments(self, theta, covariance=True):
            return GradientMoments(self.values * theta, FactorCovariance(factor))

    oracle, without = Known(), Known()
    settings = {"samples": SAMPLES, "step_size": 0.1}
    probe(without, without.theta, rng=probe_rng(1, 0, 0), **settings)

    found = probe(
        oracle, oracle.theta, rng=probe_rng(1, 0, 0), exactness=Exactness(precision=1.0), **settings
    )

    # μᵀHμ and the part of the trace in the basis of sixteen; neither the basis nor the draws.
    assert oracle.products == without.products + 17
    truth = float(np.einsum("ij,i,ij->", factor, Costly.values, factor))
    # Student's quantile of 23 degrees of freedom at 1e-6.
    assert abs(found["exact_hessian_noise"] - truth) < 6.4 * found["exact_hessian_noise_error"]
