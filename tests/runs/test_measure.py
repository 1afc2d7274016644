"""`measure` on runs whose arrays are made here: origin-blind, and flagged where a number has no meaning."""

import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import levy_stable

from sdesim import estimators as est
from sdesim import simulate, surfaces
from sdesim.runs import Probes, RunWriter, measure, validate_run
from sdesim.runs.schema import CURVATURE_PROBE, EVERY_PROBE, GRADIENT_PROBE, GROUP_PROBE

DIRECTIONS, GROUPS = 6, ("first", "second")
VARIABLES = [
    "loss", "theta_projection", "status", "tangent_growth", *EVERY_PROBE, *GRADIENT_PROBE, *GROUP_PROBE,
    *CURVATURE_PROBE,
]  # fmt: skip


def synthetic(gradients, kind="simulated", steps=101, scale=1.0, **attrs):
    """A run of the schema whose gradients (K, P, n, d) and curvature are given numbers; d = 2 groups' sum."""
    count, probes, n, d = gradients.shape
    rng = np.random.default_rng(0)
    saved, at = np.arange(steps), np.linspace(0, steps - 1, probes).astype(int)
    writer = RunWriter(
        kind=kind, trajectories=count, steps=saved, time=0.1 * saved, dim=d, out=None, variables=VARIABLES,
        probe_steps=at, probe_time=0.1 * at, probe_trajectories=count, samples=n, groups=GROUPS,
        directions=min(d, DIRECTIONS),
        attrs={"name": "x", "seed": 1, "learning_rate": 0.1, "batch_size": 8, "optimizer": "sgd", **attrs},
    )  # fmt: skip
    mean = gradients.mean(axis=2)
    path = np.cumsum(rng.standard_normal((count, steps, min(d, DIRECTIONS))), axis=1)
    sharpness = scale * (1 + rng.random((count, probes)))
    norm2, signal = (gradients**2).sum(axis=-1), (mean**2).sum(axis=-1)
    noise = (norm2.sum(axis=-1) - n * signal) / (n - 1)
    halves = [slice(0, d // 2), slice(d // 2, d)]
    values = {
        "theta_projection": path,
        "loss": (path**2).sum(axis=-1),
        "tangent_growth": rng.standard_normal((count, probes)),
        "signal": signal,
        "noise": noise,
        "gradient_samples": np.full((count, probes), float(n)),
        "step_size": np.full((count, probes), 0.1),
        "gradient_norm2": norm2,
        "gradient_dot_mean": np.einsum("kpnd,kpd->kpn", gradients, mean),
        "gradient_projection": gradients[..., :DIRECTIONS],
        "group_signal": np.stack([(mean[..., h] ** 2).sum(axis=-1) for h in halves], axis=-1),
        "group_noise": np.stack(
            [gradients[..., h].var(axis=2, ddof=1).sum(axis=-1) for h in halves], axis=-1
        ),
        "lambda_max": sharpness,
        "lambda_min": -0.1 * sharpness,
        "curvature_residual": 1e-4 * sharpness,
        "hessian_signal": signal * sharpness,
        "hessian_noise": 0.5 * noise * sharpness,
        "hessian_noise_error": 0.05 * noise * sharpness,
    }
    for name, value in values.items():
        writer.write(name, value)
    return writer.finish()


def normal(shape=(2, 3, 24, DIRECTIONS), mean=0.5, seed=0):
    return mean + np.random.default_rng(seed).standard_normal(shape)


@pytest.fixture(scope="module")
def measured():
    return measure(synthetic(normal()))


def flags(m, name, k=0, p=0):
    return str(m[f"{name}_flags"].values[k, p]).split(";")


def test_a_network_and_its_twin_with_the_same_arrays_are_measured_alike(measured):
    real = measure(synthetic(normal(), kind="real"))

    xr.testing.assert_identical(real.drop_attrs(), measured.drop_attrs())
    assert real.attrs["kind"] == "real"


def test_every_name_of_the_contract_is_measured(measured):
    names = (
        "C_alpha", "C_1", "C_star", "p", "direction_probability", "tail_index", "d_H", "trajectory_dimension",
        "lambda_max", "S", "lyapunov_drift", "lyapunov_exponent", "I", "C_group",
    )  # fmt: skip
    for name in names:
        assert {name, f"{name}_low", f"{name}_high", f"{name}_flags"} <= set(measured.data_vars), name
    for name in ("C_alpha", "C_star", "p", "direction_probability", "tail_index", "d_H", "lambda_max", "S"):
        assert f"{name}_literal" in measured.data_vars, name
    assert {"phase", "phase_literal"} <= set(measured.data_vars)


def test_the_index_is_that_of_the_estimator_at_every_place(measured):
    for k in range(2):
        for p in range(3):
            inputs = []
            for name in ("p", "S", "d_H"):
                v, low, high = (float(measured[f"{name}{s}"].values[k, p]) for s in ("", "_low", "_high"))
                inputs.append(est.Estimate(v, low, high, 0.95, "given", 24))
            e = est.intelligence(*inputs)
            found = [float(measured[f"I{s}"].values[k, p]) for s in ("", "_low", "_high")]
            assert found == pytest.approx([e.value, e.low, e.high])


def test_a_group_is_measured_as_its_own_coordinates_are(measured):
    g = normal()[1, 2]
    for j, block in enumerate((slice(0, 3), slice(3, 6))):
        moments = est.gradient_moments(g[:, block])
        e = est.consolidation_ratio(moments)
        found = [float(measured[f"C_group{s}"].values[1, 2, j]) for s in ("", "_low", "_high")]
        assert found[0] == pytest.approx(e.value)
        assert found[1] < e.value < found[2]
        assert "delta_interval" in str(measured["C_group_flags"].values[1, 2, j])
    assert list(measured["group"].values) == list(GROUPS)


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


def test_a_run_without_noise_or_without_gradient_says_so():
    flat = np.repeat(normal((1, 2, 1, DIRECTIONS)), 24, axis=2)
    flat[0, 1] = 0.0

    m = measure(synthetic(flat))

    assert m["C_alpha"].values[0, 0] == np.inf
    assert m["p"].values[0, 0] == 1.0
    assert "zero_noise" in flags(m, "C_alpha")
    assert m["phase"].values[0, 0] == "generalization"
    assert np.isnan(m["C_alpha"].values[0, 1])
    assert "interpolated" in flags(m, "p", p=1)
    assert "undefined" in flags(m, "I", p=1)
    assert m["phase"].values[0, 1] == "undefined"


def test_an_end_of_c_below_minus_one_leaves_p_without_a_bound():
    g = normal((1, 40, 3, DIRECTIONS), mean=0.0, seed=3)
    m = measure(synthetic(g))
    c, p = (m[f"{v}_low"].values for v in ("C_alpha", "p"))

    assert (c <= -1).any()
    assert np.all(p[c <= -1] == -np.inf)
    assert np.all(m["p_low"].values <= m["p"].values)


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


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_the_phase_is_monotone_in_c(seed):
    m = measure(synthetic(normal((2, 4, 20, 4), mean=0.3, seed=seed), steps=5))
    order = {"exploration": 0, "transition": 1, "generalization": 2}
    ranks = []
    for shift in (0.2, 1.0, 5.0, 25.0):
        e = [
            est.phase(shift * c, shift * lo, shift * hi, threshold=t)
            for c, lo, hi, t in zip(
                m["C_alpha"].values.ravel(), m["C_alpha_low"].values.ravel(),
                m["C_alpha_high"].values.ravel(), np.abs(m["C_star"].values).ravel(), strict=True,
            )
            if lo > 0
        ]  # fmt: skip
        ranks.append([order[x] for x in e])
    assert np.all(np.diff(np.array(ranks), axis=0) >= 0)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.01, 50.0))
