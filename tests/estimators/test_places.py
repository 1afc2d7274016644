"""Every estimator with an array form gives at each place what it gives of that place alone, flags and all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError

SHAPE = (2, 4)


def gradients(seed=0, n=9, d=3):
    """(2, 4, n, d): plain draws; places with NaN, inf, no noise, no gradient, one wild draw, no signal."""
    g = 0.4 + np.random.default_rng(seed).standard_normal((*SHAPE, n, d))
    g[0, 1] = np.nan
    g[0, 2, 3, 1] = np.inf
    g[0, 3] = g[0, 3, 0]
    g[1, 0] = 0.0
    g[1, 1, 2] *= 50.0
    g[1, 2] -= g[1, 2].mean(axis=0)
    return g


def numbers(g):
    with np.errstate(invalid="ignore"):
        return (g**2).sum(axis=-1), np.einsum("...nd,...d->...n", g, g.mean(axis=-2))


def interval(seed=0, low=-3.0, high=3.0, flags=("one", "other")):
    """An array Estimate with a place without a value, one without an interval, and infinite ends."""
    rng = np.random.default_rng(seed)
    value = rng.uniform(low, high, SHAPE)
    ends = np.abs(rng.standard_normal((2, *SHAPE)))
    value[0, 0], value[1, 3] = np.nan, high
    a, b = value - ends[0], value + ends[1]
    a[0, 1] = b[0, 1] = np.nan
    b[1, 1] = np.inf
    masks = {f: rng.random(SHAPE) < 0.5 for f in flags}
    return est.Estimate(value, a, b, 0.9, "given", rng.integers(1, 99, SHAPE), masks)


def positive(seed=0):
    return interval(seed, 0.2, 2.0)


def agree(many, one, place):
    """Whether the place of the array is that Estimate, to the rounding of sums in another order."""
    at = many[place]
    assert (at.value, at.low, at.high) == pytest.approx(
        (one.value, one.low, one.high), rel=1e-9, abs=1e-12, nan_ok=True
    )
    assert (at.level, at.method, at.n) == (one.level, one.method, one.n)
    assert set(at.flags) == set(one.flags)
    for name, x in one.details.items():
        close = x if isinstance(x, str) else pytest.approx(x, rel=1e-7, abs=1e-12, nan_ok=True)
        assert at.details[name] == close, name


def everywhere(many, alone, shape=SHAPE):
    assert many.shape == many.low.shape == many.n.shape == shape
    assert all(mask.shape == shape and mask.dtype == bool for mask in many.flags.values())
    for place in np.ndindex(shape):
        agree(many, alone(place), place)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("options", [
    {}, {"method": "literal"}, {"level": 0.8}, {"sampling": "epoch", "batch_size": 2, "dataset_size": 40},
    {"tails": interval(3, 0.5, 1.9, ("gaussian_not_rejected",))},
])  # fmt: skip
@pytest.mark.parametrize("n", [2, 3, 9])
def test_c_of_gradients_and_of_their_numbers(options, n):
    g = gradients(n=max(n, 4))[:, :, :n] if n < 4 else gradients(n=n)
    tails = options.get("tails")

    def own(place):
        return options if tails is None else options | {"tails": tails[place]}

    everywhere(est.consolidation_ratio(g, **options), lambda p: est.consolidation_ratio(g[p], **own(p)))
    norm2, dot = numbers(g)
    everywhere(
        est.consolidation_from_draws(norm2, dot, **options),
        lambda p: est.consolidation_from_draws(norm2[p], dot[p], **own(p)),
    )


@pytest.mark.parametrize("options", [
    {"method": "median-of-means"}, {"method": "scale"}, {"method": "alpha-moment"}, {"conservative": True},
    {"method": "exact-gaussian", "dim": 3.0}, {"method": "exact-gaussian"},
])  # fmt: skip
def test_c_by_the_methods_that_take_one_place_at_a_time(options):
    g = gradients()[1:, 1:]

    everywhere(
        est.consolidation_ratio(g, **options), lambda p: est.consolidation_ratio(g[p], **options), (1, 3)
    )


def test_c_of_places_larger_than_a_block_and_of_smaller_ones():
    g = np.random.default_rng(1).standard_normal((3, 4, 70_000))

    everywhere(est.consolidation_ratio(g), lambda p: est.consolidation_ratio(g[p]), (3,))
    everywhere(
        est.consolidation_ratio(g[..., :20_000]), lambda p: est.consolidation_ratio(g[p][:, :20_000]), (3,)
    )


def test_c_of_two_sums_is_that_of_the_moments():
    g = gradients()[1:, 1:]
    signal, noise = (g.mean(axis=2) ** 2).sum(axis=-1), g.var(axis=2, ddof=1).sum(axis=-1)

    for method in ("debiased", "literal"):
        everywhere(
            est.consolidation_from_sums(signal, noise, 9, method),
            lambda p, m=method: est.consolidation_ratio(est.gradient_moments(g[p]), m), (1, 3),
        )  # fmt: skip
    whole = est.consolidation_from_sums([2.0, 2.0, 0.0, np.nan], [4.0, 0.0, 0.0, 1.0])
    assert whole.value == pytest.approx([0.5, np.inf, np.nan, np.nan], nan_ok=True)
    assert whole.n.tolist() == [0] * 4
    assert {f: m.tolist() for f, m in whole.flags.items() if m.any()} == {
        "zero_noise": [False, True, False, False], "interpolated": [False, False, True, False],
        "nonfinite": [False, False, False, True], "no_interval": [True] * 4,
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_groups_signs_and_parts_of_gradients():
    g = gradients()
    norm2, dot = numbers(g)
    found = est.group_consolidation(g, {"a": slice(0, 1), "b": [1, 2]})
    for name, c in found.items():
        everywhere(c, lambda p, k=name: est.group_consolidation(g[p], {"a": slice(0, 1), "b": [1, 2]})[k])
    everywhere(est.direction_share(norm2, dot), lambda p: est.direction_share(norm2[p], dot[p]))
    everywhere(
        est.direction_probability(g, method="measured"),
        lambda p: est.direction_probability(g[p], method="measured"),
    )
    signal, noise = dot.mean(axis=-1), (norm2.sum(axis=-1) - 9 * dot.mean(axis=-1)) / 8
    for k in (0, 1):
        everywhere(
            est.signal_and_noise(signal, noise, 9, norm2, dot)[k],
            lambda p, k=k: est.signal_and_noise(signal[p], noise[p], 9, norm2[p], dot[p])[k],
        )


SCALARS = {
    "probability": (est.probability, interval),
    "odds": (est.odds, lambda s: interval(s, -2.0, 1.0)),
    "isotropic direction": (lambda c: est.direction_probability(c, 7), interval),
    "literal direction": (lambda c: est.direction_probability(c, method="literal"), interval),
    "learning_acceleration": (est.learning_acceleration, lambda s: interval(s, -2.0, 1.0)),
    "detection_power": (lambda c: est.detection_power(c, 7), interval),
    "per_example": (lambda c: est.per_example(c, 8, 100), interval),
    "at_batch_size": (lambda c: est.at_batch_size(c, 8, 32), interval),
    "noise_scale": (lambda c: est.noise_scale(c, 8), interval),
    "decrease_probability": (lambda c: est.decrease_probability(c, 5, 0.3), interval),
    "decrease_probability beyond the edge": (lambda c: est.decrease_probability(c, 5, 2.5), positive),
    "gradient_information": (lambda c: est.gradient_information(c, 7), interval),
    "effective_rate": (lambda c: est.effective_rate(0.1, c, 2.0, 3.0, 0.5), interval),
    "normalised margin": (lambda x: est.stability_margin(x, 0.1, momentum=0.5), interval),
    "classical margin": (lambda x: est.stability_margin(x, 0.1, "classical"), interval),
    "literal margin": (lambda x: est.stability_margin(x, 0.1, "literal"), interval),
    "effective_dimension": (lambda a: est.effective_dimension(3, a), positive),
    "literal dimension": (lambda a: est.effective_dimension(3, a, method="literal"), positive),
    "dimension of Brownian motion": (lambda a: est.effective_dimension(3, a, gaussian_part=True), positive),
    "dimension of what may be Gaussian": (
        lambda a: est.effective_dimension(3, a), lambda s: interval(s, 0.2, 2.0, ("gaussian_not_rejected",))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCALARS)
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_is_made_of_one_number_is_made_of_many(name, seed):
    estimator, inputs = SCALARS[name]
    x = inputs(seed)

    everywhere(estimator(x), lambda p: estimator(x[p]))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_is_made_of_several_numbers_is_made_of_many(seed):
    rng = np.random.default_rng(seed)
    p, s, d, eta = interval(seed, -1.0, 1.0), interval(seed + 1), positive(seed + 2), rng.random(SHAPE) + 0.1
    hessian, tr, noise = interval(seed + 3).value, interval(seed + 4), positive(seed + 5)
    noise = est.Estimate(
        np.where(noise.value < 0.5, 0.0, noise.value), noise.low, noise.high, 0.9, "given", 3, noise.flags
    )

    for method in ("corrected", "literal"):
        everywhere(
            est.intelligence(p, s, d, method), lambda k, m=method: est.intelligence(p[k], s[k], d[k], m)
        )
        words = est.intelligence_state(est.intelligence(p, s, d, method), method)
        for k in np.ndindex(SHAPE):
            assert words[k] == est.intelligence_state(est.intelligence(p[k], s[k], d[k], method), method)
    everywhere(
        est.critical_consolidation(eta, hessian, tr, noise, 9),
        lambda k: est.critical_consolidation(eta[k], hessian[k], tr[k], noise[k], 9),
    )
    everywhere(est.eta_star(hessian, eta, 0.1), lambda k: est.eta_star(hessian[k], eta[k], 0.1))
    jump = np.where(eta > 0.6, np.inf, 0.3)
    everywhere(
        est.lyapunov_drift(None, 0.0, "step", tr, jump, s, hessian, eta),
        lambda k: est.lyapunov_drift(None, 0.0, "step", tr[k], jump[k], s[k], hessian[k], eta[k]),
    )
    everywhere(
        est.lyapunov_drift(None, eta, "literal", grad_norm2=p),
        lambda k: est.lyapunov_drift(None, eta[k], "literal", grad_norm2=p[k]),
    )
    words = est.phase(s, threshold=d)
    assert words.shape == SHAPE
    for k in np.ndindex(SHAPE):
        assert words[k] == est.phase(s[k], threshold=d[k])
        assert est.phase(s.value, s.low, s.high)[k] == est.phase(
            *(float(x[k]) for x in (s.value, s.low, s.high))
        )


def test_what_is_made_of_gradients_is_made_of_those_of_many_places():
    rng = np.random.default_rng(4)
    g, products = rng.standard_normal((2, 2, 3, 12, 4)) + 0.5
    f = np.eye(4) + 0.1
    growth, times = rng.standard_normal((2, 3, 12)), np.cumsum(rng.random((3, 13)) + 0.1, axis=-1)
    times = np.broadcast_to(times, (2, 3, 13))
    for many, alone in (
        (est.mahalanobis_snr(g), lambda p: est.mahalanobis_snr(g[p])),
        (est.metric_consolidation(g, f), lambda p: est.metric_consolidation(g[p], f)),
        (est.subnetwork_gain(g, [0, 2]), lambda p: est.subnetwork_gain(g[p], [0, 2])),
        (est.batch_sharpness(g, products, 0.1), lambda p: est.batch_sharpness(g[p], products[p], 0.1)),
        (est.lyapunov_exponent(growth, times), lambda p: est.lyapunov_exponent(growth[p], times[p])),
        (est.lyapunov_exponent(growth, times[0, 0]), lambda p: est.lyapunov_exponent(growth[p], times[0, 0])),
        (
            est.lyapunov_drift(g[..., 0, :], 1.0, "literal"),
            lambda p: est.lyapunov_drift(g[p][0], 1.0, "literal"),
        ),
    ):
        everywhere(many, alone, (2, 3))


def test_a_threshold_with_an_interval_counts_with_all_of_it():
    bar = est.Estimate(1.0, 0.5, 2.0, 0.95, "quadratic-model", 9)

    assert [est.phase(c, threshold=bar) for c in (0.4, 0.6, 1.9, 2.1)] == [
        "exploration", "transition", "transition", "generalization",
    ]  # fmt: skip


def test_sharpness_at_the_edge_for_many_rates():
    eta = np.array([0.1, 0.0, np.nan, 1.0])

    found = est.critical_sharpness(eta, momentum=0.5, weight_decay=3.0)

    assert found[0] == est.critical_sharpness(0.1, momentum=0.5, weight_decay=3.0)
    # Nothing moves; not known; weight decay alone unstable.
    assert found[1:] == pytest.approx([np.inf, np.nan, np.nan], nan_ok=True)
    with pytest.raises(EstimatorError, match="eta must be positive"):
        est.critical_sharpness(-eta)


@pytest.mark.parametrize("method", ["ecf", "mcculloch", "hill", "hill-literal", "block-sum"])
def test_tail_indices_of_many_samples(method):
    x = np.random.default_rng(2).standard_t(2.0, (2, 2, 64, 2))
    x[0, 1, 5] = np.inf
    many = est.tail_index(x, method)

    for place in np.ndindex(2, 2):
        e = est.tail_index(x[place], method)
        at = many[place]
        assert (at.value, at.low, at.high) == pytest.approx((e.value, e.low, e.high), rel=1e-9, nan_ok=True)
        assert (at.method, at.n, set(at.flags)) == (e.method, e.n, set(e.flags))


@pytest.mark.parametrize("method", ["correlation", "participation"])
def test_dimensions_of_many_paths(method):
    x = np.cumsum(np.random.default_rng(3).standard_normal((2, 3, 60, 2)), axis=-2)
    x[0, 1] = np.nan
    x[1, 0] = x[1, 0, 0]

    everywhere(est.trajectory_dimension(x, method), lambda p: est.trajectory_dimension(x[p], method), (2, 3))


@pytest.mark.parametrize("call", [
    lambda: est.consolidation_from_draws(np.ones((2, 3)), np.ones((2, 4))),
    lambda: est.consolidation_from_sums(1.0, 1.0, 9, "exact"),
    lambda: est.consolidation_from_sums(1.0, 1.0, 9, level=1.0),
    lambda: est.signal_and_noise(1.0, 1.0, 9, np.ones(9)),
    lambda: est.direction_share(np.ones(1), np.ones(1)),
    lambda: est.odds(np.array([0.5, 1.5])),
    lambda: est.intelligence(np.array([0.5]), np.array([1.0]), np.array([0.0])),
    lambda: est.trajectory_dimension(np.ones(30)),
])  # fmt: skip
def test_arrays_that_do_not_fit_are_refused(call):
    with pytest.raises(EstimatorError):
        call()
