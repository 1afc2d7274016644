"""The seven listings of the source (§11), recomputed here in plain torch and Python, against the presets.

Same network, same minibatches, same start vectors. Tolerances are rounding: sums of at most a few thousand
float64 terms, 1e-10 relative.
"""

import math

import numpy as np
import pytest
import torch
from torch import nn

from sdesim import estimators as est
from sdesim.training import (
    Measurement,
    PhaseEarlyStopping,
    PhaseLR,
    consolidation_statistics,
    loader_gradients,
    loader_hvp,
    mlp,
    track_learning,
)

LOSS = nn.functional.cross_entropy


class Recorded:
    """A monitor whose measurements are given."""

    def __init__(self, history=()):
        self.history = list(history)


def shuffled(n=192, batch=16, seed=3):
    """A loader that shuffles anew at every pass, from a generator with a known start."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 6, generator=g, dtype=torch.float64)
    y = torch.randint(3, (n,), generator=g)
    return torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(x, y), batch_size=batch, shuffle=True,
        generator=torch.Generator().manual_seed(seed),
    )  # fmt: skip


def network():
    return mlp([6, 5, 3], seed=1)


def hand_statistics(module, batches):
    """§11.1 from .backward() and sums over coordinates in Python."""
    rows = []
    for x, y in batches:
        module.zero_grad()
        LOSS(module(x), y).backward()
        rows.append([float(v) for p in module.parameters() for v in p.grad.reshape(-1)])
    n, d = len(rows), len(rows[0])
    means = [math.fsum(row[j] for row in rows) / n for j in range(d)]
    signal = math.fsum(m * m for m in means)
    noise = math.fsum(math.fsum((row[j] - means[j]) ** 2 for row in rows) / (n - 1) for j in range(d))
    c = signal / (noise + 1e-10)
    p = c / (1 + c)
    return {"C_alpha": c, "p": p, "signal": signal, "noise": noise, "I": p * 0.1 / 1.5}


def test_consolidation_ratio_of_listing_1_on_the_same_minibatches():
    loader, count = shuffled(), 7
    batches = [batch for _, batch in zip(range(count), shuffled(), strict=False)]

    found = consolidation_statistics(network(), LOSS, loader, samples=count)

    assert found == pytest.approx(hand_statistics(network(), batches), rel=1e-10)
    # The estimator itself, on the rows alone.
    rows = loader_gradients(network(), LOSS, batches, samples=count)
    assert est.consolidation_ratio(rows, method="literal").value == pytest.approx(found["C_alpha"], rel=1e-12)


def test_loop_of_listing_2_marks_every_epoch_at_which_p_crosses_one_half():
    def train_epoch(module):
        with torch.no_grad():
            for p in module.parameters():
                p.mul_(1.3)

    def accuracy(module):
        return {"test_acc": float(module[0].weight.detach().abs().sum())}

    tracked = track_learning(network(), LOSS, train_epoch, shuffled(), accuracy, epochs=6, samples=12)

    again, loader, expected = network(), shuffled(), []
    for epoch in range(6):
        train_epoch(again)
        row = hand_statistics(again, [batch for _, batch in zip(range(12), loader, strict=False)])
        expected.append({**row, "epoch": epoch, **accuracy(again)})
    assert len(tracked.history) == 6
    for row, other in zip(tracked.history, expected, strict=True):
        assert row == pytest.approx(other, rel=1e-10)
    p = [row["p"] for row in expected]
    assert tracked.transitions == tuple(k for k in range(1, 6) if p[k - 1] <= 0.5 and p[k] > 0.5)
    assert est.detect_transition([0.4, 0.5, 0.51, 0.6], method="crossing").index == 2


@pytest.mark.parametrize(
    "p", [0.0, 0.2, 0.4 - 1e-12, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.75, 0.9, 1.0, math.nan]
)
def test_rates_of_listing_3_at_and_between_the_ends_of_its_bands(p):
    optimizer = torch.optim.SGD(network().parameters(), lr=0.3)

    schedule = PhaseLR(optimizer, Recorded([Measurement.of(1, literal={"p": p})]), bands="literal")

    if p < 0.4:
        factor = 0.1
    elif p < 0.5:
        factor = 0.5
    elif p < 0.6:
        factor = 1.0
    elif p < 0.75:
        factor = 1.5
    else:
        factor = 2.0
    assert schedule.get_last_lr() == [0.3 * factor]


def hand_stop(rows, window):
    """§11.4, criterion by criterion."""
    if len(rows) < window:
        return ""
    last = rows[len(rows) - window :]
    if max(r["p"] for r in last) < 0.45:
        return "noise"
    c = [r["C_alpha"] for r in last]
    if c[-1] < c[0] and c == sorted(c, reverse=True):
        return "trend"
    return "divergence" if last[-1]["I"] < 0 else ""


def test_decisions_of_listing_4_on_random_and_on_made_up_histories():
    rng = np.random.default_rng(0)
    seen = set()
    for case in range(300):
        window = int(rng.integers(2, 5))
        c = rng.choice([0.5, 0.7, 0.8, 0.9, 1.2, 2.0], size=12)
        signs = rng.choice([1, 1, 1, -1], size=12)
        rows = [
            {"C_alpha": x, "p": x / (1 + x), "I": s * x / (1 + x) / 15} for x, s in zip(c, signs, strict=True)
        ]
        stopper = PhaseEarlyStopping(window=window, method="literal")
        for k in range(len(rows)):
            found = stopper.update(Measurement.of(k, literal=rows[k]))
            assert found.criterion == hand_stop(rows[: k + 1], window), (case, k)
            assert found.stop == bool(found.criterion)
            seen.add(found.criterion)
    assert seen == {"noise", "trend", "divergence", ""}


@pytest.mark.parametrize("shape", ["pareto", "gaussian", "stable-like"])
def test_tail_index_of_listing_5(shape):
    rng = np.random.default_rng(4)
    x = {
        "pareto": rng.pareto(1.4, 5000) + 1,
        "gaussian": rng.standard_normal(5000),
        "stable-like": rng.standard_cauchy(5000),
    }[shape] * rng.choice([-1, 1], 5000)

    found = est.tail_index(x, method="hill-literal").value

    size = sorted((abs(float(v)) for v in x), reverse=True)
    mean = math.fsum(math.log(v / (size[100] + 1e-10)) for v in size[:100]) / 100
    assert found == pytest.approx(min(2.0, max(1.0, 1 / (mean + 1e-10))), rel=1e-12)


def dense_hessian(module, x, y):
    """H (d, d) of the mean loss, from torch's own dense second derivatives."""
    theta = torch.cat([p.detach().reshape(-1) for p in module.parameters()])
    names, shapes = zip(*((name, p.shape) for name, p in module.named_parameters()), strict=True)

    def loss(flat):
        parts = torch.split(flat, [s.numel() for s in shapes])
        state = {n: part.view(s) for n, part, s in zip(names, parts, shapes, strict=True)}
        return LOSS(torch.func.functional_call(module, state, (x,)), y)

    return torch.autograd.functional.hessian(loss, theta).numpy()


