"""Steps that were read one after another, measured from the run that holds them."""

import numpy as np
import pytest

from sdesim.estimators.dynamics.read_steps import newest_of
from sdesim.runs import RunWriter, measure
from sdesim.runs.measures.successive import _steps, holds_steps

NAMES = (
    "signal", "noise", "gradient_samples", "step_size", "step_batch", "step_before", "step_after",
    "step_gain", "step_clipped", "step_outside",
)  # fmt: skip


def run_of(n=60, batch=None, optimizer="adam", **given):
    rng = np.random.default_rng(0)
    batch = np.full(n, 8.0) if batch is None else batch
    noise = 4 * (1 + 0.1 * rng.standard_normal(n)) * 8 / batch
    each = {
        "signal": 1 + rng.standard_normal(n) + noise / 8, "noise": noise, "gradient_samples": 8.0,
        "step_size": 0.1, "step_batch": batch, "step_before": -0.1 + 0.1 * rng.standard_normal(n),
        "step_after": -0.05 + 0.1 * rng.standard_normal(n), "step_gain": np.nan, "step_clipped": 0.0,
        "step_outside": 1.0, **given,
    }  # fmt: skip
    writer = RunWriter(
        kind="real", trajectories=1, steps=range(0, 100 * n, 100), time=np.arange(n) * 10.0, dim=3,
        variables=list(NAMES), probe_steps=range(0, 100 * n, 100), probe_time=np.arange(n) * 10.0, samples=0,
        directions=0, groups=(),
        attrs={"seed": 0, "learning_rate": 0.1, "batch_size": 8, "probe_batch_size": 8, "absent": ["loss"],
               "optimizer": optimizer, "optimizer_model": "none", "window": 20, "phase_window": 50,
               "step_flags": ["weights_by_examples"], "step_sampling": "reshuffled", "weight_decay": 0.1},
        epoch=[np.nan] * n, out=None,
    )  # fmt: skip
    for k in range(n):
        for name in NAMES:
            writer.write(name, float(np.broadcast_to(each[name], (n,))[k]), trajectory=0, probe=k)
    return writer.finish()


def test_each_place_is_what_the_readings_up_to_it_say():
    run = run_of()
    assert holds_steps(run)
    measured = measure(run)

    read = _steps(run, 0)
    for k in (10, 59):
        told = newest_of(read.newest(50, k + 1), 20, 50)
        assert float(measured["C_alpha"][0, k]) == pytest.approx(told.c.value, rel=1e-12)
        assert float(measured["C_1"][0, k]) == pytest.approx(told.c.value / 8, rel=1e-12)
        assert float(measured["lyapunov_drift_high"][0, k]) == pytest.approx(told.drift.high, rel=1e-12)
        assert str(measured["phase"].values[0, k]) == told.phase
    assert np.isnan(measured["C_star"]).all()


def test_flags_are_those_of_the_training_and_no_formula_s():
    measured = measure(run_of())

    flags = set(str(measured["lyapunov_drift_flags"].values[0, -1]).split(";"))
    assert flags == {"weights_by_examples", "reshuffled", "decay_not_in_loss"}
    assert str(measured["phase_flags"].values[0, -1]) == "reshuffled;decay_not_in_loss"
    assert str(measured["C_alpha_flags"].values[0, -1]) == "weights_by_examples"


def test_batches_of_any_size_are_taken_each_place_at_its_own():
    batch = np.where(np.arange(60) % 4 == 3, 2.0, 8.0)
    varied, plain = measure(run_of(batch=batch)), measure(run_of())

    assert "batch_varies" in str(varied["C_alpha_flags"].values[0, -1])
    # Of the noise of a batch four times smaller, and of one example the same.
    assert float(varied["C_alpha"][0, -1]) == pytest.approx(float(plain["C_alpha"][0, -1]) / 4, rel=1e-9)
    assert float(varied["C_1"][0, -1]) == pytest.approx(float(plain["C_1"][0, -1]), rel=1e-9)


def test_a_place_where_nothing_was_read_has_nothing():
    gap = np.where(np.arange(60) == 30, np.nan, 4.0)
    measured = measure(run_of(noise=gap))

    assert np.isnan(float(measured["C_alpha"][0, 30]))
    assert str(measured["phase"].values[0, 30]) == "undefined"
    assert np.isfinite(measured["C_alpha"].values[0, 31:]).all()
