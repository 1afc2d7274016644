"""Smoothed series of a run: those of the estimators, of each trajectory alone, and phases with reasons."""

import numpy as np
import pytest
from scipy.special import ndtri

from sdesim import estimators as est
from sdesim.runs import measure
from tests.runs.synthetic_run import normal, synthetic

PROBES, DRAWS = 20, 24
# C = 6 m²/6 of gradients with mean m on each of 6 axes falls from 0.6 to 0.01; C* = 0.05 · 0.5 · (1 + C) λ
# is 0.03 to 0.07 at sharpness 1 to 2.
MEANS = np.sqrt(np.linspace(0.6, 0.01, PROBES))


def falling(**attrs):
    return synthetic(normal((2, PROBES, DRAWS, 6), mean=MEANS[:, None, None]), **attrs)


@pytest.fixture(scope="module")
def run():
    return falling()


@pytest.fixture(scope="module")
def measured(run):
    return measure(run, smooth=True)


def ends(m, name):
    return [m[f"{name}{end}"].values for end in ("", "_low", "_high")]


def changed(run, **values):
    made = run.copy(deep=True)
    for name, value in values.items():
        made[name] = (("trajectory", "probe"), value, {"units": "1", "long_name": name})
    return made


def test_only_what_is_asked_for_is_smoothed_and_nothing_else_changes(run, measured):
    plain = measure(run)

    added = set(measured.data_vars) - set(plain.data_vars)
    assert plain.identical(measured[list(plain.data_vars)].assign_attrs(plain.attrs))
    assert {n.removesuffix("_smooth") for n in added if n.endswith("_smooth")} == {
        "C_alpha", "C_star", "C_excess", "phase",
    }  # fmt: skip
    assert not {n for n in added if "_smooth" not in n and not n.startswith("change_")}


def test_the_series_are_the_estimators_of_the_readings(run, measured):
    times = measured["probe_time"].values
    signal, noise, norm2, dot = (
        run[n].values for n in ("signal", "noise", "gradient_norm2", "gradient_dot_mean")
    )
    parts = est.signal_and_noise(signal, noise, DRAWS, norm2, dot, cut=False)

    def readings(value, low, high):
        return value, (high - low) / (2 * ndtri(0.975))

    c = est.smoothed_ratio(*(x for e in parts for x in readings(e.value, e.low, e.high)), times)
    star = est.smooth(*(10 * x for x in readings(*ends(measured, "C_star"))), times)
    star = star.mapped(lambda x: 0.1 * x)
    excess = est.smoothed_difference(c, star)

    for name, e in (("C_alpha", c), ("C_star", star), ("C_excess", excess)):
        low = np.maximum(e.low, 0) if name == "C_alpha" else e.low
        for found, expected in zip(ends(measured, f"{name}_smooth"), (e.value, low, e.high), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-9)
    words, reasons = est.smoothed_phase(excess)
    assert (measured["phase_smooth"].values == words).all()
    assert (measured["phase_smooth_reason"].values == reasons).all()


def test_more_phases_are_decided_none_wrongly_and_the_change_is_found(run, measured):
    before, after = measured["phase"].values, measured["phase_smooth"].values
    sure = np.isin(after, ("generalization", "exploration"))
    critical = 0.05 * run["lambda_max"].values * (0.5 + MEANS**2)
    truth = np.where(critical < MEANS**2, "generalization", "exploration")

    assert sure.mean() > np.isin(before, ("generalization", "exploration")).mean() + 0.2
    # Student's draws and a fixed seed: at a false decision per 40 places that are decided.
    assert (after == truth)[sure].mean() > 0.95
    assert measured["change_direction"].values[:, 0].tolist() == [-1.0, -1.0]
    point, low, high = (measured[f"change_point{end}"].values[:, 0] for end in ("", "_low", "_high"))
    assert ((low < point) & (point < high)).all()


