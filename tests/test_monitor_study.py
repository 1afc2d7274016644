"""The study of watched loops holds them against the truth of all examples, beside public noise scales."""

from __future__ import annotations

import math

import pytest
import torch

from analysis.monitor import __main__ as command
from analysis.monitor import coverage, loops, networks, peers
from sdesim.estimators.consolidation.contributions import contribution_moments


def test_the_truth_is_the_signal_over_the_noise_of_a_drawn_batch():
    g = networks.gradients(networks.problem("logistic regression"))
    drawn = g[torch.randint(len(g), (4000, networks.BATCH), generator=torch.Generator().manual_seed(0))]
    means = drawn.mean(dim=1)
    signal, noise = networks.moments(g)

    # 4,000 means of a batch: their scatter is off by 5 √(2/4000) at most, where one dimension rules (6e-7).
    scatter = float(means.var(dim=0).sum())
    assert scatter == pytest.approx(noise / networks.BATCH, rel=5 * math.sqrt(2 / 4000))
    assert coverage.truth("logistic regression", "one batch") == networks.BATCH * signal / noise


def test_a_peer_of_equal_parts_reads_the_moments_of_contributions():
    generator = torch.Generator().manual_seed(1)
    g = torch.randn(1, networks.BATCH, 6, generator=generator, dtype=torch.float64)
    split = g.view(1, peers.PARTS, -1, 6).mean(dim=2) / peers.PARTS

    found = contribution_moments(
        float(split.sum(1).square().sum()), float(split.square().sum()), 1 / peers.PARTS
    )

    expected = networks.BATCH * float(found.noise) / float(found.signal)
    assert peers.parts(g, torch.ones(6, dtype=torch.bool)) == pytest.approx(expected, rel=1e-12)


def test_a_row_counts_what_its_intervals_hold():
    found = [{"C": c, "low": c - 1, "high": c + 1} for c in (0.5, 1.0, 4.0)]

    assert coverage.covered([*found, {"low": math.nan}], 1.2) == (2, 3)
    assert coverage.summary([1.0, 4.0, -1.0, math.nan], 1.0) == {"n": 3, "middle": 4.0, "beyond": 2 / 3}


@pytest.mark.parametrize("kind", ["one batch", "unequal parts"])
def test_a_loop_stays_where_it_begins_and_is_read(kind):
    p = networks.problem("convolution")
    before = [w.clone() for w in p.model.parameters()]

    (found,) = loops.trials(p, kind, range(1), 0.0)

    assert all(torch.equal(a, b) for a, b in zip(before, p.model.parameters(), strict=True))
    assert found["low"] <= found["C"] <= found["high"]
    cells = {"a": {"network": "convolution", "loop": kind, "truth": 1.0, "inside": 1, "known": 1,
                   "middle": 1.0, "beyond": 0.0, "width": 1.0, "flags": []}}  # fmt: skip
    assert "1 of 1 intervals hold the truth" in command.table(cells)
