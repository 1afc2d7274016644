"""C of layers, sub-networks, objectives and clients."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError

SEEDS = st.integers(0, 2**32 - 1)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 5))
def test_gt43_the_total_over_groups_is_c_of_the_whole(seed, cut):
    g = np.random.default_rng(seed).standard_normal((9, 6)) + 0.4

    found = est.group_consolidation(g, {"first": slice(0, cut), "rest": np.arange(cut, 6)})

    whole = est.consolidation_ratio(g)
    total = found["total"]
    assert total.value == pytest.approx(whole.value, rel=1e-9, abs=1e-12)
    assert (total.low, total.high) == pytest.approx((whole.low, whole.high), rel=1e-8, abs=1e-10)
    parts = [found["first"], found["rest"]]
    for name in ("signal", "noise"):
        assert sum(p.details[name] for p in parts) == pytest.approx(total.details[name], abs=1e-12)
    assert found["first"].value == pytest.approx(est.consolidation_ratio(g[:, :cut]).value, abs=1e-12)


def test_gt43_the_gain_of_a_subnetwork_is_six_where_the_literal_formula_says_111():
    d, inside, share = 100, 10, 0.6
    mean = np.r_[np.full(inside, math.sqrt(share / inside)), np.full(90, math.sqrt((1 - share) / 90))]
    g = np.random.default_rng(0).standard_normal((4000, d)) + mean

    gain = est.subnetwork_gain(g, slice(0, inside))
    literal = est.subnetwork_gain(g, slice(0, inside), "literal", d_h=1.5)

    assert gain.low < 6 < gain.high
    assert gain.high - gain.low < 1
    # |ḡ|² and |ḡ_S|² hold 2.5% and 0.4% of noise and vary by about 3%.
    assert literal.value == pytest.approx(111.1, rel=0.15)
    random = est.subnetwork_gain(g, np.random.default_rng(1).permutation(d)[:50])
    assert 0.5 < random.value < 1.5


def test_gt34_pooled_clients_are_the_whole_and_their_mean_c_is_not():
    sizes = (3, 7, 11)
    parts = [np.random.default_rng(k).standard_normal((m, 6)) * (k + 1) + k for k, m in enumerate(sizes)]
    whole = np.vstack(parts)

    pooled = est.combine_moments([est.gradient_moments(p) for p in parts])
    split = est.client_parts([est.gradient_moments(p) for p in parts])

    assert pooled.mean @ pooled.mean == pytest.approx(13.98279, rel=1e-6)
    assert pooled.trace == pytest.approx(38.92231, rel=1e-6)
    assert est.consolidation_ratio(pooled, "literal").value == pytest.approx(0.3592489, rel=1e-6)
    assert pooled.trace == pytest.approx(whole.var(axis=0, ddof=1).sum(), rel=1e-12)
    naive = np.mean([(p.mean(axis=0) ** 2).sum() / p.var(axis=0, ddof=1).sum() for p in parts])
    assert naive == pytest.approx(0.4086774, rel=1e-6)
    assert split.within + split.between == pytest.approx(pooled.trace, rel=1e-12)
    centre = whole.mean(axis=0)
    between = sum(m * ((p.mean(axis=0) - centre) ** 2).sum() for m, p in zip(sizes, parts, strict=True))
    assert split.between == pytest.approx(between / (len(whole) - 1), rel=1e-12)
    assert split.pooled.value == pytest.approx(est.consolidation_ratio(whole).value, rel=1e-10)
    assert split.alignment[0, 1] == pytest.approx(parts[0].mean(axis=0) @ parts[1].mean(axis=0))
    assert split.alignment[2, 2] == pytest.approx(split.clients[2].details["signal"])


def test_gt35_the_gram_of_objectives_is_unbiased():
    n, d, reps = 10, 30, 1500
    rng = np.random.default_rng(2)
    means = np.stack([np.full(d, 0.1), np.r_[np.full(15, 0.2), np.zeros(15)]])
    gram = means @ means.T
    found = []
    for _ in range(reps):
        shared = rng.standard_normal((n, d))
        own = rng.standard_normal((2, n, d))
        m = est.consolidation_matrix(means[:, None] + 0.6 * shared + 0.8 * own)
        found.append((m.gram, m.noise))
    grams, noises = (np.array(x) for x in zip(*found, strict=True))

    # Five standard errors; N = 30·(0.36 + 0.64·[k = l]).
    for values, exact in ((grams, gram), (noises, 30 * np.array([[1.0, 0.36], [0.36, 1.0]]))):
        error = values.std(axis=0) / math.sqrt(reps)
        assert (np.abs(values.mean(axis=0) - exact) < 5 * error).all()


def test_gt35_a_mixture_has_the_interval_of_the_mixed_gradients():
    g = np.random.default_rng(3).standard_normal((2, 12, 5)) + 0.5

    m = est.consolidation_matrix(g)
    alone = est.consolidation_ratio(g[0])

    e = m.estimate([1.0, 0.0])
    assert e.value == pytest.approx(alone.value)
    assert e.low == pytest.approx(alone.low)
    mixed = m.estimate([0.5, 0.5])
    assert mixed.value == pytest.approx(est.consolidation_ratio(0.5 * (g[0] + g[1])).value)
    assert mixed.low == pytest.approx(est.consolidation_ratio(0.5 * (g[0] + g[1])).low)
    assert mixed.high == pytest.approx(est.consolidation_ratio(0.5 * (g[0] + g[1])).high)


def test_gt35_opposed_objectives_are_pareto_stationary_and_aligned_ones_are_not():
    rng = np.random.default_rng(4)
    mean = np.full(20, 1.0)
    opposed = rng.standard_normal((2, 50, 20)) + np.stack([mean, -2 * mean])[:, None]
    aligned = rng.standard_normal((2, 50, 20)) + np.stack([mean, 2 * mean])[:, None]

    one, other = est.consolidation_matrix(opposed), est.consolidation_matrix(aligned)

    assert one.pareto().has("pareto_stationary")
    # w μ₁ + (1 − w) μ₂ = 0 at w = 2/3.
    assert one.pareto_weights[0] == pytest.approx(2 / 3, abs=0.03)
    assert not other.pareto().has("pareto_stationary")
    assert other.pareto_weights[0] == pytest.approx(1, abs=0.01)
    assert other.pareto_gap == pytest.approx(20, rel=0.1)


def test_wrong_groups_are_refused():
    g = np.zeros((3, 4))
    for groups in ({}, {"total": slice(0, 2)}, {"none": slice(4, 9)}, {"far": [7]}):
        with pytest.raises(EstimatorError):
            est.group_consolidation(g, groups)
    with pytest.raises(EstimatorError, match="d_h"):
        est.subnetwork_gain(g, [0], "literal")
    with pytest.raises(EstimatorError, match="weights must have shape"):
        est.consolidation_matrix(np.random.default_rng(0).standard_normal((2, 5, 3))).estimate([1.0])
    with pytest.raises(EstimatorError, match="at least 2 gradients"):
        est.client_parts([est.GradientMoments(1, np.zeros(2), 0.0)])