def test_hessian_vector_product_of_listing_6_on_the_batches_of_each_pass():
    module, v = network(), np.random.default_rng(1).standard_normal(53)
    product = loader_hvp(module, LOSS, shuffled(), batches=5, method="literal")

    found = [product(v), product(v)]

    again = shuffled()
    for result in found:
        batches = [batch for _, batch in zip(range(5), again, strict=False)]
        expected = sum(dense_hessian(module, x, y) @ v for x, y in batches) / 5
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)
    assert not np.allclose(found[0], found[1], rtol=1e-3)
    # A loader that gives fewer minibatches is divided by the number asked for, as in the source.
    few = [batch for _, batch in zip(range(2), shuffled(), strict=False)]
    short = loader_hvp(module, LOSS, few, batches=5, method="literal")(v)
    expected = sum(dense_hessian(module, x, y) @ v for x, y in few) / 5
    np.testing.assert_allclose(short, expected, rtol=0, atol=1e-12)


def test_frozen_products_are_those_of_one_symmetric_matrix():
    module, batches = network(), [b for _, b in zip(range(4), shuffled(n=60), strict=False)]
    product = loader_hvp(module, LOSS, iter(batches), batches=4)

    found = np.array([product(e) for e in np.eye(53)])

    x, y = (torch.cat(part) for part in zip(*batches, strict=True))
    assert len(x) == 60
    np.testing.assert_allclose(found, dense_hessian(module, x, y), rtol=0, atol=1e-12)


def test_power_iteration_of_listing_7_from_the_same_start():
    module, batches = network(), [b for _, b in zip(range(5), shuffled(), strict=False)]
    product = loader_hvp(module, LOSS, batches, batches=5, method="literal")

    found = est.lambda_max(product, 53, method="power", seed=8)

    h = sum(dense_hessian(module, x, y) for x, y in batches) / 5
    v = np.random.default_rng(8).standard_normal(53)
    v /= np.sqrt((v**2).sum())
    for _ in range(20):
        w = h @ v
        value = (v * w).sum()
        v = w / np.sqrt((w**2).sum())
    assert found.value == pytest.approx(value, rel=1e-9)
    assert found.n == 20
