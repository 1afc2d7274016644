"""Sweeps: which points a file asks for, what is refused before anything runs, where and when points run."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import sys
from pathlib import Path

import pytest

from sdesim.commands.options import MISSED, OK
from sdesim.errors import RunError, ScenarioError
from sdesim.scenario import load_scenario, load_sweep, parse_sweep, run_scenario, run_sweep
from sdesim.scenario.sweep.points import choose

TOY = """\
name: toy
seed: 5
arms:
  sde:
    simulate:
      surface: {kind: quadratic, eigenvalues: [1, 2]}
      noise: [{kind: gaussian, diffusion: 0.1}]
      dt: 0.1
      steps: 20
      trajectories: 4
      save_every: 10
expect:
  [{arm: sde, quantity: loss, below: 100}, {arm: sde, quantity: loss, above: 0}]
sweep:
  "arms.sde.simulate.noise[0].diffusion": [0.1, 0.4]
  arms.sde.simulate.dt: [0.05, 0.1]
"""
ONE = TOY.replace("  arms.sde.simulate.dt: [0.05, 0.1]\n", "")
AXIS = '  "arms.sde.simulate.noise[0].diffusion": [0.1, 0.4]\n'


def contents(folder: Path) -> dict[str, str]:
    """Digest of everything in a sweep that does not tell of time and place."""
    skipped = ("provenance.json", "summary.json", "report.html", "zarr.json")
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in skipped]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    out = tmp_path_factory.mktemp("sweep") / "toy"
    return out, run_sweep(parse_sweep(TOY), out, progress=False)


def test_points_are_the_full_product_with_the_last_axis_fastest():
    sweep = parse_sweep(TOY)

    assert [p.name for p in sweep.points] == [
        "diffusion=0.1,dt=0.05", "diffusion=0.1,dt=0.1", "diffusion=0.4,dt=0.05", "diffusion=0.4,dt=0.1",
    ]  # fmt: skip
    last = sweep.points[-1].scenario.arms["sde"].simulate
    assert (last.noise[0].diffusion, last.dt) == (0.4, 0.1)
    assert {p.scenario.seed for p in sweep.points} == {5}


def test_one_axis_may_set_several_paths_each_with_its_own_value_or_all_with_one():
    key = '"arms.sde.simulate.dt, arms.sde.simulate.steps"'
    text = ONE.replace(AXIS, f"  {key}: [[0.1, 20], [0.2, 10]]\n  'seed, probes.every': [3, 4]\n")
    text = text.replace("expect:", "probes: {every: 5}\nexpect:")

    sweep = parse_sweep(text)

    found = [
        (p.scenario.arms["sde"].simulate.dt, p.scenario.arms["sde"].simulate.steps) for p in sweep.points
    ]
    assert found == [(0.1, 20), (0.1, 20), (0.2, 10), (0.2, 10)]
    assert [(p.scenario.seed, p.scenario.probes.every) for p in sweep.points[:2]] == [(3, 3), (4, 4)]
    assert [a.label for a in sweep.axes] == ["dt", "seed"]
    assert sweep.points[0].name == "dt=0.1,seed=3"


def test_axes_with_the_same_last_word_get_longer_labels():
    text = ONE.replace(AXIS, "  probes.every: [5, 10]\n  arms.sde.probes.every: [5, 10]\n")
    text = text.replace("expect:", "probes: {every: 5}\nexpect:").replace(
        "      save_every: 10\n", "      save_every: 10\n    probes: {every: 5}\n"
    )

    assert [a.label for a in parse_sweep(text).axes] == ["probes.every", "sde.probes.every"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('"arms.sde.simulate.noise[0].difusion": [1]', "unknown field, did you mean 'diffusion'?"),
        ('"arms.sde.simulate.noise[3].diffusion": [1]', "no such position, the list has 1 entries"),
        ("arms.sdee.simulate.dt: [1]", "not there, did you mean 'sde'?"),
        ("arms.sde.simulate.dt: [0.1, -1]", "allowed: a number above 0"),
        ("arms.sde.simulate.dt: 0.1", "allowed: a list"),
        ("arms.sde.simulate.dt: []", "allowed: at least 1 entries"),
        ("arms.sde.simulate.dt: [0.1, 1e-1]", "0.1 stands here twice"),
        ("arms..dt: [0.1]", "is not a path"),
        ("name: [a, b]", "found 'name', which a sweep can't vary"),
        ('"seed, arms.sde.simulate.dt": [[1, 0.1, 3]]', "found 3 values, allowed: 2, one for each path"),
        ("seed: [1]\n  'probes.every, seed': [1]", "seed is set by another axis already"),
    ],
)
def test_what_is_wrong_with_an_axis_is_said_with_file_line_and_field(line, message):
    with pytest.raises(ScenarioError) as caught:
        parse_sweep(ONE.replace(AXIS, f"  {line}\n"), "file.yaml")

    text = str(caught.value)
    assert message in text
    assert text.startswith("file.yaml:1")
    assert len(text.splitlines()) == 1


def test_a_value_that_fits_nothing_is_reported_once_however_many_points_it_spoils():
    text = TOY.replace("[0.1, 0.4]", "[0.1, true]")

    with pytest.raises(ScenarioError) as caught:
        parse_sweep(text, "file.yaml")

    assert str(caught.value).count("\n") == 0
    assert "file.yaml:15" in str(caught.value)


def test_a_file_without_a_sweep_and_one_of_too_many_points_are_refused():
    with pytest.raises(ScenarioError, match="sweep: missing"):
        parse_sweep(TOY[: TOY.index("sweep:")])
    many = ", ".join(map(str, range(1, 202)))
    with pytest.raises(ScenarioError, match="found 40,401 points"):
        parse_sweep(ONE.replace(AXIS, f"  seed: [{many}]\n  arms.sde.simulate.steps: [{many}]\n"))


def test_only_keeps_the_points_of_the_values_named():
    sweep = parse_sweep(TOY)

    assert [p.name for p in choose(sweep, ["diffusion=0.40", "dt=0.05"])] == ["diffusion=0.4,dt=0.05"]
    assert len(choose(sweep, ["dt=0.05", "dt=0.1"])) == 4
    with pytest.raises(ScenarioError, match="allowed: AXIS=VALUE with AXIS of diffusion, dt"):
        choose(sweep, ["eta=1"])
    with pytest.raises(ScenarioError, match=r"--only dt: found '7', allowed: 0.05, 0.1"):
        choose(sweep, ["dt=7"])


def test_every_point_is_the_run_that_its_scenario_alone_would_be(swept, tmp_path):
    out, _ = swept
    point = parse_sweep(TOY).points[2]
    alone = tmp_path / "alone"

    run_scenario(load_scenario(out / "points" / point.name / "scenario.yaml"), alone, progress=False)

    assert contents(alone) == contents(out / "points" / point.name)
    assert {p.name for p in (out / "points" / point.name).iterdir()} >= {"sde.zarr", "report.html"}


def test_the_table_holds_every_quantity_of_every_point_with_its_interval(swept):
    out, summary = swept
    rows = list(csv.DictReader((out / "table.csv").read_text().splitlines()))
    same = json.loads((out / "table.json").read_text())["rows"]

    assert len(rows) == len(same)
    assert {(r["point"], r["quantity"], r["at"]) for r in rows} == {
        (p["name"], q, at)
        for p in summary["points"]
        for q, at in (("loss", "end"), ("weight_norm", "end"), ("loss", "expect at end"))
    }
    # Two expectations of the loss are one number.
    assert len(rows) == 3 * len(summary["points"])
    for row, other in zip(rows, same, strict=True):
        assert float(row["low"]) < float(row["value"]) == other["value"] < float(row["high"])
        folder = json.loads((out / "points" / row["point"] / "summary.json").read_text())
        assert folder["arms"]["sde"]["end"][row["quantity"]]["value"] == other["value"]
        assert float(row["diffusion"]) == other["diffusion"]
        assert row["n"] == "4"


def test_a_finished_sweep_has_all_its_files_and_no_mark(swept):
    out, summary = swept

    names = {p.name for p in out.iterdir()}
    assert names == {
        "points", "scenario.yaml", "provenance.json", "summary.json", "table.csv", "table.json", "figures",
        "report.html",
    }  # fmt: skip
    assert {p["state"] for p in summary["points"]} == {"finished"}
    assert parse_sweep((out / "scenario.yaml").read_text()).axes[0].key.endswith("diffusion")


def test_an_interrupted_sweep_goes_on_to_the_same_bits_and_keeps_what_was_finished(swept, tmp_path):
    whole, _ = swept
    out = tmp_path / "x"
    sweep = parse_sweep(TOY)

    def stop(label, done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep(sweep, out, progress=stop)
    assert (out / "INCOMPLETE").exists()
    kept = out / "points" / sweep.points[0].name / "provenance.json"
    before = kept.stat().st_mtime_ns
    # A third point was begun.
    begun = out / "points" / sweep.points[2].name
    begun.mkdir()
    (begun / "INCOMPLETE").write_text("")
    with pytest.raises(RunError, match="give --resume"):
        run_sweep(sweep, out, progress=False)
    run_sweep(sweep, out, resume=True, progress=False)

    assert contents(out) == contents(whole)
    assert kept.stat().st_mtime_ns == before
    assert not (out / "INCOMPLETE").exists()


def test_a_sweep_is_not_resumed_over_points_of_another_scenario(swept, tmp_path):
    out, _ = swept

    with pytest.raises(RunError, match="was run from another scenario"):
        run_sweep(parse_sweep(TOY.replace("seed: 5", "seed: 6")), out, resume=True, progress=False)
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(RunError, match="not the directory of a sweep"):
        run_sweep(parse_sweep(TOY), tmp_path, resume=True, progress=False)


def test_two_processes_give_the_bits_of_one(swept, tmp_path):
    whole, _ = swept

    run_sweep(parse_sweep(TOY), tmp_path / "two", workers=2, progress=False)

    assert contents(tmp_path / "two") == contents(whole)


def test_a_dask_cluster_gives_the_bits_of_the_local_run(swept, tmp_path):
    distributed = pytest.importorskip("distributed")
    whole, _ = swept

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None
    ) as cluster:
        run_sweep(parse_sweep(TOY), tmp_path / "x", scheduler=cluster.scheduler_address, progress=False)

    assert contents(tmp_path / "x") == contents(whole)


def test_a_cluster_that_is_not_there_or_no_dask_at_all_is_one_line_and_nothing_is_written(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(RunError, match=r'pip install "sdesim\[dask\]"'):
        run_sweep(parse_sweep(TOY), tmp_path / "x", scheduler="tcp://127.0.0.1:1", progress=False)

    assert not (tmp_path / "x").exists()


def test_a_point_that_cannot_be_run_leaves_the_others_alone(tmp_path):
    out, sweep = tmp_path / "x", parse_sweep(ONE)
    folder = out / "points" / sweep.points[0].name
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("precious")

    summary = run_sweep(sweep, out, resume=True, progress=False)

    first, second = summary["points"]
    assert (first["state"], second["state"]) == ("failed", "finished")
    assert "not a run directory" in first["error"]
    assert first["error"] in (out / "report.html").read_text()
    assert [p.name for p in folder.iterdir()] == ["mine.txt"]
    assert (out / "INCOMPLETE").exists()
    with pytest.raises(RunError, match="no point could be run"):
        run_sweep(sweep, out, resume=True, progress=False)


def call(*arguments: str) -> int:
    from sdesim import cli

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["sdesim", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    return int(stop.value.code or 0)


def test_the_command_line_sweeps_resumes_shows_and_draws_anew(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("toy.yaml").write_text(TOY)

    assert call("sweep", "toy.yaml", "--out", "x", "--only", "dt=0.05", "--only", "diffusion=0.1", "-q") == OK
    assert capsys.readouterr().out == ""
    assert Path("x/INCOMPLETE").exists()
    assert call("sweep", "toy.yaml", "--out", "x", "--resume", "--only", "dt=0.05", "--json") == OK
    states = [p["state"] for p in json.loads(capsys.readouterr().out)["points"]]
    assert states == ["finished", "not run", "finished", "not run"]
    assert call("show", "x") == OK
    assert "2 of 4 points of diffusion (2) × dt (2)" in capsys.readouterr().out
    Path("x/report.html").unlink()
    assert call("report", "x") == OK
    assert Path("x/report.html").exists()
    assert call("validate", "toy.yaml", "--set", "sweep={arms.sde.simulate.dt: [0]}") == 2
    assert "arms.sde.simulate.dt" in capsys.readouterr().err
    missed = ("--set", "expect[0].below=-1", "--set", "sweep={arms.sde.simulate.dt: [0.1]}")
    assert call("sweep", "toy.yaml", "--out", "y", *missed) == MISSED
    assert "expectations missed at: dt=0.1" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["phase-diagram-digits", "phase-diagram-levy"])
def test_the_points_of_shipped_sweeps_are_valid_in_full_and_small(name):
    full, quick = load_sweep(name), load_sweep(name, quick=True)

    assert len(full.points) == math.prod(len(a.rows) for a in full.axes) >= 20
    assert len(quick.points) <= 6
    assert [a.label for a in full.axes] == [a.label for a in quick.axes]
