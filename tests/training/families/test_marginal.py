"""Laws of gradients are told from one another by draws that they were not fitted to."""

from __future__ import annotations

import numpy as np
import pytest

import sdesim
from sdesim.training.families.marginal import marginal_scores
from sdesim.training.families.samples import Samples

PLACES, N, K = 24, 48, 6
RNG = np.random.default_rng(0)
TURN = RNG.standard_normal((K, K))
NORMAL = RNG.standard_normal((PLACES, N, K))
HEAVY = sdesim.stable.multivariate(1.4, np.eye(K)).rvs((PLACES, N), seed=3)
SCALES = np.array([0.1, 0.3, 1.0, 2.0, 4.0, 8.0])


def scores(values, axes="coordinates"):
    found, alphas = marginal_scores(Samples(values, np.zeros(PLACES, dtype=np.int64), axes, "draws"))
    return {key: score.mean() for key, score in found.items()}, alphas


@pytest.mark.parametrize(
    ("values", "covariance", "tail"),
    [
        (NORMAL, "isotropic", "gaussian"),
        (NORMAL * SCALES, "diagonal", "gaussian"),
        (NORMAL @ TURN, "full", "gaussian"),
        (HEAVY, "isotropic", "stable"),
        (HEAVY @ TURN, "full", "stable"),
    ],
)
def test_the_family_that_made_the_draws_scores_highest(values, covariance, tail):
    # The seeds are fixed; a truncated law at a far radius comes nearest, 0.0025 nats behind a stable one.
    found, _ = scores(values)

    assert max(found, key=found.get) == (covariance, tail)


def test_a_gaussian_score_is_the_log_density_of_the_law_that_made_the_draws():
    found, alphas = scores(NORMAL)

    # −½ log 2πe; fitting 6 means and one scale to 36 draws costs 1/72 + 1/432, and 1,152 draws leave
    # 0.7/√6912.
    expected = -0.5 * np.log(2 * np.pi * np.e) - 1 / 72 - 1 / 432
    assert found["isotropic", "gaussian"] == pytest.approx(expected, abs=5 * 0.7 / np.sqrt(6912))
    assert alphas["isotropic", "gaussian"] == 2.0


def test_the_index_of_heavy_tails_is_found():
    # On a grid of 0.05.
    assert scores(HEAVY)[1]["isotropic", "stable"] == pytest.approx(1.4, abs=0.05)


def test_draws_cut_at_a_longest_radius_are_told_from_uncut_ones():
    long = sdesim.stable.multivariate(1.2, np.eye(K)).rvs((6 * PLACES * N,), seed=4)
    cut = long[np.linalg.norm(long, axis=1) < 6.0][: PLACES * N].reshape(PLACES, N, K)

    found, _ = scores(cut)

    assert found["isotropic", "truncated"] > found["isotropic", "stable"] > found["isotropic", "gaussian"]


def test_random_directions_tell_no_diagonal_covariance():
    assert not any(covariance == "diagonal" for covariance, _ in scores(NORMAL, "directions")[0])