def test_each_trajectory_is_smoothed_as_if_it_were_alone(run, measured):
    alone = measure(run.isel(trajectory=[1]), smooth=True)

    for name in ("C_alpha_smooth", "C_star_smooth_low", "C_excess_smooth_high"):
        np.testing.assert_array_equal(alone[name].values[0], measured[name].values[1])


def test_a_scheduled_fall_of_the_rate_is_not_smoothed_away(run):
    rate = np.where(np.arange(PROBES) < 10, 0.1, 0.001) * np.ones((2, 1))
    fallen = measure(changed(run, step_size=rate), smooth=True)
    plain = measure(run, smooth=True)

    for end in ("", "_low", "_high"):
        name = f"C_star_smooth{end}"
        np.testing.assert_allclose(fallen[name].values / rate, plain[name].values / 0.1, rtol=1e-9)


def test_at_rate_zero_there_is_no_phase_and_it_says_so(run):
    rate = np.full((2, PROBES), 0.1)
    rate[0, 5] = 0.0
    found = measure(changed(run, step_size=rate), smooth=True)

    assert found["phase_smooth"].values[0, 5] == "undefined"
    assert found["phase_smooth_reason"].values[0, 5] == "rate_zero"
    assert np.isnan(found["C_star_smooth"].values[0, 5])
    assert np.isfinite(found["C_alpha_smooth"].values[0, 5])


def test_after_a_divergence_nothing_is_said_and_few_readings_are_told(run):
    gone = run.copy(deep=True)
    for name, variable in gone.data_vars.items():
        if variable.dims[:2] == ("trajectory", "probe") and variable.dtype.kind == "f":
            values = variable.values.copy()
            values[0, 12:], values[1, 4:] = np.nan, np.nan
            gone[name] = (variable.dims, values, variable.attrs)

    found = measure(gone, smooth=True)

    words, reasons = found["phase_smooth"].values, found["phase_smooth_reason"].values
    assert (words[0, 12:] == "undefined").all()
    assert (reasons[0, 12:] == "outside_readings").all()
    assert (reasons[1, :4] == "too_few_readings").all()
    assert "too_few_readings" in found["C_alpha_smooth_flags"].values[1, 0]


def test_a_phase_by_measured_progress_is_the_sign_of_smoothed_progress(run):
    rng = np.random.default_rng(2)
    change = np.linspace(-1, 0.5, PROBES) + 0.4 * rng.standard_normal((2, PROBES))
    given = changed(run, progress=change, progress_error=np.full((2, PROBES), 0.4),
                    progress_count=np.full((2, PROBES), 16.0))  # fmt: skip
    given.attrs["optimizer_model"] = "none"

    found = measure(given, smooth=True)

    low, high = (found[f"progress_smooth{end}"].values for end in ("_low", "_high"))
    words = np.where(high < 0, "generalization", np.where(low > 0, "exploration", "transition"))
    assert (found["phase_smooth"].values == words).all()
    assert (words[:, :8] == "generalization").all()
    assert found["phase_smooth_flags"].values[0, 0] == found["phase_flags"].values[0, 0]


def test_readings_without_draws_of_their_own_have_no_error_and_are_not_smoothed(run):
    bare = run.drop_vars(["gradient_norm2", "gradient_dot_mean"])

    found = measure(bare, smooth=True)

    assert (found["phase_smooth_reason"].values == "no_reading_error").all()
    assert np.isnan(found["C_alpha_smooth"].values).all()


def test_flags_that_last_are_those_of_the_whole_series(run):
    stable = run.copy()
    stable.attrs["levy_index"] = 1.5

    found = measure(stable, smooth=True)

    assert all("heavy_tail_variance_undefined" in f for f in found["C_alpha_smooth_flags"].values.ravel())


def test_a_run_without_probes_has_nothing_to_smooth(run):
    path = run.drop_dims(["probe", "sample", "group"])

    assert not [n for n in measure(path, smooth=True).data_vars if "smooth" in n]
