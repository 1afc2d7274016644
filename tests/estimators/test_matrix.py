"""C of objectives on the same batches and of one objective at several clients."""

import math

import numpy as np
import pytest

from sdesim import estimators as est
from sdesim.errors import EstimatorError


def test_the_matrix_form_finds_the_best_mixture_of_objectives():
    rng = np.random.default_rng(5)
    g = rng.standard_normal((2, 40, 6)) + np.array([[[1.0]], [[0.5]]])

    m = est.consolidation_matrix(g)

    w = m.weights
    assert m.ratio(w) == pytest.approx(m.best)
    for angle in np.linspace(0, np.pi, 30):
        assert m.ratio([np.cos(angle), np.sin(angle)]) <= m.best + 1e-9
    first = est.consolidation_ratio(g[0]).value
    assert m.ratio([1.0, 0.0]) == pytest.approx(first)


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


def test_wrong_weights_and_clients_of_one_gradient_are_refused():
    with pytest.raises(EstimatorError, match="weights must have shape"):
        est.consolidation_matrix(np.random.default_rng(0).standard_normal((2, 5, 3))).estimate([1.0])
    with pytest.raises(EstimatorError, match="at least 2 gradients"):
        est.client_parts([est.GradientMoments(1, np.zeros(2), 0.0)])
