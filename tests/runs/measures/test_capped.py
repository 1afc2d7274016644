"""The critical batch with a Hessian, of what a probe or a monitor read."""

import numpy as np
import pytest
import xarray as xr

import sdesim
from sdesim import estimators as est
from sdesim.runs.measures.capped import critical_batch_hessian
from tests.runs.synthetic_run import normal, synthetic

PROBE = ("trajectory", "probe")
ETA, BATCH, DRAWS = 0.1, 8, 24
# Student's of 23 and 7 degrees at 97.5%.
WIDE, WIDER = 2.0686576, 2.3646243


def given(value, half):
    return est.Estimate(value, value - half, value + half, 0.95, "", 9)


def trace(value, half):
    """On the logarithmic scale."""
    return est.Estimate(value, value * np.exp(-half / value), value * np.exp(half / value), 0.95, "", 9)


def wanted(run, measured, gain=1.0):
    """From the numbers of the first probe."""
    v = {name: float(run[name][0, 0]) for name in run.data_vars if run[name].dims == PROBE}
    m = {name: float(measured[name][0, 0]) for name in ("signal", "signal_low", "signal_high", "S")}
    ends = [1 - float(measured[f"S{end}"][0, 0]) / 2 for end in ("", "_high", "_low")]
    rate = [gain * v["step_size"] / x for x in (ends[0], ends[2], ends[1])]
    return est.hessian_noise_scale(
        est.Estimate(m["signal"], m["signal_low"], m["signal_high"], 0.95, "", 9),
        given(v["hessian_signal"] - v["hessian_noise"] / DRAWS, WIDE * v["hessian_signal_error"]),
        trace(BATCH * v["hessian_noise"], WIDER * BATCH * v["hessian_noise_error"]),
        est.Estimate(*rate, 0.95, "", 9),
    )  # fmt: skip


def ends(measured, k=0):
    return [float(measured[f"critical_batch_hessian{end}"][0, k]) for end in ("", "_low", "_high")]


@pytest.mark.parametrize(("attrs", "gain"), [({}, 1.0), ({"momentum": 0.9, "dampening": 0.5}, 5.0)])
def test_it_is_that_of_signal_bend_trace_and_edge_with_their_errors(attrs, gain):
    run = synthetic(normal(mean=1.5), **attrs)
    measured = sdesim.measure(run)
    e = wanted(run, measured, gain)

    assert ends(measured) == pytest.approx([e.value, e.low, e.high], rel=1e-6)
    assert 0 < e.low < e.value < e.high < np.inf


def test_what_is_known_without_draws_leaves_the_errors_that_there_are():
    run = synthetic(normal(mean=1.5))
    known = {
        "exact_signal": 2.0, "exact_noise": 40.0, "exact_noise_error": 0.0, "exact_draws": np.inf,
        "exact_hessian_signal": 3.0, "exact_hessian_noise": 12.0 / BATCH, "exact_hessian_noise_error": 0.0,
    }  # fmt: skip
    run = run.assign({name: (PROBE, np.full((2, 3), x)) for name, x in known.items()})
    run["lambda_max"], run["curvature_residual"] = run["lambda_max"] * 0 + 8.0, run["lambda_max"] * 0
    for name in known:
        run[name].attrs |= {"units": "1", "long_name": name}
    for name in ("lambda_max", "curvature_residual"):
        run[name].attrs |= {"units": "1", "long_name": name}

    found = ends(sdesim.measure(run))

    # η_max = 2/8 is below |μ|²/μᵀHμ = 2/3.
    assert found == pytest.approx([est.hessian_noise_scale(2.0, 3.0, 12.0, 0.25).value] * 3, rel=1e-12)


def test_where_no_signal_may_be_there_it_is_open_above():
    run = synthetic(normal(mean=0.0))
    run["hessian_signal_error"] = 20 * run["hessian_signal_error"]
    run["hessian_signal_error"].attrs |= run["hessian_signal"].attrs
    measured = sdesim.measure(run)
    value, low, high = ends(measured)
    texts = measured["critical_batch_hessian_flags"].values[0, 0].split(";")

    assert high == np.inf
    assert low > 0
    assert "unresolved" in texts
    assert np.isnan(value) == ("negative_signal" in texts)


def test_in_a_metric_of_its_own_and_without_batches_there_is_none():
    run = synthetic(normal(mean=1.5))
    metric = run["lambda_max"].copy()
    apart = sdesim.measure(
        run.assign(
            preconditioned_lambda_max=metric, preconditioned_residual=metric * 0, critical_sharpness=metric
        )
    )
    alone = sdesim.measure(synthetic(normal(mean=1.5), batch_size=0))

    assert np.isnan(ends(apart)).all()
    assert "other_metric" in apart["critical_batch_hessian_flags"].values[0, 0].split(";")
    assert np.isnan(ends(alone)).all()
    assert "no_batch" in alone["critical_batch_hessian_flags"].values[0, 0].split(";")


def test_what_a_monitor_bought_is_read_where_it_was():
    values = {
        "capped_signal": (2.0, 1.5, 2.75), "capped_bend": (3.0, 2.5, 4.0), "capped_rate": (0.3, 0.25, 0.4),
    }  # fmt: skip
    ends = {
        f"{k}{end}": x for k, v in values.items() for end, x in zip(("", "_low", "_high"), v, strict=True)
    }
    run = xr.Dataset({name: (PROBE, [[x, np.nan]]) for name, x in (ends | {"capped_count": 8.0}).items()})
    found, narrow = (critical_batch_hessian(run, xr.Dataset(attrs={"level": level})) for level in (0.95, 0.5))
    one, *parts = (
        est.Estimate(1.0, 1.0, 1.0, 0.95, "", 8),
        *(est.Estimate(*x, 0.95, "", 8) for x in values.values()),
    )
    e = est.hessian_noise_scale(parts[0], parts[1], one, parts[2])
    assert (found.value[0, 0], found.low[0, 0], found.high[0, 0]) == pytest.approx((e.value, e.low, e.high))
    # Student's of 7 degrees at 75%: that of 97.5% is 3.326 times as far.
    signal, bent = (
        est.Estimate(v, v - (v - low) / WIDER * 0.711142, v + (high - v) / WIDER * 0.711142, 0.5, "", 8)
        for v, low, high in (values["capped_signal"], values["capped_bend"])
    )
    e = est.hessian_noise_scale(signal, bent, one, parts[2])
    assert (narrow.low[0, 0], narrow.high[0, 0]) == pytest.approx((e.low, e.high), rel=1e-5)
    assert np.isnan(found.value[0, 1])
    assert not any(mask[0, 1] for mask in found.flags.values())
    assert critical_batch_hessian(xr.Dataset(), xr.Dataset(attrs={"level": 0.95})) is None
