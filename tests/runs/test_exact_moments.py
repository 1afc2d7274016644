"""A probe whose oracle knows μ and Σ: exact values, traces with as many draws as C* and the phase need."""

import numpy as np
import pytest

from sdesim.estimators.consolidation.linear_step import change_of_step, process_of_step
from sdesim.estimators.core.covariance import DiagonalCovariance, FactorCovariance, GradientMoments
from sdesim.runs import Probes, probe, probe_rng
from sdesim.runs.curvature import CurvatureMetric
from sdesim.runs.exact_moments import exact_part
from sdesim.runs.exactness import Exactness
from sdesim.runs.linear_step import LinearStep
from tests.runs.bowl_run import CURVATURE, DIM, Bowl

THETA = np.array([1.0, -1.0, 0.5, 2.0, 0.0, 1.0])
MEAN = CURVATURE @ THETA
ETA = 0.1


class Known(Bowl):
    covariance_size = 6

    def moments(self, theta, covariance=True):
        return GradientMoments(
            CURVATURE @ theta, DiagonalCovariance(np.full(DIM, 0.3)) if covariance else None
        )


def probed(oracle=None, exactness=None, **settings):
    return probe(
        oracle or Known(), THETA, samples=64, rng=probe_rng(1, 0, 0), step_size=ETA,
        exactness=exactness or Exactness(), **settings,
    )  # fmt: skip


def test_signal_noise_and_curvature_are_those_of_the_law():
    found, without = probed(), probe(Known(), THETA, samples=64, rng=probe_rng(1, 0, 0), step_size=ETA)

    assert found["exact_signal"] == pytest.approx(MEAN @ MEAN, rel=1e-12)
    assert found["exact_noise"] == pytest.approx(0.09 * DIM, rel=1e-12)
    assert found["exact_hessian_signal"] == pytest.approx(MEAN @ CURVATURE @ MEAN, rel=1e-12)
    assert found["exact_hessian_noise"] == pytest.approx(0.09 * np.trace(CURVATURE), rel=1e-12)
    assert (found["exact_noise_error"], found["exact_hessian_noise_error"]) == (0.0, 0.0)
    assert found["exact_draws"] == np.inf
    # The draws are those of a probe without.
    for name, value in without.items():
        np.testing.assert_array_equal(found[name], value)
    assert "exact_hessian_noise" not in probed(curvature=False)


def test_coordinates_that_do_not_move_are_left_out():
    trained = np.array([True, True, False, True, True, False])

    found = probed(metric=CurvatureMetric(trained, None, None, 20.0))

    assert found["exact_signal"] == pytest.approx((MEAN[trained] ** 2).sum(), rel=1e-12)
    assert found["exact_noise"] == pytest.approx(0.09 * 4, rel=1e-12)
    assert found["exact_hessian_noise"] == pytest.approx(0.09 * np.diag(CURVATURE)[trained].sum(), rel=1e-12)


def test_with_the_mean_alone_the_rest_is_of_draws_about_it():
    found = probed(exactness=Exactness(covariance=False))
    away = Known().gradients(THETA, 64, probe_rng(1, 0, 0)) - MEAN
    squares, forms = (away**2).sum(axis=1), np.einsum("ij,jk,ik->i", away, CURVATURE, away)

    assert found["exact_signal"] == pytest.approx(MEAN @ MEAN, rel=1e-12)
    assert found["exact_noise"] == pytest.approx(squares.mean(), rel=1e-12)
    assert found["exact_noise_error"] == pytest.approx(squares.std(ddof=1) / 8, rel=1e-12)
    assert found["exact_hessian_noise"] == pytest.approx(forms.mean(), rel=1e-10)
    assert found["exact_draws"] == 64


def linear_step():
    rng = np.random.default_rng(2)
    return LinearStep(
        now=0.1 * rng.random(DIM), start=0.05 * rng.standard_normal(DIM), whole=0.2 + rng.random(DIM),
        pull=0.01 * rng.standard_normal(DIM), damping=np.full(DIM, 0.3), lookahead=np.full(DIM, 0.9),
        share=0.0,
    )  # fmt: skip


