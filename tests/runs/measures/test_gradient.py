"""C, C of groups, C at batch 1 and the drift, from the gradients that a run holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import levy_stable

from sdesim import estimators as est
from sdesim.runs import measure, probe_rng
from tests.runs.bowl_run import SAMPLES, Bowl, make_run
from tests.runs.synthetic_run import DIRECTIONS, GROUPS, flags, normal, synthetic


def test_measured_c_is_the_estimators_on_the_same_gradients():
    run = make_run()
    m = measure(run)
    g = Bowl().gradients(run.theta.values[1, 20], SAMPLES, probe_rng(1, 1, 20))
    e = est.consolidation_ratio(g)

    for name, value in (("C_alpha", e.value), ("C_alpha_low", e.low), ("C_alpha_high", e.high)):
        assert m[name].values[1, 1] == pytest.approx(value, rel=1e-9)
    assert m["C_alpha_literal"].values[1, 1] == pytest.approx(est.consolidation_ratio(g, "literal").value)
    assert m["C_1"].values[1, 1] == pytest.approx(e.value / 8)
    assert m["p"].values[1, 1] == pytest.approx(est.probability(e).value)
    assert m["odds"].values[1, 1] == pytest.approx(e.value)


def test_batches_are_converted_to_the_training_batch():
    same, converted = measure(make_run()), measure(make_run(probe_batch_size=2))

    # Probed at B = 2 and trained at B = 8: C grows by 4, the noise shrinks by 4.
    np.testing.assert_allclose(converted["C_alpha"].values, 4 * same["C_alpha"].values)
    np.testing.assert_allclose(converted["noise"].values, same["noise"].values / 4)
    assert "converted_batch" in str(converted["C_alpha_flags"].values[0, 0])


def test_a_group_is_measured_as_its_own_coordinates_are(plain):
    g = normal()[1, 2]
    for j, block in enumerate((slice(0, 3), slice(3, 6))):
        moments = est.gradient_moments(g[:, block])
        e = est.consolidation_ratio(moments)
        found = [float(plain[f"C_group{s}"].values[1, 2, j]) for s in ("", "_low", "_high")]
        assert found[0] == pytest.approx(e.value)
        assert found[1] < e.value < found[2]
        assert "delta_interval" in str(plain["C_group_flags"].values[1, 2, j])
    assert list(plain["group"].values) == list(GROUPS)


@pytest.mark.parametrize(("axes", "coverage"), [(1, 0.999), (30, 1.0)])
def test_the_interval_of_a_group_covers_as_stated(axes, coverage):
    reps, n, c = 400, 20, 0.5
    g = np.random.default_rng(1).standard_normal((1, reps, n, 2 * axes))
    g[..., [0, axes]] += np.sqrt(c * axes)
    m = measure(synthetic(g, steps=reps))

    low, high = m["C_group_low"].values[0], m["C_group_high"].values[0]
    covered = np.mean((low <= c) & (c <= high))
    # Five binomial standard errors of 800 groups.
    assert abs(covered - coverage) <= 5 * np.sqrt(coverage * (1 - coverage) / (2 * reps))


def test_without_batches_c_1_is_undefined_and_c_is_not():
    m = measure(synthetic(normal(), batch_size=0))

    assert np.isnan(m["C_1"].values).all()
    assert {"no_batch", "no_value"} <= set(flags(m, "C_1"))
    assert np.isfinite(m["C_alpha"].values).all()
    assert "converted_batch" not in flags(m, "C_alpha")
    # A full-batch run that is probed at batch 1 has both.
    full = measure(synthetic(normal(), batch_size=0, probe_batch_size=1))
    np.testing.assert_array_equal(full["C_1"].values, full["C_alpha"].values)


def test_c_1_does_not_depend_on_the_probed_batch_when_noise_is_that_of_means():
    one = measure(synthetic(normal(mean=0.5), batch_size=8))
    four = measure(synthetic(0.5 + (normal(mean=0.5) - 0.5) / 2, batch_size=8, probe_batch_size=32))

    # The mean of the draws is not exactly 0.5, so that the signal differs within its interval.
    assert np.all(four["C_1"].values < one["C_1_high"].values)
    assert np.all(four["C_1"].values > one["C_1_low"].values)
    assert "probed_batch" in flags(four, "direction_probability")


def test_without_a_signal_c_and_p_may_be_negative_and_the_ends_of_their_intervals_are_not():
    g = normal((1, 40, 3, DIRECTIONS), mean=0.0, seed=3)
    m = measure(synthetic(g))
    c, p = (m[f"{v}_low"].values for v in ("C_alpha", "p"))

    assert (m["C_alpha"].values < 0).any()
    assert (m["p"].values < 0).any()
    assert (c >= 0).all()
    assert (c == 0).any()
    np.testing.assert_array_equal(p == 0, c == 0)


def test_heavy_tails_and_stable_noise_are_flagged_on_mean_squares():
    g = levy_stable.rvs(1.3, 0.0, size=(1, 1, 400, DIRECTIONS), random_state=np.random.default_rng(5))
    found, told = measure(synthetic(g)), measure(synthetic(normal(), levy_index=1.5))

    for m in (found, told):
        for name in ("C_alpha", "C_1", "C_star", "p", "signal", "noise", "lyapunov_drift", "I"):
            assert "heavy_tail_variance_undefined" in flags(m, name), name
        assert "heavy_tail_variance_undefined" in str(m["C_group_flags"].values[0, 0, 0])
        assert "heavy_tail_variance_undefined" not in flags(m, "direction_probability")
    assert "jump_infinite" in flags(told, "lyapunov_drift")
    assert "jump_infinite" not in flags(found, "lyapunov_drift")
    light = measure(synthetic(normal()))
    assert "heavy_tail_variance_undefined" not in flags(light, "C_alpha")


@pytest.mark.parametrize(("alpha", "radius"), [(1.5, 3.0), (1.2, 10.0)])
def test_the_second_term_of_the_drift_holds_the_jump_part_of_truncated_noise(alpha, radius):
    # Steps ζ = σ η^{1/α} S, refused beyond R; the gradient's noise is ζ/η, so (η/2) Tr(HΣ) = Tr H E ζ²/(2η).
    eta, sigma, trace = 1e-3, 0.5, 4.0
    draws = levy_stable.rvs(alpha, 0.0, size=400_000, random_state=np.random.default_rng(6))
    step = sigma * eta ** (1 / alpha) * draws
    step = step[np.abs(step) < radius]

    half = 0.5 * trace * step**2 / eta

    exact = est.jump_term_truncated(alpha, sigma, radius, trace)
    # Five standard errors, and 2% because more than one jump falls into a step.
    assert abs(half.mean() - exact) < 5 * half.std() / np.sqrt(len(half)) + 0.02 * exact


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.0, 1.0))
def test_the_literal_drift_is_negative_exactly_where_the_literal_c_exceeds_one(seed, mean):
    m = measure(synthetic(normal((2, 4, 12, 4), mean=mean, seed=seed), steps=5))
    c, drift = m["C_alpha_literal"].values, m["lyapunov_drift_literal"].values

    clear = np.abs(c - 1) > 1e-8
    assert np.array_equal((drift < 0)[clear], (c > 1)[clear])
    assert np.array_equal(m["phase_literal"].values[clear] == "generalization", (c > 1)[clear])


def test_noise_that_few_draws_make_is_flagged_where_a_trace_rests_on_eight_of_them():
    rng = np.random.default_rng(2)
    even = normal((1, 1, 64, DIRECTIONS))
    # One draw in sixteen is ten times as long.
    uneven = even * np.where(rng.random((1, 1, 64, 1)) < 1 / 16, 10.0, 1.0)
    one, other = measure(synthetic(even)), measure(synthetic(uneven))

    for name in ("C_star", "lyapunov_drift", "phase"):
        assert "few_effective_draws" not in str(one[f"{name}_flags"].values), name
        assert "few_effective_draws" in str(other[f"{name}_flags"].values), name