def test_curvature_scales_with_the_loss_and_s_only_with_eta_times_curvature(scale):
    one, more = (measure(synthetic(normal((1, 2, 12, 4)), steps=5, scale=s)) for s in (1.0, scale))

    np.testing.assert_allclose(more["lambda_max"].values, scale * one["lambda_max"].values)
    np.testing.assert_allclose(2 - more["S"].values, scale * (2 - one["S"].values), atol=1e-12)
    np.testing.assert_allclose(
        0.2 - more["S_literal"].values, scale * (0.2 - one["S_literal"].values), atol=1e-12
    )
    # Curvature says nothing of C, and C* is proportional to it.
    np.testing.assert_array_equal(more["C_alpha"].values, one["C_alpha"].values)
    np.testing.assert_allclose(more["C_star"].values, scale * one["C_star"].values)


@pytest.mark.parametrize(
    "optimizer",
    [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"momentum": 0.5, "dampening": 0.5},
     {"momentum": 0.9, "weight_decay": 0.3}],
)  # fmt: skip
def test_s_is_that_of_the_runs_optimizer(optimizer):
    m = measure(synthetic(normal((1, 2, 12, 4)), steps=5, **optimizer))

    for s, sharpness in zip(m["S"].values.ravel(), m["lambda_max"].values.ravel(), strict=True):
        assert s == pytest.approx(est.stability_margin(sharpness, 0.1, **optimizer).value, rel=1e-12)


