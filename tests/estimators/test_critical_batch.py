"""Noise scales with a Hessian, a bound on rates, and signs."""

import math

import numpy as np
import pytest

from sdesim import estimators as est
from sdesim.errors import EstimatorError

SIGNAL, BENT, NOISE = 2.0, 3.0, 12.0


def gain(batch, cap):
    """The best gain of a step at this batch, by trying rates."""
    rates = np.linspace(0, min(cap, 2.0), 400_001)
    return float((rates * SIGNAL - rates**2 / 2 * (BENT + NOISE / batch)).max())


def test_without_a_largest_rate_it_is_the_noise_scale_of_mccandlish_et_al():
    e = est.hessian_noise_scale(SIGNAL, BENT, NOISE)

    assert e.value == pytest.approx(NOISE / BENT)
    assert e.flags == ("no_interval",)
    # H = λI gives TrΣ/|μ|² whatever λ.
    assert est.hessian_noise_scale(2.0, 7 * 2.0, 7 * 5.0).value == pytest.approx(2.5)


@pytest.mark.parametrize("cap", [0.01, 0.3, 0.6, 0.7, math.inf])
def test_its_batch_gains_half_of_what_the_noiseless_step_gains(cap):
    batch = est.hessian_noise_scale(SIGNAL, BENT, NOISE, cap).value

    # A grid of rates 5e-6 apart is off by less than (5e-6)² (h + t/B)/8 in gain.
    assert gain(batch, cap) == pytest.approx(gain(1e15, cap) / 2, rel=1e-6)


def test_a_gradient_in_flat_directions_is_capped_at_the_edge():
    # λ = (1, 1e-4), all of the signal in the second: 2Tr HΣ/(λ_max|μ|²) up to O(1e-4).
    e = est.hessian_noise_scale(1.0, 1e-4, 5.0, 2.0)

    assert e.value == pytest.approx(2 * 5.0, rel=2e-4)
    assert est.hessian_noise_scale(1.0, 1e-4, 5.0).value == pytest.approx(5e4)


def test_the_interval_of_the_trace_is_passed_on_and_what_is_not_defined_is_flagged():
    trace = est.Estimate(12.0, 9.0, 15.0, 0.95, "signs", 64)
    many = est.hessian_noise_scale([2.0, -1.0, 2.0, 2.0], [3.0, 3.0, -3.0, -3.0], 12.0, [9, 9, math.inf, 0.5])

    e = est.hessian_noise_scale(SIGNAL, BENT, trace)
    assert (e.value, e.low, e.high, e.n) == (pytest.approx(4), pytest.approx(3), pytest.approx(5), 64)
    assert many.value[1] == math.inf
    assert many.flags["negative_signal"].tolist() == [False, True, False, False]
    assert math.isnan(many.value[2])
    assert many.flags["no_curvature"].tolist() == [False, False, True, False]
    # G = 0.5·2 + 0.125·3 = 1.375 along a direction that bends down.
    assert many.value[3] == pytest.approx(12 / (4 / 1.375 + 3))
    assert est.hessian_noise_scale(1.0, 1.0, -0.1).has("no_curvature")
    with pytest.raises(EstimatorError, match="largest_rate must be positive"):
        est.hessian_noise_scale(1.0, 1.0, 1.0, 0.0)


def within(value, low, high):
    return est.Estimate(value, low, high, 0.95, "given", 9)


@pytest.mark.parametrize("cap", [0.05, 0.3, 0.6, 2.0, math.inf])
@pytest.mark.parametrize(
    "box", [((1.5, 2.5), (1.0, 5.0)), ((0.3, 4.0), (2.5, 3.5)), ((1.0, 3.0), (0.2, 9.0))]
)
def test_the_interval_holds_the_batch_wherever_signal_and_bend_lie_in_theirs(box, cap):
    m, h = (np.linspace(*ends, 601) for ends in box)
    batches = est.hessian_noise_scale(m[:, None], h[None, :], NOISE, cap).value

    e = est.hessian_noise_scale(within(SIGNAL, *box[0]), within(BENT, *box[1]), NOISE, cap)

    # The largest lies between points of the grid, where it is flat.
    assert e.low == pytest.approx(batches.min(), rel=1e-12)
    assert batches.max() <= e.high * (1 + 1e-12)
    assert e.high == pytest.approx(batches.max(), rel=1e-3)
    assert (e.n, e.has("unresolved"), e.has("no_interval")) == (9, False, False)


def test_errors_of_signal_trace_and_cap_add_up_as_those_of_logarithms():
    # Capped, and nothing bent: B = η_max t/m.
    cap, trace, signal = within(0.1, 0.05, 0.2), within(12.0, 4.0, 36.0), within(2.0, 0.5, 8.0)

    e = est.hessian_noise_scale(signal, 0.0, trace, cap)

    whole = math.sqrt(math.log(2) ** 2 + math.log(3) ** 2 + math.log(4) ** 2)
    assert e.value == pytest.approx(0.6)
    assert (e.low, e.high) == (pytest.approx(0.6 * math.exp(-whole)), pytest.approx(0.6 * math.exp(whole)))


def test_where_no_signal_may_be_there_it_has_no_upper_end():
    bent = within(3.0, -1.0, 5.0)
    open_, closed = (est.hessian_noise_scale(within(2.0, -1.0, 4.0), b, NOISE, 0.3) for b in (bent, BENT))
    unseen = est.hessian_noise_scale(within(-1.0, -2.0, 0.5), within(0.0, -1.0, 0.2), NOISE, 0.3)

    assert (open_.high, open_.has("unresolved")) == (math.inf, True)
    assert 0 < open_.low < open_.value
    # A gradient that bends has a length.
    assert closed.high == pytest.approx(NOISE / BENT)
    # At most |μ|² = 0.5 and μᵀHμ = −1: rates of 0.3 gain 0.195.
    assert (unseen.value, unseen.high) == (math.inf, math.inf)
    assert unseen.low == pytest.approx(NOISE / (0.25 / 0.195 + 1))
    assert est.hessian_noise_scale(-1.0, 1.0, NOISE, 0.3).has("no_interval")


def test_the_scale_of_signs_is_that_of_the_sums_and_a_sample_is_bracketed():
    rng = np.random.default_rng(3)
    mean, spread = np.array([1.0, -0.5, 0.25, 0.0]), np.array([2.0, 1.0, 1.0, 4.0])
    whole = np.stack([mean + spread, mean - spread])
    truth = (8 / 1.75) ** 2

    exact = est.sign_noise_scale(whole, exhaustive=True)
    sample = est.sign_noise_scale(mean + spread * rng.standard_normal((40_000, 4)))

    assert exact.value == exact.low == exact.high == pytest.approx(truth)
    # Five standard errors, |σ|/√n = 0.024 of 1.75 and of the mean over halves at most as much again.
    assert truth * (1 + 0.2) ** -2 < sample.low == sample.value < truth * (1 - 0.07) ** -2
    assert sample.value <= sample.high < truth * (1 - 0.2) ** -2
    assert sample.flags == ("plug_in_signal", "bracket")
    nothing = est.sign_noise_scale(rng.standard_normal((8, 500)))
    assert nothing.value < 20
    assert nothing.high > 50
    with pytest.raises(EstimatorError, match="at least 4"):
        est.sign_noise_scale(np.ones((3, 2)))
