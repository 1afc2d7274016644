"""`measure` at each place against the estimators there: it arranges their numbers and makes none."""

import numpy as np
import pytest

from sdesim import estimators as est
from sdesim.runs import measure
from tests.runs.synthetic_run import flags, normal, synthetic

ETA, BATCH, PROBED = 0.1, 8, 4
SHARED = ("negative_signal", "zero_noise", "interpolated")


def shown(m, name, place, among):
    return {f for f in flags(m, name, *place) if f in among}


def close(m, name, place, e):
    found = [float(m[f"{name}{end}"].values[place]) for end in ("", "_low", "_high")]
    assert found == pytest.approx([e.value, e.low, e.high], rel=1e-9, abs=1e-12, nan_ok=True), (name, place)


@pytest.fixture(scope="module")
def run():
    """Gradients (2, 4, 24, 6): plain, one without noise, without anything, and from (1, 2) on not probed."""
    g = normal((2, 4, 24, 6))
    g[0, 2] = g[0, 2, 0]
    g[0, 3] = 0.0
    made = synthetic(g, probe_batch_size=PROBED, momentum=0.5, weight_decay=0.2)
    for name, variable in made.data_vars.items():
        if "probe" in variable.dims and variable.dtype.kind == "f":
            values = variable.transpose("trajectory", "probe", ...)
            kept = values.values.copy()
            kept[1, 2:] = np.nan
            made[name] = values.copy(data=kept)
    return made


@pytest.fixture(scope="module")
def measured(run):
    return measure(run)


def stored(run, place):
    """What the run holds of a place, by name."""
    ordered = run.transpose("trajectory", "probe", "sample", ...)
    return {n: v.values[place] for n, v in ordered.data_vars.items() if v.dims[:2] == ("trajectory", "probe")}


PLACES = [(k, p) for k in range(2) for p in range(4)]


@pytest.mark.parametrize("place", PLACES)
def test_c_and_what_is_read_from_it(run, measured, place):
    v = stored(run, place)
    one = est.consolidation_from_draws(v["gradient_norm2"], v["gradient_dot_mean"])
    c = est.at_batch_size(one, PROBED, BATCH)

    close(measured, "C_alpha", place, c)
    close(measured, "odds", place, c)
    close(measured, "p", place, est.probability(c))
    close(measured, "C_1", place, est.per_example(one, PROBED))
    close(
        measured,
        "direction_probability",
        place,
        est.direction_share(v["gradient_norm2"], v["gradient_dot_mean"]),
    )
    assert shown(measured, "C_alpha", place, SHARED) == set(one.flags) & set(SHARED)
    missing = bool(np.isnan(v["signal"]))
    assert ("nonfinite" in flags(measured, "C_alpha", *place)) == ("nonfinite" in one.flags and not missing)
    assert ("no_value" in flags(measured, "C_alpha", *place)) == np.isnan(c.value)
    literal = est.consolidation_from_sums(v["signal"], v["noise"] * PROBED / BATCH, 24, "literal")
    for name, e in (
        ("C_alpha", literal), ("p", est.probability(literal)),
        ("direction_probability", est.direction_probability(literal, method="literal")),
    ):  # fmt: skip
        assert float(measured[f"{name}_literal"].values[place]) == pytest.approx(
            e.value, rel=1e-9, nan_ok=True
        )
    assert str(measured["phase_literal"].values[place]) == est.phase(literal.value)


