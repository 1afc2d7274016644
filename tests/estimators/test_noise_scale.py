"""From one batch size to another, the noise scale, and C from two batch sizes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError


def population():
    """The 240 examples of GT18."""
    return np.random.default_rng(7).standard_normal((240, 8)) + 0.3


def test_gt18_c_of_a_finite_data_set_at_batch_20():
    g = population()
    c1 = (g.mean(axis=0) ** 2).sum() / g.var(axis=0).sum()

    assert c1 == pytest.approx(0.07520009, rel=1e-6)
    assert est.at_batch_size(c1, 1, 20).value == pytest.approx(1.504002, rel=1e-6)
    without = est.at_batch_size(c1, 1, 20, dataset_size=240, sampling="without-replacement")
    assert without.value == pytest.approx(1.633893, rel=1e-6)
    assert est.per_example(without, 20, 240, "without-replacement").value == pytest.approx(c1)
    assert est.at_batch_size(c1, 1, 240, 240, "without-replacement").value == math.inf


def test_gt18_batches_of_an_epoch_give_back_signal_and_noise_of_the_data_set():
    g, rng, reps = population(), np.random.default_rng(0), 3000
    signal, noise = [], []
    for _ in range(reps):
        batches = g[rng.permutation(240)[:120]].reshape(6, 20, 8).mean(axis=1)
        e = est.consolidation_ratio(batches, sampling="epoch", batch_size=20, dataset_size=240)
        signal.append(e.details["signal"])
        noise.append(e.details["noise"])

    # Five standard errors; S2/B = 0.3871612 with the divisor N − 1.
    mu2 = (g.mean(axis=0) ** 2).sum()
    assert abs(np.mean(signal) - mu2) < 5 * np.std(signal) / math.sqrt(reps)
    assert abs(np.mean(noise) - 0.3871612) < 5 * np.std(noise) / math.sqrt(reps)
    ratio = est.Estimate(mu2 / 0.3871612, math.nan, math.nan, 0.95, "given", 1)
    assert est.per_example(ratio, 20, 240).value == pytest.approx(0.07520009, rel=1e-6)


@settings(deadline=None)
@given(st.floats(1e-6, 1e3), st.integers(1, 100), st.integers(1, 100))
def test_batch_conversion_is_undone_by_its_inverse(c, batch, target):
    there = est.at_batch_size(c, batch, target, 101, "without-replacement")

    back = est.at_batch_size(there, target, batch, 101, "without-replacement")

    assert back.value == pytest.approx(c, rel=1e-12)
    assert est.noise_scale(c, batch).value * est.per_example(c, batch).value == pytest.approx(1)


def test_the_noise_scale_is_unbounded_where_no_signal_is_certain():
    e = est.Estimate(0.5, -0.1, 1.0, 0.95, "debiased", 20)

    scale = est.noise_scale(e, 10)

    assert (scale.value, scale.low, scale.high) == (20.0, 10.0, math.inf)
    assert scale.has("unbounded")
    assert est.noise_scale(-0.2, 10).value == math.inf


def test_gt40_signal_and_noise_from_two_batch_sizes_are_unbiased():
    d, n, rng = 20, 20_000, np.random.default_rng(1)

    def norms(batch):
        z = rng.standard_normal((n, d)) / math.sqrt(batch)
        z[:, 0] += math.sqrt(2)
        return (z * z).sum(axis=1)

    small, large = norms(4), norms(64)
    e = est.two_batch_consolidation(small, large, 4, 64, batch_size=8)

    signal = (64 * large - 4 * small) / 60
    noise = (small - large) / (1 / 4 - 1 / 64)
    # Five standard errors of both means.
    assert abs(e.details["signal"] - 2) < 5 * signal.std() / math.sqrt(n)
    assert abs(e.details["noise"] - 20) < 5 * noise.std() / math.sqrt(n)
    assert e.value == pytest.approx(8 * e.details["signal"] / e.details["noise"])
    assert e.low < 0.8 < e.high


def test_wrong_batches_are_refused():
    with pytest.raises(EstimatorError, match="1 ≤ small < large"):
        est.two_batch_consolidation([1.0], [1.0], 8, 4)
    with pytest.raises(EstimatorError, match="sampling must be"):
        est.per_example(1.0, 2, 10, "shuffled")
    with pytest.raises(EstimatorError, match="no noise to convert"):
        est.at_batch_size(1.0, 10, 2, 10, "without-replacement")
