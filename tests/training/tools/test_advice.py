"""Early stopping, the decision guide, batch size and weight decay."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from sdesim.errors import RunError
from sdesim.training import (
    Measurement,
    PhaseEarlyStopping,
    advise,
    batch_size_for,
    choose_weight_decay,
    mlp,
)
from sdesim.training.tools.stopping import mann_kendall


def stops(measurements, window=10):
    """Step and criterion of the first stop, or None."""
    stopper = PhaseEarlyStopping(window=window)
    for m in measurements:
        decision = stopper.update(m)
        if decision.stop:
            return m.step, decision.criterion
    return None


def made(k, loss=1.0, validation=None, c=0.1, spread=0.01, star=1.0, s=1.0):
    return Measurement.of(
        k, loss=loss, validation_loss=validation, C_alpha=(c, c - spread, c + spread), C_star=star,
        S=(s, s - 0.01, s + 0.01),
    )  # fmt: skip


def test_drowned_signal_stops_training_only_once_validation_no_longer_improves():
    # C = 0.11 at most, far below C*/2 = 0.5, throughout.
    rng = np.random.default_rng(0)
    levels = 0.1 * rng.uniform(0.9, 1.0, 60)
    falling = [made(k, validation=1 - 0.01 * k, c=c) for k, c in enumerate(levels)]
    turning = [made(k, validation=abs(1 - 0.05 * k), c=c) for k, c in enumerate(levels)]

    assert stops(falling) is None
    # The lowest validation loss is at 20; it has left the window of ten after step 30.
    assert stops(turning) == (30, "noise")


def test_a_signal_above_half_of_c_star_does_not_stop_training():
    rng = np.random.default_rng(0)
    levels = rng.uniform(0.55, 0.9, 60)
    # By Mann and Kendall's test 1% of windows of steady C seem to fall; none of these 60 does.
    assert stops([made(k, validation=1.0 + 0.01 * k, c=c) for k, c in enumerate(levels)]) is None


def test_a_falling_c_stops_training_only_once_validation_no_longer_improves():
    falling = [made(k, validation=1 - 0.01 * k, c=2.0 - 0.02 * k) for k in range(40)]
    turned = [made(k, validation=1 + 0.01 * k, c=2.0 - 0.02 * k) for k in range(40)]

    assert stops(falling) is None
    assert stops(turned) == (10, "trend")


def test_divergence_needs_a_rising_loss_so_the_edge_of_stability_goes_on():
    edge = [made(k, loss=1.0 + 0.1 * (-1) ** k, s=-0.05, c=2.0) for k in range(40)]
    diverging = [made(k, loss=1.0 + 0.1 * k, s=-0.05, c=2.0) for k in range(40)]

    assert stops(edge) is None
    assert stops(diverging) == (9, "divergence")


def test_a_lost_loss_stops_at_once():
    assert stops([made(0), made(1, loss=math.inf)]) == (1, "divergence")
    assert stops([made(0), Measurement.of(1, loss=math.nan, flags=("loss_not_finite",))]) == (1, "divergence")


def test_trend_test_is_exact_for_few_values():
    # One of 5! orders rises throughout.
    assert mann_kendall([1, 2, 3, 4, 5], rising=True) == pytest.approx(1 / 120)
    assert mann_kendall([1, 2, 3, 4, 5], rising=False) == 1.0
    assert mann_kendall([1, 1, 1, 1, 1], rising=True) == 1.0
    assert mann_kendall([1, 2, math.nan, 4, 5], rising=True) == 1.0


@pytest.mark.parametrize(
    ("p", "state"),
    [(0.2, "failing"), (0.4, "sub-threshold"), (0.5, "critical"), (0.6, "learning"), (0.75, "strong")],
)
def test_literal_advice_reads_the_bands_of_the_table(p, state):
    found = advise(Measurement.of(0, literal={"p": p}), method="literal")

    assert found.state == state
    assert math.isnan(found.confidence)


def test_corrected_advice_reads_c_against_c_star_and_proposes_the_rate_of_steepest_descent():
    m = Measurement.of(
        0, learning_rate=0.2, batch_size=16, C_alpha=(0.1, 0.08, 0.12), C_star=(0.2, 0.2, 0.2),
        C_1=(0.1 / 16, 0.08 / 16, 0.12 / 16), S=1.5, lambda_max=2.5, literal={"p": 0.8},
    )  # fmt: skip

    found = advise(m)

    # C/C* = 0.5 < 0.67, η* = ηC/(2C*) = 0.05, critical batch 160.
    assert found.state == "failing"
    assert found.learning_rate == pytest.approx(0.05)
    assert found.batch_size == pytest.approx(160)
    assert "0.05" in found.action
    assert "160" in found.action
    # The band ends at C = 0.1333, 3.3 standard errors above.
    assert found.confidence > 0.99
    assert sum(found.probabilities.values()) == pytest.approx(1.0)
    assert advise(m, method="literal").state == "strong"


def test_confidence_is_one_half_at_the_end_of_a_band():
    m = Measurement.of(0, C_alpha=(1.0, 0.9, 1.1), C_star=1.0, p=0.5)

    found = advise(m)

    assert found.state == "critical"
    assert found.confidence == pytest.approx(0.5)
    assert found.probabilities["sub-threshold"] == pytest.approx(0.5)


def test_unstable_curvature_comes_first_and_missing_curvature_is_said():
    unstable = Measurement.of(0, C_alpha=(9.0, 8.0, 10.0), C_star=1.0, S=-0.5)

    assert "unstable" in advise(unstable).action
    assert advise(Measurement.of(0, C_alpha=1.0)).state == "undefined"
    with pytest.raises(RunError, match="method must be one of"):
        advise(unstable, method="best")


def test_batch_size_is_the_target_in_units_of_the_critical_one():
    m = Measurement.of(0, C_1=(0.01, 0.008, 0.0125), batch_size=8)

    one, literal = batch_size_for(m), batch_size_for(m, "literal")

    assert (one.batch_size, one.critical.value) == (100, 100)
    assert (one.smallest.low, one.smallest.high) == pytest.approx((80, 125))
    assert (literal.smallest.value, literal.largest.value) == pytest.approx((150, 300))
    assert literal.batch_size == round(math.sqrt(150 * 300))
    assert "1.5 to 3 times the critical batch size" in literal.why


def test_without_signal_no_batch_size_is_named():
    found = batch_size_for(Measurement.of(0, C_1=(-0.01, -0.03, 0.01)))

    assert found.batch_size is None
    assert found.smallest.has("negative_signal")
    assert found.smallest.low == pytest.approx(100)
    for bad in (0.0, (2.0, 1.0), "wide"):
        with pytest.raises(RunError, match="target must be"):
            batch_size_for(Measurement.of(0, C_1=0.1), bad)
    with pytest.raises(RunError, match="needs a measurement with C_1"):
        batch_size_for(Measurement.of(0))


def held_out():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(200, 4, generator=g, dtype=torch.float64)
    return x, x[:, :1] - x[:, 1:2]


def shrunk(decay):
    """The exact solution, shrunk by 1/(1 + decay)."""
    net = mlp([4, 1], seed=0)
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, -1.0, 0.0, 0.0]]) / (1 + decay))
        net[0].bias.zero_()
    return net


def test_weight_decay_by_validation_takes_the_smallest_loss_and_by_c_the_one_furthest_from_it():
    choices = {
        m: choose_weight_decay(shrunk, (0.1, 1.0, 3.0), held_out(), nn.functional.mse_loss, method=m)
        for m in ("validation", "debiased", "literal")
    }

    # The residual is (1 − 1/(1 + w)) of the target: the loss is least at w = 0.1. Gradients at different w
    # are the same up to that factor, so that C is the same for all: the choice by it is a tie.
    validation, literal = choices["validation"], choices["literal"]
    assert validation.value == 0.1
    assert validation.tied == (0.1,)
    assert set(choices["debiased"].tied) == {0.1, 1.0, 3.0}
    c = [literal.criterion[w].value for w in (0.1, 1.0, 3.0)]
    assert c == pytest.approx([c[0]] * 3, rel=1e-6)
    assert choices["debiased"].criterion[0.1].value < c[0]


def test_a_diverged_candidate_is_never_chosen():
    def train(decay):
        net = shrunk(0.0)
        if decay > 1:
            with torch.no_grad():
                net[0].weight.fill_(math.nan)
        return net

    found = choose_weight_decay(train, (0.5, 2.0), held_out(), nn.functional.mse_loss)

    assert found.value == 0.5
    with pytest.raises(RunError, match="every training diverged"):
        choose_weight_decay(train, (2.0, 3.0), held_out(), nn.functional.mse_loss)
    with pytest.raises(RunError, match="at least two different"):
        choose_weight_decay(train, (0.1,), held_out(), nn.functional.mse_loss)
