"""No tool acts on a quantity that is flagged as not of the training; measured progress says what descends."""

import math

import pytest
import torch

from sdesim.training import Measurement, PhaseLR, PhaseWarmup, advise
from sdesim.training.tools.stopping import PhaseEarlyStopping
from sdesim.training.tools.trust import FOREIGN, descends, doubts

FALLS, RISES, OPEN = (-0.2, -0.3, -0.1), (0.2, 0.1, 0.3), (0.0, -0.1, 0.1)
# By these numbers alone "strong", and a rate 25 times as high.
STRONG = {"C_alpha": (1.0, 0.9, 1.1), "C_star": (0.02, 0.02, 0.02), "p": 0.5, "S": 1.9, "lambda_max": 0.1}


class Watched:
    def __init__(self, *measurements):
        self.history = list(measurements)


def optimizer(rate=0.1):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)


def test_progress_decides_only_where_its_interval_leaves_zero_out():
    assert descends(Measurement.of(0, progress=FALLS)) is True
    assert descends(Measurement.of(0, progress=RISES)) is False
    assert descends(Measurement.of(0, progress=OPEN)) is None
    assert descends(Measurement.of(0, progress=-1.0)) is None
    assert descends(Measurement.of(0)) is None


@pytest.mark.parametrize("flag", FOREIGN)
def test_no_rate_comes_from_a_flagged_c_star(flag):
    plain = advise(Measurement.of(0, learning_rate=0.1, **STRONG))
    flagged = Measurement.of(0, learning_rate=0.1, flags=(flag,), **STRONG)

    assert plain.learning_rate > 0.1
    assert doubts(flagged) == (flag,)
    assert advise(flagged).state == "undefined"
    assert advise(flagged).learning_rate is None


@pytest.mark.parametrize(
    ("progress", "state"), [(FALLS, "learning"), (RISES, "failing"), (OPEN, "critical")]
)  # fmt: skip
def test_clipped_training_is_judged_by_measured_progress(progress, state):
    # By C and C* alone a rate of 20 is far too high; clipped to 0.01 it may train well.
    m = Measurement.of(
        0, learning_rate=20.0, C_alpha=(0.1, 0.05, 0.15), C_star=(30.0, 29.0, 31.0), progress=progress,
        flags=("clipped_gradients",),
    )  # fmt: skip

    found = advise(m)

    assert found.state == state
    assert found.learning_rate is None
    assert "clipped_gradients" in found.why


def test_no_higher_rate_where_measured_steps_raise_the_loss():
    assert advise(Measurement.of(0, learning_rate=0.1, progress=FALLS, **STRONG)).learning_rate > 0.1
    assert advise(Measurement.of(0, learning_rate=0.1, progress=RISES, **STRONG)).learning_rate is None


def test_the_rate_is_that_of_the_optimizers_own_metric():
    m = Measurement.of(
        0, learning_rate=0.001, C_alpha=(0.1, 0.1, 0.1), C_star=(0.2, 0.2, 0.2), eta_star=0.002
    )

    found = advise(m)

    # η*/η = 2 = C/(2C*) in that metric: C/C* = 4.
    assert found.learning_rate == pytest.approx(0.002)
    assert found.state == "strong"


@pytest.mark.parametrize(
    ("given", "factor"),
    [
        ({"progress": FALLS}, 1.2),
        ({}, 1.2),
        ({"progress": RISES}, 1.0),
        ({"flags": ("optimizer_not_modelled",)}, 1.0),
        ({"flags": ("eval_mode_curvature",)}, 1.0),
    ],
)
def test_a_schedule_raises_no_rate_on_what_does_not_hold(given, factor):
    moved = optimizer()
    schedule = PhaseLR(moved, Watched(Measurement.of(1, learning_rate=0.1, **STRONG, **given)))

    assert schedule.factor == pytest.approx(factor)


@pytest.mark.parametrize(
    ("given", "released"),
    [
        ({}, True),
        ({"progress": RISES}, False),
        ({"flags": ("clipped_gradients",)}, False),
        ({"flags": ("clipped_gradients",), "progress": OPEN}, False),
        ({"flags": ("clipped_gradients",), "progress": FALLS}, True),
    ],
)
def test_a_warm_up_goes_on_where_steps_lower_the_loss(given, released):
    seen = Watched(*(Measurement.of(k, learning_rate=0.01, **STRONG, **given) for k in range(1, 9)))

    assert PhaseWarmup(optimizer(), seen).released is released


def test_a_schedule_reads_an_adaptive_optimizers_own_curvature():
    known = {"p": 0.5, "lambda_max": 40.0, "preconditioned_lambda_max": 10.0, "lambda_crit": 1e3}
    seen = Watched(Measurement.of(1, learning_rate=0.04, **known))

    schedule = PhaseLR(optimizer(0.04), seen, slew=2.0)

    # p/λ = 0.05 by the metric's λ, and not 0.0125.
    assert schedule.factor == pytest.approx(0.05 / 0.04)


def test_early_stopping_does_not_take_clipped_gradients_for_noise():
    def stops(progress):
        rule, found = PhaseEarlyStopping(window=5), None
        for k in range(12):
            found = rule.update(
                Measurement.of(
                    k, C_alpha=(0.1, 0.05, 0.15), C_star=3.0, loss=1.0, validation_loss=1.0 + 0.001 * k,
                    progress=progress, flags=("clipped_gradients",),
                )
            )  # fmt: skip
        return found

    assert not stops(FALLS)
    assert stops(RISES).criterion == "noise"
    assert math.isnan(advise(Measurement.of(0)).confidence)
