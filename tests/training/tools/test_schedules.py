"""Schedules that follow a monitor."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from sdesim.errors import RunError
from sdesim.training import Measurement, PhaseLR, PhaseWarmup


class Recorded:
    def __init__(self, history=()):
        self.history = list(history)


def sgd(lr=0.1, **more):
    return torch.optim.SGD(nn.Linear(2, 1).parameters(), lr=lr, **more)


def run(schedule, optimizer, measurements):
    """Rates after each measurement."""
    rates = []
    for m in measurements:
        schedule.monitor.history.append(m)
        optimizer.step()
        schedule.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def quadratic(step, p, curvature, eta, **more):
    """What a monitor reads on an isotropic quadratic: C = p/(1 − p), C* = (r/2)(1 + C), r = ηλ."""
    c = p / (1 - p)
    return Measurement.of(
        step, learning_rate=eta, C_alpha=(c, 0.9 * c, 1.1 * c), p=p, C_star=0.5 * eta * curvature * (1 + c),
        lambda_max=curvature, lambda_crit=2 / eta, S=2 - eta * curvature, **more,
    )  # fmt: skip


@pytest.mark.parametrize("ceiling", ["sharpness", "gradient"])
def test_the_corrected_rate_settles_at_p_over_lambda_on_an_isotropic_quadratic(ceiling):
    optimizer, p, curvature = sgd(lr=0.1), 0.3, 2.0
    schedule = PhaseLR(optimizer, Recorded(), ceiling=ceiling)

    rates = [0.1]
    for k in range(30):
        rates += run(schedule, optimizer, [quadratic(k, p, curvature, rates[-1])])

    assert rates[-1] == pytest.approx(p / curvature)
    # It gets there by steps of at most 1.2, 0.1 → 0.15 in three.
    assert rates[1:4] == pytest.approx([0.12, 0.144, 0.15])


def test_the_corrected_rate_averages_noisy_p_over_ten_evaluations():
    optimizer = sgd(lr=0.25)
    schedule = PhaseLR(optimizer, Recorded())
    noisy = 0.5 + 0.3 * np.where(np.arange(200) % 2, 1, -1)

    rates = run(schedule, optimizer, [quadratic(k, p, 2.0, 0.25) for k, p in enumerate(noisy)])

    # Alternating ±a leaves ±a·(1−k)/(1+k), k = 0.9, of it: 0.3/19, and 0.9¹⁰⁰ of the start.
    assert np.ptp(rates[100:]) == pytest.approx(2 * 0.3 / 19 / 2.0, rel=1e-4)


def test_the_corrected_rate_is_cut_to_a_margin_of_a_tenth_of_the_limit_and_keeps_its_floor():
    optimizer = sgd(lr=0.1)
    schedule = PhaseLR(optimizer, Recorded(), scale=100.0)

    sharp = run(schedule, optimizer, [quadratic(0, 0.9, 40.0, 0.1)])

    # S = 2 − 40η = 0.2 at η = 0.045.
    assert sharp == pytest.approx([0.045])
    flat = run(schedule, optimizer, [quadratic(k, -0.1, 1.0, 0.045) for k in range(1, 90)])
    assert flat[-1] == pytest.approx(0.001)


def test_momentum_shortens_the_corrected_rate_and_groups_keep_their_proportions():
    net = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(
        [{"params": [net.weight], "lr": 0.01}, {"params": [net.bias], "lr": 0.04}], lr=0.1, momentum=0.9
    )
    schedule = PhaseLR(optimizer, Recorded())

    run(schedule, optimizer, [quadratic(k, 0.3, 2.0, 0.01) for k in range(20)])

    assert schedule.get_last_lr() == pytest.approx([0.015, 0.06])


def test_a_measurement_without_curvature_or_p_leaves_the_rate_as_it_is():
    for bands in ("corrected", "literal", [(0.5, 0.5), (math.inf, 2.0)]):
        optimizer = sgd(lr=0.2)
        schedule = PhaseLR(optimizer, Recorded(), bands)

        assert run(schedule, optimizer, [Measurement.of(3), Measurement.of(5)]) == [0.2, 0.2]


def test_own_bands_read_debiased_p():
    optimizer = sgd(lr=0.2)
    schedule = PhaseLR(optimizer, Recorded(), [(0.5, 0.5), (math.inf, 2.0)])
    made = [Measurement.of(k, p=p, literal={"p": 0.9}) for k, p in enumerate((0.3, 0.5, 0.4))]

    assert run(schedule, optimizer, made) == pytest.approx([0.1, 0.4, 0.1])


@pytest.mark.parametrize("kind", ["corrected", "literal", "warmup"])
def test_a_schedule_goes_on_from_its_saved_state_as_if_it_had_not_stopped(kind, tmp_path):
    rng = np.random.default_rng(0)
    made = [quadratic(k, p, 2.0, 0.1, literal={"p": p}) for k, p in enumerate(rng.uniform(0.1, 0.9, 20))]

    def fresh(history):
        optimizer = sgd()
        watched = Recorded(history)
        if kind == "warmup":
            return optimizer, PhaseWarmup(optimizer, watched, confirm=1)
        return optimizer, PhaseLR(optimizer, watched, kind)

    optimizer, schedule = fresh([])
    whole = run(schedule, optimizer, made)
    optimizer, schedule = fresh([])
    run(schedule, optimizer, made[:8])
    torch.save({"o": optimizer.state_dict(), "s": schedule.state_dict()}, tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    optimizer, schedule = fresh(made[:8])
    optimizer.load_state_dict(state["o"])
    schedule.load_state_dict(state["s"])

    assert run(schedule, optimizer, made[8:]) == whole[8:]
    assert "monitor" not in state["s"]


def test_a_phase_schedule_works_in_torchs_chains():
    optimizer, watched = sgd(lr=0.4), Recorded()
    first = torch.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=2)
    second = PhaseLR(optimizer, watched, "literal")
    chain = torch.optim.lr_scheduler.SequentialLR(optimizer, [first, second], milestones=[2])
    rates = []
    for k in range(5):
        watched.history.append(Measurement.of(k, literal={"p": 0.55}))
        optimizer.step()
        chain.step()
        rates.append(optimizer.param_groups[0]["lr"])

    assert isinstance(second, torch.optim.lr_scheduler.LRScheduler)
    assert rates == pytest.approx([0.2, 0.4, 0.4, 0.4, 0.4])


def test_literal_warmup_waits_until_p_has_been_above_one_half_three_times():
    optimizer = sgd(lr=1.0)
    schedule = PhaseWarmup(optimizer, Recorded(), "literal", start=0.25, growth=2.0)
    p = [0.6, 0.6, 0.4, 0.6, 0.6, 0.6, 0.5, 0.6, 0.6, 0.6, 0.6]

    rates = run(schedule, optimizer, [Measurement.of(k, literal={"p": x}) for k, x in enumerate(p)])

    assert rates == [0.25] * 5 + [0.5] * 4 + [1.0] * 2
    assert schedule.released


def test_corrected_warmup_stops_where_the_raised_rate_would_no_longer_lower_the_loss():
    optimizer, p, curvature = sgd(lr=1.0), 0.4, 1.0
    schedule = PhaseWarmup(optimizer, Recorded(), start=0.05, growth=1.1, confirm=1)

    rates = [0.05]
    for k in range(60):
        rates += run(schedule, optimizer, [quadratic(k, p, curvature, rates[-1])])

    # The expected loss falls for η < 2p/λ; the lower end of C is 0.9 of its value: η < 0.9·2p/λ = 0.72.
    assert 0.72 / 1.1 <= rates[-1] < 0.72
    assert rates[-1] == rates[-10]
    assert not schedule.released


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o, m: PhaseLR(o, m, "warm"), "bands must be 'corrected', 'literal'"),
        (lambda o, m: PhaseLR(o, m, [(0.5, 1.0), (0.4, 2.0)]), "must rise"),
        (lambda o, m: PhaseLR(o, m, [(0.5, -1.0)]), "factors of bands must be positive"),
        (lambda o, m: PhaseLR(o, m, [0.5]), "pairs"),
        (lambda o, m: PhaseLR(o, m, ceiling="top"), "ceiling must be one of"),
        (lambda o, m: PhaseLR(o, m, memory=0), "memory must be at least 1"),
        (lambda o, m: PhaseLR(o, m, slew=1.0), "slew above 1"),
        (lambda o, m: PhaseLR(o, m, floor=0.0), "floor must be in"),
        (lambda o, m: PhaseWarmup(o, m, "linear"), "method must be one of"),
        (lambda o, m: PhaseWarmup(o, m, start=2.0), "start must be in"),
        (lambda o, m: PhaseWarmup(o, m, confirm=0), "confirm must be at least 1"),
    ],
)
def test_a_choice_out_of_range_is_named(make, message):
    with pytest.raises(RunError, match=message):
        make(sgd(), Recorded())