@given(st.integers(0, 200), st.floats(0.1, 10.0))
def test_lambda_max_is_equivariant_under_scaling_of_the_operator(seed, scale):
    a = np.random.default_rng(seed).standard_normal((8, 8))
    h = a + a.T

    one, more = est.lambda_max(lambda v: h @ v, 8), est.lambda_max(lambda v: scale * (h @ v), 8)

    assert more.value == pytest.approx(scale * one.value, rel=1e-6, abs=1e-9)
    s, same = est.stability_margin(one, 0.1), est.stability_margin(more, 0.1 / scale)
    assert s.value == pytest.approx(same.value, rel=1e-6, abs=1e-9)


def test_measured_runs_are_runs_of_the_schema():
    validate_run(synthetic(normal()))


def test_without_noise_C_and_its_threshold_are_infinite_and_nothing_warns():
    surface = surfaces.Quadratic([1.0, 2.0, 3.0])
    bowl = simulate(surface, [], 1.0, dt=0.1, steps=40, seed=1, probes=Probes(10, 20), progress=False)
    flat = simulate(
        surfaces.Flat(2), [], 1.0, dt=0.1, steps=40, seed=1, probes=Probes(10, 20), progress=False
    )

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, nothing = measure(bowl), measure(flat)

    assert (found["C_star"] == np.inf).all()
    assert found["C_star_low"].isnull().all()
    assert all("zero_noise" in str(text) for text in found["C_star_flags"].values.ravel())
    # |μ|² = 14 against (η/2) μᵀHμ = 18 η at the start; after 10 steps curvature 1 is all that is left.
    assert (found["phase"] == "generalization").all()
    longer = measure(bowl.assign(step_size=10 * bowl["step_size"]))["phase"].values[0]
    assert list(longer[:2]) == ["exploration", "generalization"]
    assert nothing["C_star"].isnull().all()


def test_curvature_probes_alone_give_S_and_no_C():
    surface = surfaces.Quadratic([1.0, 2.0, 3.0])
    bowl = simulate(
        surface, [], 1.0, dt=0.1, steps=40, seed=1,
        probes=Probes(10, 20, estimators=("curvature",)), progress=False,
    )  # fmt: skip

    found = measure(bowl)

    # S = 2(1 - lambda/lambda_crit) at lambda = 3 and lambda_crit = 2/0.1, to Lanczos's own residual.
    np.testing.assert_allclose(found["S"], 2 * (1 - 3 / 20), rtol=1e-6)
    assert "C_alpha" not in found