@pytest.mark.parametrize("place", PLACES)
def test_the_threshold_the_phase_and_the_drift(run, measured, place):
    v = stored(run, place)
    t = 2.3646242515927844  # Student's t at 7 degrees of freedom, 95%.
    bent, error = (v[n] * PROBED / BATCH for n in ("hessian_noise", "hessian_noise_error"))
    curved = est.Estimate(bent, bent - t * error, bent + t * error, 0.95, "draws", 8)
    names = ("signal", "noise", "gradient_samples", "gradient_norm2", "gradient_dot_mean")
    numbers = [v[n] for n in names]
    signal, trace = est.signal_and_noise(*numbers)
    noise = trace.mapped(lambda x: x * PROBED / BATCH)
    noiseless = "zero_noise" in flags(measured, "C_alpha", *place)
    star = est.critical_consolidation(
        ETA, v["hessian_signal"], curved, noise, v["gradient_samples"] * PROBED / BATCH, noiseless
    )

    close(measured, "signal", place, signal)
    close(measured, "noise", place, noise)
    close(measured, "C_star", place, star)
    # Its error is passed on whole, and not cut off where |μ|² ends.
    whole = est.signal_and_noise(*numbers, cut=False)[0]
    half_rate = curved.mapped(lambda x: 0.5 * ETA * x)
    close(
        measured,
        "lyapunov_drift",
        place,
        est.lyapunov_drift(None, 0.0, "generator", half_rate, grad_norm2=whole),
    )
    literal = est.lyapunov_drift(None, noise.value, "literal", grad_norm2=v["signal"]).value
    assert float(measured["lyapunov_drift_literal"].values[place]) == pytest.approx(literal, nan_ok=True)
    c, low, high = (float(measured[f"C_alpha{end}"].values[place]) for end in ("", "_low", "_high"))
    word = est.phase(est.Estimate(c, low, high, 0.95, "debiased", 24), threshold=star)
    if noiseless:
        word = est.phase(signal.value, threshold=float(est.critical_signal(ETA, v["hessian_signal"])))
    assert str(measured["phase"].values[place]) == word


@pytest.mark.parametrize("place", PLACES)
def test_the_margin_the_dimension_and_the_index(run, measured, place):
    v = stored(run, place)
    sharpest, error = v["lambda_max"], v["curvature_residual"]
    seen = est.Estimate(sharpest, sharpest - error, sharpest + error, 0.95, "lanczos", 1)
    margin = est.stability_margin(seen, ETA, momentum=0.5, weight_decay=0.2)

    close(measured, "S", place, margin)
    assert float(measured["S_literal"].values[place]) == pytest.approx(
        est.stability_margin(sharpest, ETA, "literal").value, nan_ok=True
    )
    tail = est.tail_index(v["gradient_projection"])
    close(measured, "tail_index", place, tail)
    d_h = est.effective_dimension(6, tail)
    close(measured, "d_H", place, d_h)
    p = est.probability(
        est.at_batch_size(
            est.consolidation_from_draws(v["gradient_norm2"], v["gradient_dot_mean"]), PROBED, BATCH
        )
    )
    close(measured, "I", place, est.intelligence(p, margin, d_h))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("group", [0, 1])
def test_c_of_a_group(run, measured, place, group):
    v = stored(run, place)
    one = est.consolidation_from_sums(
        v["group_signal"][group], v["group_noise"][group], np.nan_to_num(v["gradient_samples"])
    )

    close(measured, "C_group", (*place, group), est.at_batch_size(one, PROBED, BATCH))
    text = set(str(measured["C_group_flags"].values[(*place, group)]).split(";"))
    assert {f for f in text if f in (*SHARED, "delta_interval")} == {
        f for f in one.flags if f in (*SHARED, "delta_interval")
    }


def test_a_gradient_without_noise_but_for_rounding_has_an_infinite_c_in_each_group():
    # The mean of equal rows is off by a bit, so that centred rows are not quite 0.
    m = measure(synthetic(np.repeat(normal((1, 3, 1, 6)), 24, axis=2)))

    assert np.isposinf(m["C_group"].values).all()
    assert all("zero_noise" in str(text) for text in m["C_group_flags"].values.ravel())


def test_signs_of_a_gradient_that_is_not_finite_are_not_counted():
    g = normal((1, 2, 24, 6))
    g[0, 0, 3, 1] = np.inf
    with np.errstate(invalid="ignore"):
        run = synthetic(g)

    m = measure(run)

    assert np.isnan(m["direction_probability"].values[0, 0])
    assert "no_value" in flags(m, "direction_probability")
    assert "nonfinite" in flags(m, "C_alpha")
