"""`measure`: every name of the contract, whatever made the run, and flags where a number has no meaning."""

import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim import simulate, surfaces
from sdesim.noise import Gaussian
from sdesim.runs import Probes, measure, validate_run
from sdesim.runs.quantities import support_of
from sdesim.runs.schema import CURVATURE_PROBE, GRADIENT_PROBE
from tests.runs.bowl_run import make_run
from tests.runs.synthetic_run import DIRECTIONS, flags, normal, synthetic


def test_measurements_do_not_depend_on_the_kind_of_run():
    simulated, real = measure(make_run("simulated")), measure(make_run("real"))

    xr.testing.assert_identical(simulated.drop_attrs(), real.drop_attrs())


def test_what_was_not_probed_is_nan_and_says_so():
    run = make_run().copy(deep=True)
    for name in (*GRADIENT_PROBE, *CURVATURE_PROBE):
        run[name].values[1] = np.nan

    m = measure(run)

    assert np.isnan(m["C_alpha"].values[1]).all()
    assert "no_value" in str(m["C_alpha_flags"].values[1, 0])
    assert (m["phase"].values[1] == "undefined").all()
    assert np.isfinite(m["C_alpha"].values[0]).all()


def test_every_measured_number_has_interval_and_flags():
    m = measure(make_run())

    numbers = [
        n for n in m.data_vars if not str(n).endswith(("_low", "_high", "_flags", "_literal", "_method"))
    ]
    for name in numbers:
        if not str(name).startswith("phase"):
            assert {f"{name}_low", f"{name}_high", f"{name}_flags"} <= set(m.data_vars), name
            low, high, value = (m[f"{name}{s}"].values for s in ("_low", "_high", ""))
            support = support_of(str(name))
            # A debiased value may lie outside what it estimates, its interval does not.
            known = np.isfinite(low) & (support.low <= value) & (value <= support.high)
            assert support.debiased or known.sum() == np.isfinite(low).sum(), name
            assert (low[known] <= value[known]).all(), name
            assert (value[known] <= high[known]).all(), name


@pytest.mark.parametrize("mean", [0.0, 0.5])
def test_no_measured_interval_leaves_what_its_quantity_can_be(mean):
    m = measure(synthetic(normal(mean=mean)))

    # Without a signal half of the debiased values lie below 0.
    assert (m["C_alpha"].values < 0).any() == (mean == 0)
    for name in (n for n in m.data_vars if f"{n}_low" in m):
        support = support_of(str(name))
        for end in (m[f"{name}_low"].values, m[f"{name}_high"].values):
            assert support.holds(end), name


def test_a_network_and_its_twin_with_the_same_arrays_are_measured_alike(plain):
    real = measure(synthetic(normal(), kind="real"))

    xr.testing.assert_identical(real.drop_attrs(), plain.drop_attrs())
    assert real.attrs["kind"] == "real"


def test_every_name_of_the_contract_is_measured(plain):
    names = (
        "C_alpha", "C_1", "C_star", "p", "direction_probability", "tail_index", "d_H", "trajectory_dimension",
        "lambda_max", "S", "lyapunov_drift", "lyapunov_exponent", "I", "C_group",
    )  # fmt: skip
    for name in names:
        assert {name, f"{name}_low", f"{name}_high", f"{name}_flags"} <= set(plain.data_vars), name
    for name in ("C_alpha", "C_star", "p", "direction_probability", "tail_index", "d_H", "lambda_max", "S"):
        assert f"{name}_literal" in plain.data_vars, name
    assert {"phase", "phase_literal"} <= set(plain.data_vars)


def test_the_index_is_that_of_the_estimator_at_every_place(plain):
    for k in range(2):
        for p in range(3):
            inputs = []
            for name in ("p", "S", "d_H"):
                v, low, high = (float(plain[f"{name}{s}"].values[k, p]) for s in ("", "_low", "_high"))
                inputs.append(est.Estimate(v, low, high, 0.95, "given", 24))
            e = est.intelligence(*inputs)
            found = [float(plain[f"I{s}"].values[k, p]) for s in ("", "_low", "_high")]
            assert found == pytest.approx([e.value, e.low, e.high])


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
    # Of steps that were not made, so that neither progress nor the losses speak of them.
    other = bowl.assign(step_size=10 * bowl["step_size"]).drop_vars("progress").assign_attrs(dt=1.0)
    longer = measure(other)["phase"].values[0]
    assert list(longer[:2]) == ["exploration", "generalization"]
    assert nothing["C_star"].isnull().all()


@pytest.mark.parametrize(("rate", "steps"), [(2.0, 200), (30.0, 110)])
def test_a_run_that_blows_up_is_measured_without_warnings_and_what_is_lost_is_flagged(rate, steps):
    """η λ is 6 and 90: a trajectory has blown up at 1e100, and what is NaN from there on is not read."""
    bowl, noise = surfaces.Quadratic([1.0, 2.5, 3.0]), Gaussian(0.1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = simulate(
            bowl, [noise], 1.0, dt=rate, steps=steps, seed=1, probes=Probes(10, 20), progress=False
        )
        found = measure(run, smooth=True)

    blown = np.isnan(found["signal"].values)
    assert blown.any()
    # The last whole readings are there, up to the squares of what lies below the bound.
    assert 1e100 < np.nanmax(found["signal"].values) < 1e201
    assert (found["phase"].values == np.where(blown, "undefined", "exploration")).all()
    last = np.flatnonzero(~blown[0])[-1]
    assert list(np.flatnonzero(found["phase_flags"].values[0] != "")) == [last]
    assert found["phase_flags"].values[0, last] == "lost_before_next_probe"
    assert (found["phase_smooth_reason"].values == np.where(blown, "outside_readings", "")).all()
    for name in ("signal", "C_alpha", "lyapunov_drift"):
        texts = found[f"{name}_flags"].values.astype(str)
        assert ((np.char.find(texts, "no_value") >= 0) == blown).all(), name
        values = found[name].values
        assert (np.isfinite(values) | (np.char.str_len(texts) > 0)).all(), name
