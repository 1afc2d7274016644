"""Every estimator holds what is stated of it; the study itself can tell when one doesn't."""

from __future__ import annotations

import inspect
import json
import math
import sys
from importlib import import_module

import numpy as np
import pytest

import sdesim
from sdesim import cli
from sdesim import estimators as est
from sdesim.errors import SdesimError
from sdesim.shipped import study

calibration = study("calibration")
rows_module = import_module(f"{calibration.__name__}.rows")


# What is no estimate out of data: closed forms, sums that estimators take, series and controls made of them.
WITHOUT_CASE = {
    "box_counts",
    "channel_information",
    "combine_moments",
    "consolidation_from_draws",
    "consolidation_from_sums",
    "consolidation_threshold",
    "contraction_factor",
    "correlation_sum",
    "critical_batch",
    "critical_consolidation",
    "critical_sharpness",
    "critical_signal",
    "decrease_probability",
    "dimension_controls",
    "direction_share",
    "effective_rates",
    "eta_star",
    "gradient_moments",
    "hessian_noise_scale",
    "intelligence_state",
    "jackknife_consolidation",
    "jump_moments",
    "jump_term",
    "jump_term_truncated",
    "lanczos_edges",
    "leave_one_out",
    "log_jump_term",
    "log_lyapunov_drift",
    "manifold_gradient",
    "mean_square_rate",
    "preconditioned",
    "rolling_indicators",
    "rolling_pl_constant",
    "sign_noise_scale",
    "signal_and_noise",
    "tail_indices",
}


@pytest.fixture(scope="module")
def found():
    return sdesim.calibrate(quick=True, processes=2)


@pytest.mark.parametrize("estimator", calibration.estimator_names())
def test_every_promise_about_an_estimator_is_kept(found, estimator):
    # A promise counts as broken where chance alone would break it with probability 1e-6 (rates), or at five
    # standard errors (means).
    misses = [m for row in found.rows if row.estimator == estimator for m in row.misses]

    assert any(row.estimator == estimator for row in found.rows)
    assert not misses


def test_every_public_estimator_has_a_case_or_no_chance_in_it():
    functions = {name for name in est.__all__ if inspect.isfunction(getattr(est, name))}
    cases = set(calibration.estimator_names())

    assert cases <= set(est.__all__)
    assert functions - cases - WITHOUT_CASE == set(), "add a case, or the name to WITHOUT_CASE"
    assert not WITHOUT_CASE & cases


def fixed_case(coverage=None, bias=None, at_most=None, half=1.0, shift=0.0):
    """A normal mean of one draw, with an interval of ± half."""

    def estimate(x):
        return est.Estimate(x + shift, x + shift - half, x + shift + half, 0.95, "fixed", 1)

    event = calibration.Event("is positive", lambda e, truth: e.value > 0, at_most)
    return calibration.Case(
        "mean", "fixed", f"{half} {shift}", lambda rng, n: rng.standard_normal(), estimate, 0.0, (1,),
        coverage, bias, (event,),
    )  # fmt: skip


def row_of(case, count=1000):
    return rows_module.summarise(case, 1, [case.replicate(1, r, 0) for r in range(count)])


def test_a_correct_interval_keeps_its_promise_and_a_narrow_one_breaks_it():
    right = row_of(fixed_case(coverage=0.95, half=1.96))
    # ± 1.6 covers 0.890: 60 of 1000 too few, where one standard error is 7.
    narrow = row_of(fixed_case(coverage=0.95, half=1.6))

    assert not right.misses
    assert [m.split(" 0.")[0] for m in narrow.misses] == ["coverage"]
    # Five standard errors of a share of 0.95 in 1000.
    assert right.coverage.value == pytest.approx(0.95, abs=0.035)


def test_bias_and_false_alarms_are_held_against_what_is_promised():
    assert not row_of(fixed_case(bias=0.0, at_most=0.5)).misses
    assert row_of(fixed_case(bias=0.0, shift=0.5)).misses[0].startswith("bias 0.")
    assert row_of(fixed_case(at_most=0.3)).misses[0].startswith("is positive: 0.")


def test_an_estimate_without_the_promised_interval_breaks_the_promise():
    case = fixed_case(coverage=0.95, half=math.nan)

    assert row_of(case).misses == ["coverage 0.000, promised 0.95"]


def test_results_depend_on_seed_and_replication_alone():
    alone = sdesim.calibrate("mahalanobis_snr", quick=True, replications=20)
    among = sdesim.calibrate(["odds", "mahalanobis_snr"], quick=True, replications=20)
    other = sdesim.calibrate("mahalanobis_snr", quick=True, replications=20, seed=1)
    case = next(c for c in calibration.CASES.values() if c.estimator == "mahalanobis_snr")
    backwards = [case.replicate(20, r, 0) for r in reversed(range(20))]

    chosen = [row for row in among.rows if row.estimator == "mahalanobis_snr"]
    assert [r.bias for r in alone.rows] == [r.bias for r in chosen]
    assert [r.bias for r in alone.rows] != [r.bias for r in other.rows]
    assert np.mean([t.value for t in backwards]) - 2.0 == pytest.approx(alone.rows[0].bias, rel=1e-12)


def test_processes_share_the_work_without_changing_it(found):
    alone = sdesim.calibrate(["lyapunov_exponent", "detect_transition"], quick=True)
    names = {row.estimator for row in alone.rows}

    assert repr([row for row in found.rows if row.estimator in names]) == repr(list(alone.rows))


def test_table_data_and_figures_are_written(found, tmp_path):
    run = import_module(f"{calibration.__name__}.run")

    run.write(found, tmp_path)

    table = (tmp_path / "table.md").read_text()
    assert "Every promise is kept." in table
    assert all(f"## {name}\n" in table for name in calibration.estimator_names())
    assert json.loads((tmp_path / "calibration.json").read_text())["holds"] is True
    assert {p.name for p in tmp_path.glob("*.png")} == {"coverage.png", "errors.png", "alarms.png"}


def call(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["sdesim", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    return int(stop.value.code or 0)


def test_json_of_the_command_is_the_result_and_nothing_else(capsys):
    code = call("calibrate", "odds", "--quick", "--json", "--processes", "1")

    printed = json.loads(capsys.readouterr().out)
    assert code == 0
    assert printed["holds"] is True
    assert {row["estimator"] for row in printed["rows"]} == {"odds"}
    assert printed["rows"][0]["coverage"]["value"] > 0.9


def test_a_broken_promise_is_exit_code_1(capsys, monkeypatch):
    from dataclasses import replace

    key, case = next((k, c) for k, c in calibration.CASES.items() if c.estimator == "odds")
    monkeypatch.setitem(calibration.CASES, key, replace(case, truth=0.5))

    code = call("calibrate", "odds", "--quick", "--processes", "1")

    assert code == 1
    assert "broken promise: odds" in capsys.readouterr().out


def test_a_name_that_is_no_estimator_is_exit_code_2(capsys):
    code = call("calibrate", "odds", "nonsense", "--quick")

    assert code == 2
    assert "estimator must be 'all' or out of" in capsys.readouterr().err


def test_bad_arguments_are_told_apart():
    with pytest.raises(SdesimError, match="replications must be at least 2, got 1"):
        sdesim.calibrate("odds", replications=1)
    with pytest.raises(SdesimError, match="processes must be at least 1, got 0"):
        sdesim.calibrate("odds", processes=0)
    with pytest.raises(SdesimError, match="got none"):
        sdesim.calibrate([])
