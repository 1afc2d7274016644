"""C from sums of groups is that of the draws, its error the delete-a-group jackknife's."""

import numpy as np
import pytest
from scipy.stats import t

from sdesim.estimators.consolidation.grouped import GroupSums, ratio_ends

DIM, DRAWS, GROUPS = 7, 70, 8
G = 0.4 + np.random.default_rng(1).standard_normal((DRAWS, DIM))


def parts(g):
    """M, Tr Σ̂ and their ratio."""
    noise = float(g.var(axis=0, ddof=1).sum())
    signal = float((g.mean(axis=0) ** 2).sum()) - noise / len(g)
    return signal, noise, signal / noise


@pytest.fixture(scope="module")
def found():
    sums = GroupSums(DIM, GROUPS)
    for block in np.split(G, [20, 21, 50]):
        sums.add(block)
    return sums


def test_values_are_those_of_all_draws_at_once(found):
    read = found.read()

    assert (read.draws, read.groups, found.draws) == (DRAWS, GROUPS, DRAWS)
    assert (read.signal, read.noise, read.ratio) == pytest.approx(parts(G), rel=1e-12)
    np.testing.assert_allclose(found.mean, G.mean(axis=0), rtol=1e-12)


def test_errors_are_the_jackknife_s_over_groups_of_every_eighth_draw(found):
    read, place = found.read(), np.arange(DRAWS) % GROUPS
    without = np.array([parts(G[place != k]) for k in range(GROUPS)])

    errors = np.sqrt((GROUPS - 1) * without.var(axis=0))

    assert [read.signal_error, read.noise_error, read.ratio_error] == pytest.approx(errors, rel=1e-9)


def test_the_share_of_noise_along_the_mean_is_found():
    """Noise of variance 4 along the mean and 1 along each of six other axes: h = 0.4."""
    rng, n = np.random.default_rng(2), 64_000
    draws = rng.standard_normal((n, DIM))
    draws[:, 0] = 5.0 + 2.0 * draws[:, 0]
    sums = GroupSums(DIM, 2000)
    sums.add(draws)

    # 1,999 degrees of freedom know a variance to 3%; five of these.
    assert sums.read().rise * n / 4 == pytest.approx(0.4, rel=0.16)


def test_ends_solve_the_score_s_equation():
    c, error, rise, level = 0.3, 0.02, 0.01, 0.9
    low, high = ratio_ends(c, error, rise, GROUPS, level)
    q = t.ppf(0.95, GROUPS - 1)

    assert low == pytest.approx(c - q * error)
    assert (high - c) ** 2 == pytest.approx(q**2 * (error**2 + rise * (high - c)))
    assert np.isnan(ratio_ends(np.nan, np.nan, np.nan, np.nan, level)).all()


def test_too_few_draws_have_no_error():
    sums = GroupSums(DIM, GROUPS)
    sums.add(G[:4])

    read = sums.read()

    assert read.ratio == pytest.approx(parts(G[:4])[2])
    assert np.isnan([read.ratio_error, read.signal_error, read.noise_error]).all()
