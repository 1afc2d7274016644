"""Draws go on until C is as precise as asked, by looks that double, or as far as they may."""

import numpy as np
import pytest

from sdesim.estimators.consolidation.grouped import GroupSums, ratio_ends
from sdesim.runs import probe, probe_rng
from sdesim.runs.exactness import Sequential, looks
from sdesim.runs.probing import CurvatureMetric
from tests.runs.bowl_run import CURVATURE, DIM, Bowl

THETA, ETA, N = np.array([0.3, -0.2, 0.1, 0.4, 0.0, 0.2]), 0.1, 16
MEAN, SIGMA = CURVATURE @ THETA, 0.09
C = MEAN @ MEAN / (SIGMA * DIM)
STAR = 0.5 * ETA * (MEAN @ CURVATURE @ MEAN + SIGMA * np.trace(CURVATURE)) / (SIGMA * DIM)


class Counted(Bowl):
    def __init__(self):
        self.drawn = self.products = 0

    def gradients(self, theta, n, rng):
        self.drawn += n
        return super().gradients(theta, n, rng)

    def hvp(self, theta, v):
        self.products += 1
        return super().hvp(theta, v)


def drawn(precision, most, oracle=None, **settings):
    return probe(
        oracle or Bowl(), THETA, samples=N, rng=probe_rng(1, 0, 0), step_size=ETA,
        sequential=Sequential(precision, most), **settings,
    )  # fmt: skip


def test_looks_double_up_to_the_most():
    assert looks(16, 100) == [16, 32, 64, 100]
    assert looks(16, 16) == looks(16, 3) == [16]


def test_a_reading_ends_at_the_first_look_that_is_precise_enough():
    found, count = drawn(0.1, 10**6), 0
    rng = probe_rng(1, 0, 0)
    # The probe's own draws, Lanczos' seed, and then further blocks of as many.
    sums, before = GroupSums(DIM, N), None
    sums.add(Bowl().gradients(THETA, N, rng))
    rng.integers(2**31)
    for count in looks(N, 10**6):
        while sums.draws < count:
            sums.add(Bowl().gradients(THETA, N, rng))
        read = sums.read()
        error = max(read.ratio_error, 0.0 if before is None else before / np.sqrt(2))
        low, high = ratio_ends(read.ratio, error, read.rise, N, 0.95)
        # C* is far below C here.
        if (high - low) / 2 <= 0.1 * read.ratio:
            break
        before = read.ratio_error

    assert found["drawn_samples"] == count > 2 * N
    assert found["drawn_ratio"] == pytest.approx(read.ratio, rel=1e-12)
    assert found["drawn_ratio_error"] == pytest.approx(error, rel=1e-12)


def test_the_values_are_those_of_the_law():
    found = drawn(0.02, 2**14)

    # The interval at the end is about 2%: five of its errors.
    assert found["drawn_ratio"] == pytest.approx(C, abs=5 * found["drawn_ratio_error"])
    assert found["drawn_noise"] == pytest.approx(SIGMA * DIM, abs=5 * found["drawn_noise_error"])
    assert found["drawn_signal"] == pytest.approx(MEAN @ MEAN, abs=5 * found["drawn_signal_error"])
    trace, error = found["drawn_hessian_noise"], found["drawn_hessian_noise_error"]
    assert trace == pytest.approx(SIGMA * np.trace(CURVATURE), abs=5 * error)
    bent = found["drawn_hessian_signal"] - trace / found["drawn_samples"]
    # Var 2ḡᵀHe of the mean's error e: 4 |Hμ|²_H σ²/n.
    scale = 2 * np.sqrt(SIGMA * MEAN @ CURVATURE @ CURVATURE @ MEAN / found["drawn_samples"])
    assert bent == pytest.approx(MEAN @ CURVATURE @ MEAN, abs=5 * scale)


def test_no_more_is_drawn_than_the_reading_may_have_and_the_first_draws_stay():
    oracle, plain = Counted(), Counted()
    found = drawn(1e-6, 100, oracle)
    without = probe(plain, THETA, samples=N, rng=probe_rng(1, 0, 0), step_size=ETA)

    # At least 32 deviations meet the Hessian; beside them are ḡ and those of the plain reading.
    assert oracle.drawn == 100 + 32
    assert oracle.products == plain.products + 32 + 1
    assert (found["drawn_samples"], found["drawn_hessian_samples"]) == (100, 32)
    for name, value in without.items():
        np.testing.assert_array_equal(found[name], value)


def test_without_curvature_C_alone_is_drawn():
    found = drawn(0.2, 10**5, curvature=False)

    assert "drawn_ratio" in found
    assert "drawn_hessian_noise" not in found


def test_coordinates_that_do_not_move_are_left_out():
    trained = np.array([True, True, False, True, True, False])
    found = drawn(0.05, 2**14, metric=CurvatureMetric(trained, None, None, 20.0))

    assert found["drawn_noise"] == pytest.approx(4 * SIGMA, abs=5 * found["drawn_noise_error"])
    wanted = SIGMA * np.diag(CURVATURE)[trained].sum()
    assert found["drawn_hessian_noise"] == pytest.approx(wanted, abs=5 * found["drawn_hessian_noise_error"])
