"""Series as people have them, and what is no series."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from sdesim.errors import EstimatorError
from sdesim.fits.series import read_series

X = np.random.default_rng(0).standard_normal(12).cumsum()


def test_arrays_lists_and_columns():
    one, listed = read_series(X, dt=0.5), read_series(X.tolist(), dt=0.5)
    two = read_series(np.stack([X, -X], axis=1), dt=0.5)

    assert np.array_equal(one.dt, np.full(11, 0.5))
    assert np.array_equal(listed.after, one.after)
    assert two.n == 22
    assert np.array_equal(two.before[11:], -X[:-1])
    assert two.duration == 11.0


def test_what_is_masked_is_missing():
    found = read_series(np.ma.masked_array(X, mask=np.arange(12) == 4), dt=0.5)

    assert (found.missing, found.n) == (1, 10)


def test_pandas_tells_the_time_by_its_index():
    days = pd.date_range("2024-01-01", periods=12, freq="D")
    daily = read_series(pd.Series(X, index=days))
    yearly = read_series(pd.Series(X, index=days), unit="year")
    plain = read_series(pd.Series(X, index=np.linspace(0.0, 1.1, 12)))
    frame = read_series(pd.DataFrame({"a": X, "b": -X}, index=days.tz_localize("Europe/Berlin")))
    monthly = read_series(pd.Series(X, index=pd.period_range("2024-01", periods=12, freq="M")))

    assert (daily.unit, daily.regular, daily.dt[0]) == ("day", True, 1.0)
    assert yearly.dt[0] == pytest.approx(1 / 365.25)
    assert plain.dt == pytest.approx(0.1)
    assert plain.regular
    assert frame.n == 22
    assert monthly.dt[:2].tolist() == [31.0, 29.0]


def test_rows_that_are_only_counted_hold_no_times():
    with pytest.raises(EstimatorError, match="dt: missing"):
        read_series(pd.Series(X))
    assert read_series(pd.Series(X), dt=0.25).dt[0] == 0.25


def test_dt_in_the_place_of_unequal_days_is_flagged():
    business = pd.bdate_range("2024-01-01", periods=12)

    assert read_series(pd.Series(X, index=business), dt=1 / 252).notes == ("times_overridden",)
    assert sorted(set(read_series(pd.Series(X, index=business)).dt)) == [1.0, 3.0]


def test_xarray_with_time_in_any_place():
    time = 0.1 * np.arange(12)
    one = xr.DataArray(X, dims="time", coords={"time": time})
    two = xr.DataArray(np.stack([X, -X]), dims=("member", "time"), coords={"time": time})
    run = xr.DataArray(
        np.stack([X, -X])[..., None],
        dims=("trajectory", "step", "param"),
        coords={"step": np.arange(12), "time": ("step", time)},
    )
    own = run.assign_coords(time=(("trajectory", "step"), np.stack([time, 2 * time])))

    assert read_series(one).regular
    assert read_series(two).n == read_series(run).n == 22
    assert np.array_equal(read_series(run).after[11:], -X[1:])
    assert read_series(own).dt[[0, 11]] == pytest.approx([0.1, 0.2])
    assert read_series(run.drop_vars("time"), dt=0.3).dt[0] == 0.3


@pytest.mark.parametrize(
    ("series", "settings", "told"),
    [
        (np.zeros((2, 2, 2)), {"dt": 1}, "series: found shape"),
        (["a", "b"], {"dt": 1}, "series: found text"),
        ([[1, 2], [3]], {"dt": 1}, "series: found list"),
        (X * 1j, {"dt": 1}, "series: found complex numbers"),
        (pd.DataFrame({"a": list("abc")}), {"dt": 1}, "series: found columns that are no numbers"),
        (pd.DataFrame({"a": X, "b": pd.date_range("2024", periods=12)}), {"dt": 1}, "that are no numbers"),
        (X > 0, {"dt": 1}, "series: found truth values"),
        (pd.Series(X, index=[*range(5), 3, *range(6, 12)]), {}, "index: .* does not rise at place 5"),
        (pd.Series(X, index=[*range(11), np.nan]), {}, "index: found times that are missing"),
        (X, {"times": np.arange(11)}, "times: found 11 times, allowed: 12"),
        (X, {"times": np.arange(12), "dt": 1}, "times: found beside dt"),
        (X, {"times": "noon"}, "times: found str"),
        (X, {"dt": "x"}, "dt: found 'x'"),
        (X, {"dt": 1, "unit": "fortnight"}, "unit: found 'fortnight'"),
        (xr.Dataset(), {"dt": 1}, "series: found a Dataset"),
        (xr.DataArray(np.zeros((2, 12, 3)), dims=("trajectory", "step", "param")), {"dt": 1}, "along param"),
        (xr.DataArray(np.zeros((4, 5)), dims=("a", "b")), {"dt": 1}, "dimensions a, b"),
        (np.full((12, 2), np.nan), {"dt": 1}, "series: found 0 numbers"),
    ],
)  # fmt: skip
def test_what_is_no_series_is_told_in_one_line(series, settings, told):
    with pytest.raises(EstimatorError, match=told) as caught:
        read_series(series, **settings)

    assert "\n" not in str(caught.value)


def test_a_path_that_was_stopped_is_no_series():
    stopped = np.stack([X, np.r_[X[:6], np.full(6, X[5])]], axis=1)

    with pytest.raises(EstimatorError, match="the same value 7 times at the end of series 1"):
        read_series(stopped, dt=0.1)


def test_gaps_columns_without_numbers_and_equal_neighbours_are_noted():
    x = np.stack([X, np.full(12, np.nan)], axis=1)
    x[3, 0], x[7, 0] = np.nan, x[6, 0]

    found = read_series(x, dt=0.5)

    assert found.notes == ("missing_values", "repeated_values", "empty_series")
    assert (found.missing, found.n) == (13, 10)
    assert sorted(set(found.dt)) == [0.5, 1.0]
