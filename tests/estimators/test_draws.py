"""What every form of C is made of: the sums of draws, the same on every way to them."""

import math

import numpy as np
import pytest
from scipy.stats import beta, t

from sdesim.errors import EstimatorError
from sdesim.estimators.core import draws
from sdesim.estimators.core.draws import (
    debiased,
    draws_of_gradients,
    draws_of_numbers,
    jackknife,
    largest_share,
    matrix,
    no_ratio,
    noise_flags,
    noise_masks,
    where_known,
)

# By hand: ḡ = (2, 1), e = (−1, 0), (1, 0), (0, 1), (0, −1).
SQUARE = np.array([[1.0, 1.0], [3.0, 1.0], [2.0, 2.0], [2.0, 0.0]])


def gradients(shape=(9, 5), seed=0):
    return np.random.default_rng(seed).standard_normal(shape) + 0.5


def test_the_sums_of_four_draws_are_those_by_hand():
    found = draws_of_gradients(SQUARE, with_gram=True)

    assert (found.n, float(found.signal), float(found.trace)) == (4, 5.0, 4 / 3)
    np.testing.assert_array_equal(found.deviation, [1, 1, 1, 1])
    np.testing.assert_array_equal(found.along, [-2, 2, 1, -1])
    np.testing.assert_array_equal(found.gram, [[1, -1, 0, 0], [-1, 1, 0, 0], [0, 0, 1, -1], [0, 0, -1, 1]])


def test_blocks_of_columns_places_and_two_numbers_per_draw_give_the_same_sums(monkeypatch):
    g = gradients((3, 9, 5))
    mean = g.mean(axis=1)
    by_numbers = draws_of_numbers((g * g).sum(axis=-1), np.einsum("kij,kj->ki", g, mean))
    whole = draws_of_gradients(g)
    # Of 18 entries a block holds two columns of nine draws, and no whole place.
    monkeypatch.setattr(draws, "BLOCK", 18)

    for found in (whole, by_numbers, draws_of_gradients(g)):
        np.testing.assert_allclose(found.signal, (mean**2).sum(axis=-1), rtol=1e-13)
        np.testing.assert_allclose(found.deviation, ((g - mean[:, None]) ** 2).sum(axis=-1), rtol=1e-13)
        np.testing.assert_allclose(
            found.along, np.einsum("kij,kj->ki", g - mean[:, None], mean), rtol=0, atol=1e-13
        )
        np.testing.assert_allclose(found.trace, g.var(axis=1, ddof=1).sum(axis=-1), rtol=1e-13)


def test_draws_on_two_sets_of_coordinates_add_to_those_on_all():
    g = gradients()

    added, whole = draws_of_gradients(g[:, :2]) + draws_of_gradients(g[:, 2:]), draws_of_gradients(g)

    for name in ("signal", "deviation", "along"):
        np.testing.assert_allclose(getattr(added, name), getattr(whole, name), rtol=1e-13, atol=1e-14)


def test_a_draw_left_out_leaves_the_sums_of_the_others():
    g = gradients()

    signal, trace = draws_of_gradients(g).left_out()

    others = [draws_of_gradients(np.delete(g, i, axis=0)) for i in range(len(g))]
    np.testing.assert_allclose(signal, [o.signal for o in others], rtol=1e-12)
    np.testing.assert_allclose(trace, [o.trace for o in others], rtol=1e-12)


def test_the_jackknife_of_four_draws_is_the_one_by_hand():
    found = draws_of_gradients(SQUARE)
    left = [debiased(*(np.asarray(x) for x in sums), 3, 1.0) for sums in zip(*found.left_out(), strict=True)]
    variance = 3 / 4 * ((np.array(left) - np.mean(left)) ** 2).sum()
    quantile = t.ppf(0.95, 3)
    # h, the share of the noise along ḡ: Σ(eᵢ·ḡ)²/(n − 1) over |ḡ|² Tr Σ̂ = (10/3)/(5·4/3).
    slope = quantile**2 * 4 * 0.5 / 4

    value, low, high = jackknife(found, 0.9)

    assert value == pytest.approx(5 / (4 / 3) - 1 / 4)
    assert value - low == pytest.approx(quantile * math.sqrt(variance))
    # The upper end solves x² = t²v + slope·x.
    assert (high - value) ** 2 == pytest.approx(quantile**2 * variance + slope * (high - value))


def test_two_draws_have_a_value_and_no_interval():
    value, low, high = jackknife(draws_of_gradients(SQUARE[:2]), 0.95)

    assert value == pytest.approx(5 / 2 - 1 / 2)
    assert np.isnan([low, high]).all()


def test_each_place_has_the_flag_of_its_own_two_sums():
    signal, trace = np.array([1.0, 1.0, 0.0, np.nan, 1.0]), np.array([1.0, 0.0, 0.0, 1.0, 1e-25])

    masks = noise_masks(signal, trace, 9)
    value, low, high = where_known(masks, signal, signal - 1, signal + 1)

    assert {name: mask.tolist() for name, mask in masks.items()} == {
        "n_too_small": [False] * 5,
        "nonfinite": [False, False, False, True, False],
        "interpolated": [False, False, True, False, False],
        "zero_noise": [False, True, False, False, True],
    }
    np.testing.assert_array_equal(value, [1, np.inf, np.nan, np.nan, np.inf])
    np.testing.assert_array_equal(low, [0, *[np.nan] * 4])
    np.testing.assert_array_equal(high, [2, *[np.nan] * 4])
    assert noise_flags(1.0, 0.0, 3) == ["n_too_small", "zero_noise"]


@pytest.mark.parametrize(
    ("flag", "value"), [("zero_noise", math.inf), ("interpolated", math.nan), ("nonfinite", math.nan)]
)
def test_without_a_ratio_the_answer_is_infinite_or_undefined_and_has_no_interval(flag, value):
    e = no_ratio([flag], 0.95, "debiased", 9)

    assert e.value == pytest.approx(value, nan_ok=True)
    assert math.isnan(e.low)
    assert e.flags == (flag, "no_interval")
    assert no_ratio(["n_too_small"], 0.95, "debiased", 3) is None


def test_one_draw_outweighs_the_rest_beyond_the_quantile_of_the_beta_law():
    n = 10
    # (n/(n−1)) e²/Σe² ~ Beta(½, (n−2)/2); Bonferroni over n at 0.1%.
    bound = (n - 1) / n * beta.ppf(1 - 1e-3 / n, 0.5, (n - 2) / 2)
    rest = np.full(n - 1, (1 - bound) / (n - 1))

    share, heavy = largest_share(np.stack([np.append(rest, bound + d) for d in (-1e-6, 1e-6)]))

    np.testing.assert_allclose(share, bound, rtol=1e-5)
    assert heavy.tolist() == [False, True]
    assert not largest_share(np.array([1.0, 0.0, 0.0]))[1]


def test_gradients_keep_their_floats_and_what_is_none_is_refused():
    single = SQUARE.astype(np.float32)

    assert matrix(single) is single
    assert matrix(SQUARE.astype(int)).dtype == np.float64
    assert matrix(np.zeros((2, 3, 4)), leading=True).shape == (2, 3, 4)
    with pytest.raises(EstimatorError, match=r"shape \(n, d\), got \(2, 3, 4\)"):
        matrix(np.zeros((2, 3, 4)))
    with pytest.raises(EstimatorError, match="at least 3 gradients are needed for a covariance, got 2"):
        matrix(np.zeros((2, 4)), rows=3)
