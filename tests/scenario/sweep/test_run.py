"""Running the points of a sweep: what each leaves behind, interruptions, several processes."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from sdesim.errors import RunError
from sdesim.scenario import load_scenario, load_sweep, parse_sweep, run_scenario, run_sweep
from sdesim.scenario.sweep.run import _csv
from tests.scenario.sweep.toy import ONE, TOY


def contents(folder: Path) -> dict[str, str]:
    """Digest of everything in a sweep that does not tell of time and place."""
    skipped = ("provenance.json", "summary.json", "report.html", "zarr.json")
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in skipped]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    out = tmp_path_factory.mktemp("sweep") / "toy"
    return out, run_sweep(parse_sweep(TOY), out, progress=False)


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


BOWL = """\
import multiprocessing
import os
from dataclasses import dataclass

from sdesim.surfaces import Quadratic


@dataclass(frozen=True)
class Bowl(Quadratic):
    way: int = 0

    @property
    def start(self):
        if multiprocessing.parent_process() is not None:
            if self.way == 1:
                raise ZeroDivisionError("by this")
            if self.way == 2:
                os.kill(os.getpid(), 9)
        return super().start
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_what_code_of_others_raises_at_a_point_or_does_to_its_process_leaves_the_others_alone(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "bowls.py").write_text(BOWL)
    text = ONE.replace("kind: quadratic", '"kind": "bowls:Bowl"')
    text = text.replace(
        '"arms.sde.simulate.noise[0].diffusion": [0.1, 0.4]', "arms.sde.simulate.surface.way: [0, 1, 2]"
    )
    (tmp_path / "bowls.yaml").write_text(text)

    sweep = load_sweep(tmp_path / "bowls.yaml", trust=["bowls"])
    summary = run_sweep(sweep, tmp_path / "x", workers=2, progress=False)

    states = [(p["state"], p.get("error", "")) for p in summary["points"]]
    told = f"arms.sde.simulate: {tmp_path}/bowls.py, line 16, in start: ZeroDivisionError: by this"
    assert states == [
        ("finished", ""),
        ("failed", told),
        ("failed", "the process that ran it was killed (SIGKILL, out of memory?)"),
    ]
    assert (tmp_path / "x" / "INCOMPLETE").exists()


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


def test_an_axis_value_that_would_be_a_formula_is_text_in_the_table():
    rows = [{"point": "x", "=axis": "=cmd", "arm": "a", "value": -1.5, "low": float("nan")}]

    head, found = csv.reader(_csv(rows, ["=axis"]).splitlines())

    assert head[:2] == ["point", "'=axis"]
    assert dict(zip(head, found, strict=True))["'=axis"] == "'=cmd"
    assert dict(zip(head, found, strict=True))["value"] == "-1.5"
    assert dict(zip(head, found, strict=True))["low"] == dict(zip(head, found, strict=True))["n"] == ""


def test_a_finished_point_that_was_damaged_is_one_line_with_its_folder_before_anything_is_written(
    swept, tmp_path
):
    out, point = tmp_path / "toy", parse_sweep(TOY).points[1].name
    shutil.copytree(swept[0], out)
    folder = out / "points" / point
    chunk = max((p for p in folder.rglob("c/**/*") if p.is_file()), key=lambda p: p.stat().st_size)
    os.truncate(chunk, 5)
    before = contents(out)

    words = rf"cut off.*: restore it, or remove {re.escape(str(folder))}, and --resume runs that point again$"
    with pytest.raises(RunError, match=words) as error:
        run_sweep(parse_sweep(TOY), out, resume=True, progress=False)
    assert "\n" not in str(error.value)
    assert contents(out) == before

    shutil.rmtree(folder)
    summary = run_sweep(parse_sweep(TOY), out, resume=True, progress=False)
    assert summary["points_run"] == 1
    assert contents(out) == contents(swept[0])
