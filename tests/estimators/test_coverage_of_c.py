"""Coverage of every interval of C, by repeated draws with a known C (nominal 95%)."""

import math

import numpy as np
import pytest

from sdesim import estimators as est
from sdesim.estimators.core.draws import draws_of_numbers, jackknife

# White noise; a spectrum k^−1.5 and a single axis, both with the signal along the noisiest axis.
SPECTRA = {"white": np.ones(50), "power": np.arange(1, 51.0) ** -1.5, "axis": np.eye(50)[0]}


def gradients(rng, c, n, spectrum="white", reps=None, law="normal"):
    """(reps, n, 50) gradients with consolidation ratio c."""
    lam = SPECTRA[spectrum]
    direction = np.full(50, 1 / math.sqrt(50)) if spectrum == "white" else np.eye(50)[0]
    shape = (n, 50) if reps is None else (reps, n, 50)
    z = rng.standard_normal(shape) if law == "normal" else rng.standard_t(5, shape) * math.sqrt(3 / 5)
    return z * np.sqrt(lam) + direction * math.sqrt(c * lam.sum())


def coverage(make, c, reps):
    found = [make() for _ in range(reps)]
    return np.mean([e.low <= c <= e.high for e in found])


def below(share, reps):
    """Five binomial standard errors under a true coverage: missed with chance 3e-7."""
    return share - 5 * math.sqrt(share * (1 - share) / reps)


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("n", [4, 8, 20, 64])
@pytest.mark.parametrize("c", [1e-4, 0.05, 1.0])
def test_the_default_interval_covers_at_its_level(spectrum, n, c):
    reps = 1000 if n < 64 else 400
    g = gradients(np.random.default_rng([n, int(1e4 * c)]), c, n, spectrum, reps)
    mean = g.mean(axis=1)

    _, low, high = jackknife(
        draws_of_numbers((g * g).sum(axis=-1), np.einsum("rnd,rd->rn", g, mean)), level=0.95
    )

    # The measured coverages are 0.945 to 1.
    assert np.mean((low <= c) & (c <= high)) > below(0.945, reps)


@pytest.mark.parametrize("c", [0.05, 10.0])
def test_the_default_interval_covers_with_student_noise(c):
    reps = 1000
    g = gradients(np.random.default_rng(5), c, 20, reps=reps, law="t5")

    _, low, high = jackknife(
        draws_of_numbers((g * g).sum(axis=-1), np.einsum("rnd,rd->rn", g, g.mean(axis=1))), level=0.95
    )

    # Heavier tails cost about a percent: 0.937 measured at C = 10.
    assert np.mean((low <= c) & (c <= high)) > below(0.937, reps)


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_the_conservative_interval_holds_the_default_one_and_covers(spectrum):
    rng, reps, c = np.random.default_rng(6), 300, 0.05

    def both():
        g = gradients(rng, c, 8, spectrum)
        e, plain = est.consolidation_ratio(g, conservative=True), est.consolidation_ratio(g)
        assert e.low <= plain.low
        assert e.high >= plain.high
        return e

    # Measured 0.99 to 1.
    assert coverage(both, c, reps) > below(0.96, reps)


def test_gt17_the_exact_gaussian_interval_covers_white_noise_exactly():
    rng, reps, c = np.random.default_rng(7), 600, 0.5

    share = coverage(
        lambda: est.consolidation_ratio(gradients(rng, c, 20), "exact-gaussian", dim=50), c, reps
    )

    assert abs(share - 0.95) < 5 * math.sqrt(0.95 * 0.05 / reps)


@pytest.mark.parametrize(("spectrum", "dim"), [("white", 50), ("axis", 1), ("power", None)])
def test_the_interval_of_moments_alone_covers(spectrum, dim):
    rng, reps, c = np.random.default_rng(8), 600, 0.2

    share = coverage(
        lambda: est.consolidation_ratio(est.gradient_moments(gradients(rng, c, 8, spectrum)), dim=dim),
        c,
        reps,
    )

    # The worst case over covariances is wide where the covariance is not that case: up to 1.
    assert share > below(0.97, reps)


@pytest.mark.parametrize("c", [0.01, 1.0])
def test_the_interval_over_half_batches_covers(c):
    rng, reps = np.random.default_rng(9), 1000

    share = coverage(lambda: est.paired_consolidation(gradients(rng, c, 30), gradients(rng, c, 30)), c, reps)

    # Measured 0.945 to 0.955.
    assert abs(share - 0.95) < 5 * math.sqrt(0.95 * 0.05 / reps) + 0.005


