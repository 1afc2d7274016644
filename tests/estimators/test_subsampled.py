"""λ_max of all examples from some of them: the interval knows the draw and the bias."""

import numpy as np
import pytest
import torch
from scipy.stats import binom, t
from torch import nn

from sdesim.estimators.curvature.subsampled import GROUPS, debiased, subsampled, top_pair
from sdesim.training import Monitor, mlp

SPECTRA = {"apart": np.r_[10.0, np.full(59, 0.3)], "flat": np.ones(60), "falling": 5 / np.arange(1.0, 61)}
N, HELD, TRIALS = 1000, 150, 60


def products(a):
    """Products with the mean of H_i = a_i a_iᵀ over examples."""
    return lambda rows: lambda v: a[rows].T @ (a[rows] @ v) / len(rows)


@pytest.mark.parametrize("name", SPECTRA)
def test_the_interval_of_a_sub_sample_holds_lambda_max_of_all_examples(name):
    rng = np.random.default_rng(1)
    a = rng.standard_normal((N, 60)) * np.sqrt(SPECTRA[name])
    truth, quantile = np.linalg.eigvalsh(a.T @ a / N)[-1], t.ppf(0.975, 2 * GROUPS - 2)
    held, plain, better = 0, [], []

    for _ in range(TRIALS):
        some = a[rng.choice(N, HELD, replace=False)]
        whole = np.linalg.eigvalsh(some.T @ some / HELD)[-1]
        found = subsampled(products(some), HELD, N, 60, rng)
        value = float(debiased(whole, found.halves, found.crossed, HELD, N))
        low, high = min(found.crossed, value) - quantile * found.error, whole + quantile * found.error
        held += low <= truth <= high
        plain.append(whole - truth)
        better.append(value - truth)

    # At a coverage of 0.93 fewer happen once in a million.
    assert held >= binom.ppf(1e-6, TRIALS, 0.93)
    # 0.4 of the bias at most is left where there is one; elsewhere the two are one standard error apart.
    error = np.std(better) / np.sqrt(TRIALS)
    assert abs(np.mean(better)) < 0.4 * np.mean(plain) + 5 * error


def test_all_examples_leave_nothing_to_debias_and_no_error_of_a_draw():
    rng = np.random.default_rng(2)
    a = rng.standard_normal((64, 5))

    found = subsampled(products(a), 64, 64, 5, rng)

    assert found.error == 0.0
    assert debiased(np.array(3.0), np.array(found.halves), np.array(found.crossed), 64, 64) == 3.0


def test_the_top_pair_is_that_of_the_matrix():
    rng = np.random.default_rng(3)
    a = rng.standard_normal((40, 12)) * np.r_[4.0, np.ones(11)]
    matrix = a.T @ a / 40

    value, v = top_pair(lambda x: matrix @ x, rng.standard_normal(12))

    # Its residual is at most a hundredth of it, its error the square of that over the gap.
    assert value == pytest.approx(np.linalg.eigvalsh(matrix)[-1], rel=1e-2)
    assert np.linalg.norm(matrix @ v - value * v) <= 1.01e-2 * value
    assert np.linalg.norm(v) == pytest.approx(1.0)


def test_a_monitor_of_some_examples_holds_the_sharpness_of_all_in_its_interval():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(600, 6, generator=generator, dtype=torch.float64)
    y = (x[:, 0] + 0.5 * torch.randn(600, generator=generator) > 0).long()
    net = mlp([6, 8, 2], seed=0)

    def reading(examples, seed):
        monitor = Monitor(
            net, nn.functional.cross_entropy, (x, y), learning_rate=0.1, batch_size=16, samples=4,
            examples=examples, seed=seed, announce=None,
        )  # fmt: skip
        return monitor.measure()

    whole = reading(600, 0)
    found = [reading(100, seed) for seed in range(12)]

    inside = sum(m.lambda_max.low <= whole.lambda_max.value <= m.lambda_max.high for m in found)
    # At 95% fewer than 6 of 12 happen less than once in a million.
    assert inside >= 6
    assert all({"subsampled"} <= set(m.flags) & set(m.lambda_max.flags) for m in found)
    assert "subsampled" not in whole.flags
    # S = 2 - η λ_max follows.
    assert found[0].S.high - found[0].S.low > 0.9 * 0.1 * (found[0].lambda_max.high - found[0].lambda_max.low)
