"""The study of the training tools keeps its promises: equal budgets, paid probes, paired differences."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from analysis.training_tools.arms import BEND, GRADIENT, LITERAL, batch_arms, rate_arms, warmup_arms
from analysis.training_tools.gauge import Gauge, price
from analysis.training_tools.problems import LOSS, QUICK, problem
from analysis.training_tools.report import COLOURS, compare, paired
from analysis.training_tools.rules import Judged, Patience
from analysis.training_tools.trainer import Plan, train
from sdesim.networks.fully_connected import flat_parameters
from sdesim.training import Measurement, TorchOracle

SIZE = replace(QUICK, budget=4_000, probes=2)


@pytest.mark.parametrize("make", [rate_arms, warmup_arms, batch_arms])
def test_no_arm_spends_more_than_the_budget_and_all_but_a_step_and_a_probe_of_it(make):
    data = problem("digits")
    baselines, tools = make(SIZE)
    for arm in baselines + tools:
        plan = arm.grid[0][1]
        out, _, gauge = train(data, plan, 0, SIZE.budget, SIZE.probes)

        dearest = price(plan.parts, 32, len(data.x_valid))
        # What a run may overspend is its last probe; what it may leave is less than one step.
        assert SIZE.budget - 512 <= out.spent <= SIZE.budget + dearest, arm.name
        assert bool(gauge.history) == bool(plan.parts), arm.name


def test_a_measurement_costs_what_it_evaluates():
    data = problem("digits")
    counted = []
    for parts in (LITERAL, GRADIENT, BEND, frozenset({"validation"})):
        gauge = Gauge(data, 0, parts)
        gauge.measure(data.network(0), 5, 0.1, 16)
        counted.append(gauge.cost)

    # 20·16 gradients; 128; 128 + 2·128·(2 + 2); 297 losses at a third each.
    assert counted == pytest.approx([320, 128, 1152, 99])


def test_the_cheap_c_star_agrees_with_one_from_all_examples():
    data = problem("digits")
    module, batch, rate = data.network(0), 64, 0.1
    found = [Gauge(data, seed, BEND).measure(module, 1, rate, batch).C_star.value for seed in range(40)]

    theta = flat_parameters(module)
    oracle = TorchOracle(module, LOSS, data.x, data.y, 1)
    g = oracle.gradients(theta, 3000, np.random.default_rng(0))
    mean, noise = g.mean(axis=0), g.var(axis=0, ddof=1).sum()
    some = g[:150] - mean
    bend = sum(c @ oracle.hvp(theta, c) for c in some) / len(some)
    exact = 0.5 * rate * (mean @ oracle.hvp(theta, mean) + bend / batch) / (noise / batch)
    # Two minibatches on 128 examples each: the median of 40 lies well within a factor of 1.5.
    values = sorted(found)
    assert 1 / 1.5 < values[len(values) // 2] / exact < 1.5


def test_arms_of_a_seed_start_alike_and_see_the_same_examples():
    data = problem("digits")
    first, a, _ = train(data, Plan(0.1), 3, 4_000, 2)
    second, b, _ = train(data, Plan(0.1, parts=GRADIENT, free=True), 3, 4_000, 2)

    assert first.test_loss == second.test_loss
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert second.spent > first.spent


def test_paired_differences_carry_students_interval():
    mean, low, high = paired([1.0, 2.0, 4.0], [0.0, 0.0, 1.0])

    # Differences 1, 2, 3: s.d. 1, t(2) = 4.303.
    assert mean == pytest.approx(2.0)
    assert (high - low) / 2 == pytest.approx(4.30265 / math.sqrt(3), rel=1e-5)
    made = [Judged(x, 0.5, 0.0, 0.0) for x in (1.0, 1.1, 1.2)]
    other = [Judged(x, 0.5, 0.0, 0.0) for x in (2.0, 2.1, 2.3)]
    verdicts = {
        compare("p", "s", ("a", made), ("b", other)).verdict,
        compare("p", "s", ("b", other), ("a", made)).verdict,
        compare("p", "s", ("a", made), ("a", made)).verdict,
    }
    assert verdicts == set(COLOURS)


def test_patience_waits_for_its_window():
    rule = Patience(3)
    losses = [1.0, 0.8, 0.9, 0.7, 0.8, 0.9, 0.75]

    fired = [rule.update(Measurement.of(k, validation_loss=x)) for k, x in enumerate(losses)]

    assert fired == [""] * 6 + ["patience"]