@pytest.mark.parametrize("c", [0.01, 1.0])
def test_the_interval_over_a_window_covers(c):
    rng, reps = np.random.default_rng(10), 400
    g = gradients(rng, c, 16, reps=20 * reps)
    mean = g.mean(axis=1)
    signal = (mean**2).sum(axis=-1).reshape(reps, 20)
    noise = g.var(axis=1, ddof=1).sum(axis=-1).reshape(reps, 20)

    found = [est.windowed_consolidation(s, t, 16) for s, t in zip(signal, noise, strict=True)]

    share = np.mean([e.low <= c <= e.high for e in found])
    assert abs(share - 0.95) < 5 * math.sqrt(0.95 * 0.05 / reps) + 0.005


@pytest.mark.parametrize("c1", [0.01, 0.2])
def test_gt40_the_two_batch_interval_covers(c1):
    rng, reps = np.random.default_rng(11), 1000

    def pair(batch):
        g = gradients(rng, c1 * batch, 50 * reps) / math.sqrt(batch)
        return (g * g).sum(axis=-1).reshape(reps, 50)

    found = [est.two_batch_consolidation(s, b, 4, 64) for s, b in zip(pair(4), pair(64), strict=True)]

    share = np.mean([e.low <= c1 <= e.high for e in found])
    assert abs(share - 0.95) < 5 * math.sqrt(0.95 * 0.05 / reps) + 0.005


@pytest.mark.parametrize(("spectrum", "dim"), [("white", None), ("white", 50), ("axis", None)])
def test_the_interval_of_the_exponential_average_covers(spectrum, dim):
    rng, reps, c = np.random.default_rng(12), 150, 0.2

    def streamed():
        stream = est.EmaStream(0.9)
        for g in gradients(rng, c, 40, spectrum):
            stream.update(g)
        return stream.estimate(dim=dim)

    assert coverage(streamed, c, reps) > below(0.97, reps)


@pytest.mark.parametrize("method", ["median-of-means", "scale", "alpha-moment"])
def test_the_robust_intervals_cover_gaussian_noise(method):
    rng, reps, c = np.random.default_rng(13), 150, 0.3

    share = coverage(lambda: est.consolidation_ratio(gradients(rng, c, 32), method), c, reps)

    # Measured 0.94 (scale) to 1.
    assert share > below(0.94, reps)


@pytest.mark.parametrize("n", [8, 80])
def test_gt18_the_interval_of_batches_of_one_epoch_covers(n):
    rng, reps = np.random.default_rng(14), 300
    examples = rng.standard_normal((400, 20)) + 0.3
    c = (examples.mean(axis=0) ** 2).sum() / (examples.var(axis=0, ddof=1).sum() / 5)

    def epoch():
        batches = examples[rng.permutation(400)[: 5 * n]].reshape(n, 5, 20).mean(axis=1)
        return est.consolidation_ratio(batches, sampling="epoch", batch_size=5, dataset_size=400)

    # Measured 0.978 to 1.
    assert coverage(epoch, c, reps) > below(0.975, reps)


@pytest.mark.parametrize("n", [20, 100])
def test_gt43_the_interval_of_a_subnetworks_gain_covers(n):
    rng, reps = np.random.default_rng(15), 400
    # 60% of the signal on a quarter of the coordinates, white noise: a gain of 2.4, at C = 0.3.
    mean = np.sqrt(0.3 * 40 * np.r_[np.full(10, 0.06), np.full(30, 0.4 / 30)])

    share = coverage(
        lambda: est.subnetwork_gain(rng.standard_normal((n, 40)) + mean, slice(0, 10)), 2.4, reps
    )

    # Measured 0.94 to 0.97.
    assert share > below(0.94, reps)


@pytest.mark.parametrize(("along", "gap"), [(0.5, 0.75), (-2.0, 0.0)])
def test_gt35_the_interval_of_the_pareto_gap_covers(along, gap):
    rng, reps = np.random.default_rng(16), 250
    means = np.zeros((2, 30))
    means[0, 0], means[1, 0] = 1.0, along
    means[1, 1] = math.sqrt(0.75) if along > 0 else 0.0

    def found():
        return est.consolidation_matrix(means[:, None] + 0.5 * rng.standard_normal((2, 40, 30))).pareto()

    # Measured 0.96 and 0.98.
    assert coverage(found, gap, reps) > below(0.95, reps)