def test_a_linear_step_without_draws_is_the_limit_of_many():
    step, n = linear_step(), 20_000
    moments = GradientMoments(MEAN, FactorCovariance(0.3 * np.eye(DIM)))
    draws = MEAN + 0.3 * np.random.default_rng(0).standard_normal((n, DIM))
    centred = draws - draws.mean(axis=0)
    scaled, now = centred * step.whole, centred * step.now
    d = step.whole * draws.mean(axis=0) + step.pull
    root = np.sqrt(step.damping)

    found = exact_part(
        moments, lambda v: v @ CURVATURE, draws[:8], ETA, np.random.default_rng(1), Exactness(), step
    )
    process = process_of_step(
        draws, step.whole, step.pull, step.damping, step.lookahead, CURVATURE @ d,
        float((root * d) @ CURVATURE @ (root * d)), scaled, scaled @ CURVATURE,
    )  # fmt: skip
    change, spread = change_of_step(
        draws, step.now, step.start, CURVATURE @ (step.start - step.now * draws.mean(axis=0)), now,
        now @ CURVATURE,
    )  # fmt: skip

    # Five standard errors of 20,000 draws.
    assert abs(found["exact_process_ratio"] - process.ratio.value) < 5 * process.ratio.error
    assert abs(found["exact_process_spread"] - process.spread.value) < 5 * process.spread.error
    assert found["exact_process_bend"] == pytest.approx(process.bend, rel=0.02)
    assert abs(found["exact_step_change"] - change.value) < 5 * change.error
    assert abs(found["exact_step_spread"] - spread.value) < 5 * spread.error


def test_draws_end_where_c_star_is_precise_and_go_on_where_the_phase_is_open():
    dim = 300
    spectrum = np.random.default_rng(0).exponential(size=dim)
    basis = np.linalg.qr(np.random.default_rng(1).standard_normal((dim, dim)))[0]
    turned = (basis * spectrum) @ basis.T

    def read(precision, size):
        return exact_part(
            GradientMoments(np.full(dim, size), DiagonalCovariance(np.ones(dim))), lambda v: v @ turned,
            np.zeros((2, dim)), 1.0, np.random.default_rng(1), Exactness(precision=precision),
        )  # fmt: skip

    loose, tight = read(0.5, 1.0), read(1e-4, 1.0)

    assert (loose["exact_draws"], tight["exact_draws"]) == (24, 384)
    # Where |μ|² is what it would have to exceed, more are drawn however precise C* is.
    trace, bend = tight["exact_hessian_noise"], np.full(dim, 1.0) @ turned @ np.full(dim, 1.0) / dim
    size = np.sqrt(0.5 * trace / (dim * (1 - 0.5 * bend)))
    assert read(0.5, size)["exact_draws"] > 24


def test_auto_is_exact_up_to_a_size_and_false_is_not():
    class Large(Known):
        covariance_size = 10**10

    assert Probes().exactness(Known()) == Exactness()
    assert Probes().exactness(Large()) == Exactness(covariance=False)
    assert Probes(exact=True).exactness(Large()) == Exactness()
    assert Probes(exact=False).exactness(Known()) is None
    assert Probes().exactness(Bowl()) is None
    assert Probes(exact="mean").exactness(Known()) == Exactness(covariance=False)
    assert Probes(precision=0.01).exactness(Known()) == Exactness(precision=0.01, most=2048)
    # C* of a known Σ is never less precise than without a precision; of a known μ C is as precise as asked.
    assert Probes(precision=0.3).exactness(Known()).precision == 0.05
    assert Probes(precision=0.3, samples=8).exactness(Large()) == Exactness(False, 0.3, 256)


def test_a_known_mean_draws_on_for_the_noise_alone_until_that_is_precise():
    class Mean(Known):
        covariance_size = 10**10

    loose, tight = (
        probed(Mean(), Exactness(False, precision, 2**12), curvature=False) for precision in (0.5, 0.05)
    )

    # Tr Σ of squares of six numbers has a relative spread √(2/6): a twentieth takes (1.96/0.05)² · ⅓ = 512.
    half = 1.96 * tight["exact_noise_error"]
    assert half <= 0.05 * tight["exact_noise"] < 1.96 * loose["exact_noise_error"]
    assert half > 0.05 / 4 * tight["exact_noise"]
    assert tight["exact_noise"] == pytest.approx(0.09 * DIM, abs=5 * tight["exact_noise_error"])
