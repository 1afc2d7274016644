"""Every shipped scenario runs in its small sizes, from the command line to the report."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from sdesim import cli
from sdesim.runs import open_run
from sdesim.scenario import load_scenario, parse_scenario, shipped_scenarios


@pytest.mark.parametrize("name", sorted(shipped_scenarios()))
def test_a_shipped_scenario_runs_small_and_leaves_a_whole_run_directory(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["sdesim", "run", name, "--quick", "--json", "--out", str(tmp_path / "x")]
    )

    with pytest.raises(SystemExit) as stop:
        cli.main()

    assert stop.value.code == 0
    scenario = load_scenario(name, quick=True)
    summary = json.loads(capsys.readouterr().out)
    assert set(summary["arms"]) == set(scenario.arms)
    # A published explicit chain under heavy tails is thrown across now and then, and says so.
    assert [line for line in summary["warnings"] if ": explicit_overshoot: " not in line] == []
    names = {p.name for p in (tmp_path / "x").iterdir()}
    assert names == {
        "scenario.yaml", "provenance.json", "summary.json", "report.html", "figures",
        *(f"{arm}.zarr" for arm in scenario.arms),
    }  # fmt: skip
    assert parse_scenario((tmp_path / "x" / "scenario.yaml").read_text()).arms == scenario.arms
    page = (tmp_path / "x" / "report.html").read_text()
    assert all(arm in page for arm in scenario.arms)
    for arm in scenario.arms:
        run = open_run(tmp_path / "x" / f"{arm}.zarr")
        assert run.attrs["complete"]
        assert np.isfinite(run["loss"].values).all()
        assert run.sizes["trajectory"] == summary["arms"][arm]["trajectories"]
    simulated = [arm for arm in scenario.arms if arm not in scenario.real]
    assert len(summary["comparisons"]) == (len(simulated) if scenario.real else 0)
