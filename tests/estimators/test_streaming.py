"""C of gradients that come one by one, against the batch form and closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError

SEEDS = st.integers(0, 2**32 - 1)


def rows(seed, n=13, d=7):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-2, 2) + rng.standard_normal(d)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 12))
def test_welford_is_the_batch_form_in_one_stream_and_in_two_merged(seed, cut):
    g = rows(seed)
    one, first, second = est.MomentStream(), est.MomentStream(), est.MomentStream()

    for row in g:
        one.update(row)
    first.update(g[:cut])
    second.update(g[cut:])
    first.merge(second)

    batch = est.consolidation_ratio(est.gradient_moments(g))
    for stream in (one, first):
        e = stream.estimate()
        assert stream.n == len(g)
        assert e.details["signal"] == pytest.approx(batch.details["signal"], rel=1e-10, abs=1e-12)
        assert e.details["noise"] == pytest.approx(batch.details["noise"], rel=1e-10)
        assert (e.value, e.low, e.high) == pytest.approx(
            (batch.value, batch.low, batch.high), rel=1e-10, abs=1e-10
        )
    assert batch.value == pytest.approx(est.consolidation_ratio(g).value, rel=1e-10, abs=1e-10)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 12))
def test_streamed_pairs_are_the_batch_of_pairs_in_one_stream_and_in_two_merged(seed, cut):
    a, b = rows(seed), rows(seed + 1)
    one, first, second = est.PairStream(), est.PairStream(), est.PairStream()

    for x, y in zip(a, b, strict=True):
        one.update(x, y)
    for part, where in ((first, slice(None, cut)), (second, slice(cut, None))):
        for x, y in zip(a[where], b[where], strict=True):
            part.update(x, y)
    first.merge(second)

    batch = est.paired_consolidation(a, b)
    assert batch.details["signal"] == pytest.approx(np.einsum("ij,ij->", a, b) / len(a), rel=1e-9, abs=1e-9)
    assert batch.details["noise"] == pytest.approx(0.5 * ((a - b) ** 2).sum() / len(a), rel=1e-12)
    for stream in (one, first):
        e = stream.estimate()
        assert e.flags == batch.flags
        assert (e.value, e.low, e.high) == pytest.approx(
            (batch.value, batch.low, batch.high), rel=1e-10, abs=1e-10, nan_ok=True
        )


def test_gt39_the_exponential_average_is_unbiased_at_every_time():
    c, d, reps = 0.2, 20, 1500
    rng = np.random.default_rng(0)
    mean = np.zeros(d)
    mean[0] = math.sqrt(c * d)
    times = (2, 3, 15)
    signal, noise = {t: [] for t in times}, {t: [] for t in times}

    for _ in range(reps):
        stream = est.EmaStream(0.9)
        for t, g in enumerate(rng.standard_normal((15, d)) + mean, 1):
            stream.update(g)
            if t in times:
                e = stream.estimate()
                signal[t].append(e.details["signal"])
                noise[t].append(e.details["noise"])

    assert e.details["k"] == pytest.approx(0.07992349, rel=1e-6)
    for t in times:
        # Five standard errors of each mean.
        assert abs(np.mean(signal[t]) - 4) < 5 * np.std(signal[t]) / math.sqrt(reps)
        assert abs(np.mean(noise[t]) - 20) < 5 * np.std(noise[t]) / math.sqrt(reps)


def test_a_moving_mean_is_called_drift_and_a_frozen_one_is_not():
    rng = np.random.default_rng(1)
    calls = []
    for _ in range(20):
        frozen = est.EmaStream(0.9)
        for g in rng.standard_normal((100, 20)) + 0.4:
            frozen.update(g)
            if frozen.n >= 2:
                calls.append(frozen.estimate().has("drift"))
    moving = est.EmaStream(0.9)
    for t in range(100):
        moving.update(rng.standard_normal(20) + (0.4 if t < 85 else -0.4))

    assert moving.estimate().has("drift")
    # Measured below 0.1% of times; calls of one stream come in runs of about ten.
    assert np.mean(calls) < 0.02


def test_identical_gradients_have_no_noise():
    stream = est.EmaStream()
    for _ in range(5):
        stream.update(np.full(3, 0.1))

    e = stream.estimate()

    assert e.has("zero_noise")
    assert e.value == math.inf


def test_wrong_streams_are_refused():
    with pytest.raises(EstimatorError, match="0 < beta < slow < 1"):
        est.EmaStream(0.9, 0.5)
    with pytest.raises(EstimatorError, match="no gradient has been seen"):
        est.MomentStream().estimate()
    with pytest.raises(EstimatorError, match="no pair"):
        est.PairStream().estimate()
    stream = est.EmaStream()
    stream.update(np.ones(3))
    with pytest.raises(EstimatorError, match=r"\(3,\)"):
        stream.update(np.ones(4))
    with pytest.raises(EstimatorError, match="at least 2"):
        stream.estimate()
